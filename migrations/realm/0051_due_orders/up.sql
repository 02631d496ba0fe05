-- The billing run asks each minute which orders something may be due of. What it asks for is few of many orders, so each of
-- its reasons has an index that finds those and no others; orders_ending and orders_awaiting_payment serve the others.

create index orders_renewing on orders (paid_until, id)
    where auto_renew and state in ('provisioning', 'active', 'suspended');
comment on index orders_renewing is 'Orders that renew by themselves, by the day they are paid until: what is to be renewed, and whose balance has to do.';
create index orders_lapsed on orders (lapsed_on, id)
    where lapsed_on is not null and state in ('provisioning', 'active', 'suspended');
comment on index orders_lapsed is 'Orders that are kept, by the day their grace was over: what has been kept long enough.';

-- The interlock asks how many tasks went to staff after their last try within the hour: few of those that wait for staff.
create index task_gave_up on task (run_at) where state = 'manual' and attempt >= max_attempts;
comment on index task_gave_up is 'Tasks that wait for staff after their last try.';
