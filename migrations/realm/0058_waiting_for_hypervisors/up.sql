-- A hypervisor that is away costs no tries: a task that could not be begun waits by time. Since when and for whom is kept
-- with it, so that it ends some day, and staff are told before. Only columns are added: older workers pass them over.

alter table task
    add column waiting_since timestamptz,
    add column waits_for text,
    add column unseen boolean not null default false,
    add constraint task_waits_for_something check ((waiting_since is null) = (waits_for is null));
comment on column task.waiting_since is 'Since when it could not be begun because its hypervisor could not be asked; null once a try counted.';
comment on column task.waits_for is 'The driver whose hypervisor that is.';
comment on column task.unseen is 'Whether its last try may have done it and nobody could look: then the machine is looked at before anything else.';

create index task_waiting on task (waits_for, waiting_since)
    where waiting_since is not null and state in ('queued', 'running');
comment on index task_waiting is 'What waits for hypervisors: few, and none where all are there.';

alter table notice drop constraint notice_event_check;
alter table notice add constraint notice_event_check check (event in ('order.ready', 'order.expiring', 'order.suspended',
    'order.terminated', 'order.manual', 'invoice.issued', 'invoice.paid', 'balance.low', 'webhook.disabled', 'tasks.waiting'));

create function tell_staff(p_event text, p_key text, p_customer bigint, p_facts jsonb, p_at timestamptz)
    returns bigint language sql security definer as $$
    with told as (
        insert into notice (event, key, channel, customer_id, facts, at)
            values (p_event, p_key, 'staff', p_customer, p_facts, p_at)
            on conflict on constraint notice_once do nothing
            returning 1)
    select count(*) from told
$$;
alter function tell_staff(text, text, bigint, jsonb, timestamptz) set search_path from current;
comment on function tell_staff is 'Writes an event''s notice to staff alone. Returns how many are new.';
