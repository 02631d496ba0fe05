-- Hooks say by themselves what came of work that they left under way. It comes in at the gateway, and the worker that waits
-- for it finds it here, also when it came before the worker knew that there was anything to wait for.

create table task_callback (
    task_id     bigint      not null references task on delete cascade,
    fence       bigint      not null,
    status      smallint    not null,
    body        text        not null,
    received_at timestamptz not null default now(),
    primary key (task_id, fence)
);
comment on table task_callback is 'What hooks said by themselves; the first word on a claim counts.';
comment on column task_callback.task_id is 'Of which task.';
comment on column task_callback.fence is 'Of which of its claims.';
comment on column task_callback.status is 'What the hook would have answered, as an HTTP status.';
comment on column task_callback.body is 'With which body.';
comment on column task_callback.received_at is 'When it came in.';
