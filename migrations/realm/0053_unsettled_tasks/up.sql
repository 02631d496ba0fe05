-- Whose turn it is on a server depends on the tasks of its order that are queued, running or with staff: few, whatever the
-- server has been through.
create index task_unsettled on task (order_id, rank, id) where state in ('queued', 'running', 'manual');
comment on index task_unsettled is 'An order''s tasks that are not over, in the order of their turns.';
drop index task_open;
