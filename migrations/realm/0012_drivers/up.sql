-- How far a driver has come with a task, so that another worker goes on from there; and how much of it was seen to be
-- so. Only columns are added: older workers pass them over.

alter table task
    add column boot      text,
    add column handle    text,
    add column handle_at timestamptz,
    add column verified  boolean,
    add constraint task_handle_since check ((handle is null) = (handle_at is null));
comment on column task.boot is 'Of a restart: which start of the machine''s system was seen before anything was done; empty when it was off.';
comment on column task.handle is 'What the driver waits for: its own name of the work under way, until it says what came of it.';
comment on column task.handle_at is 'Since when.';
comment on column task.verified is 'Whether all that the task wanted was seen; false when the driver could not tell some of it; null in tasks that are not over, that staff did, or that are older than this column.';

