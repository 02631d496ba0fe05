-- What the provisioner is to do. A task is written in the transaction of the money or the request that it comes of.

create sequence task_fence;
comment on sequence task_fence is 'Each claim of a task takes a new number; what an older claim still writes is refused.';

create table task (
    id           bigint generated always as identity primary key,
    order_id     bigint      not null references orders,
    operation    text        not null,
    params       jsonb       not null default '{}',
    state        text        not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'manual')),
    results      text        not null default '',
    attempt      integer     not null default 0,
    max_attempts integer     not null default 5,
    run_at       timestamptz not null default now(),
    fence        bigint,
    lease_owner  uuid,
    lease_until  timestamptz,
    created_at   timestamptz not null default now(),
    assigned_at  timestamptz,
    completed_at timestamptz,
    constraint task_leased_while_running check ((state = 'running') = (lease_owner is not null and lease_until is not null)),
    constraint task_completed_when_over check ((state in ('succeeded', 'failed', 'cancelled')) = (completed_at is not null))
);
create unique index task_one_running on task (order_id) where state = 'running';
create unique index task_one_create on task (order_id) where operation = 'server_create' and state not in ('failed', 'cancelled');
create index task_open on task (order_id, id) where state in ('queued', 'running');
create index task_due on task (run_at, id) where state = 'queued';
create index task_leases on task (lease_until) where state = 'running';
comment on table task is 'The queue, and the history that server_tasks shows.';
comment on column task.id is 'ta_id.';
comment on column task.order_id is 'Of which order.';
comment on column task.operation is 'ta_command.';
comment on column task.params is 'ta_params; never a secret.';
comment on column task.state is 'queued, running, then one of the ends; manual waits for staff.';
comment on column task.results is 'ta_results: the log so far.';
comment on column task.attempt is 'How many times a worker took it.';
comment on column task.max_attempts is 'After so many it has failed for good.';
comment on column task.run_at is 'Not before.';
comment on column task.fence is 'Of the newest claim.';
comment on column task.lease_owner is 'The worker that has it.';
comment on column task.lease_until is 'Until when, unless the worker says it is alive.';
comment on column task.created_at is 'ta_activated.';
comment on column task.assigned_at is 'ta_assigned: when a worker first took it.';
comment on column task.completed_at is 'ta_completed.';

create table simulated_server (
    order_id   bigint      primary key references orders,
    running    boolean     not null,
    generation integer     not null,
    boots      bigint      not null,
    image_id   text,
    last_fence bigint      not null,
    changed_at timestamptz not null default now()
);
comment on table simulated_server is 'The simulated hypervisor''s machines.';
comment on column simulated_server.order_id is 'Of which order.';
comment on column simulated_server.running is 'Whether it is switched on.';
comment on column simulated_server.generation is 'How often its system was made.';
comment on column simulated_server.boots is 'How often it started.';
comment on column simulated_server.image_id is 'What is on its disk.';
comment on column simulated_server.last_fence is 'Of the newest task that changed it; older ones are refused.';
comment on column simulated_server.changed_at is 'When.';
