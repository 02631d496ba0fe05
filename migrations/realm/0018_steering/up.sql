-- What steers the queue: whose turn it is on a server and on a hypervisor, what is taken back when a task comes to
-- nothing, and how many destructive operations may run by themselves.

-- Reckoned by the database, so that a program of the version before this one can't leave it out.
alter table task
    add column rank smallint generated always as (case
        when operation in ('server_create', 'server_suspend', 'server_unsuspend', 'server_destroy') then 0 else 1
    end) stored,
    add column node text,
    add column node_slot integer check (node_slot > 0),
    add column cancel_requested_at timestamptz,
    add column invoice_id bigint references invoice,
    add column undo jsonb;
comment on column task.rank is '0 for the operations that say whether a server is there and on; those of 1 wait for them, and are held while the server is suspended.';
comment on column task.node is 'The hypervisor that its newest claim was for.';
comment on column task.node_slot is 'Which of the hypervisor''s places that claim took.';
comment on column task.cancel_requested_at is 'When staff asked its worker to let go of it.';
comment on column task.invoice_id is 'What was paid for it alone; returned when it comes to nothing.';
comment on column task.undo is 'What of the order and its server it changed when it was queued, as that was before.';

create unique index task_node_slot on task (node, node_slot) where state = 'running';
create index task_destructive on task (created_at) where operation in ('server_recreate', 'server_destroy');

alter table orders
    add column attention text,
    add column ended_state text,
    add column ended_suspended_by text;
comment on column orders.attention is 'Why staff should look at it.';
comment on column orders.ended_state is 'The state in which it was terminated, while that can be taken back.';
comment on column orders.ended_suspended_by is 'Who had suspended it then.';

alter table customer add column destructive_per_hour integer check (destructive_per_hour >= 0);
comment on column customer.destructive_per_hour is 'So many reinstallations and removals an hour run by themselves, more wait for staff; null: as the configuration says.';
