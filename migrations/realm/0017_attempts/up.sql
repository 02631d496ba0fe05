-- Each claim of a task, and what came of it: why a task was tried five times is asked after the fact, when the worker
-- that knew is gone.

create table task_attempt (
    task_id    bigint      not null references task,
    fence      bigint      not null,
    attempt    integer     not null,
    worker     uuid        not null,
    started_at timestamptz not null default now(),
    ended_at   timestamptz,
    outcome    text        check (outcome in ('succeeded', 'retry', 'failed', 'unknown', 'lost', 'released', 'cancelled')),
    class      text,
    driver     text,
    detail     text        not null default '',
    primary key (task_id, fence),
    constraint task_attempt_ended check ((ended_at is null) = (outcome is null))
);
comment on table task_attempt is 'Each claim of a task, written in the transactions of the claim and of its end.';
comment on column task_attempt.task_id is 'Of which task.';
comment on column task_attempt.fence is 'The claim''s fence.';
comment on column task_attempt.attempt is 'Which try it was, from 1; one that was released doesn''t count, so two can have the same.';
comment on column task_attempt.worker is 'The worker, new for each process.';
comment on column task_attempt.started_at is 'When it was claimed.';
comment on column task_attempt.ended_at is 'When it was over; null while it is under way.';
comment on column task_attempt.outcome is 'succeeded; retry and failed: not done; unknown: done or not; lost: its worker was not heard of any more; released: its worker stopped; cancelled: staff did not want it any more.';
comment on column task_attempt.class is 'The kind of failure.';
comment on column task_attempt.driver is 'The driver that tried, with its protocol where it has several.';
comment on column task_attempt.detail is 'What was told of it.';
