-- What customers and staff are told by e-mail and webhooks. A notice is written in the transaction of what it tells of,
-- by triggers, so that each event has one place however many ways lead to it (docs/adr/0025); a worker takes it out.

create table webhook (
    id            bigint      generated always as identity primary key,
    customer_id   bigint      not null references customer,
    url           text        not null check (url ~ '^https?://[^\s[:cntrl:]]+$' and length(url) <= 1000),
    secret        bytea       not null,
    old_secret    bytea,
    old_until     timestamptz,
    failing_since timestamptz,
    disabled_at   timestamptz,
    created_at    timestamptz not null default now(),
    unique (customer_id, url),
    constraint webhook_old_secret_ends check ((old_secret is null) = (old_until is null))
);
comment on table webhook is 'Addresses of customers'' own services that are told what happens.';
comment on column webhook.id is 'Its number.';
comment on column webhook.customer_id is 'Whose it is.';
comment on column webhook.url is 'Where it is.';
comment on column webhook.secret is 'What its messages are signed with, sealed.';
comment on column webhook.old_secret is 'The secret before, sealed; messages are signed with both for a while.';
comment on column webhook.old_until is 'Until when they are.';
comment on column webhook.failing_since is 'Since when nothing was delivered, though it was tried.';
comment on column webhook.disabled_at is 'When it was given up: it is told nothing until it is set again.';
comment on column webhook.created_at is 'When it was set.';

create table notice (
    id            bigint      generated always as identity primary key,
    uid           uuid        not null unique default gen_random_uuid(),
    event         text        not null check (event in ('order.ready', 'order.expiring', 'order.suspended', 'order.terminated',
                                  'order.manual', 'invoice.issued', 'invoice.paid', 'balance.low', 'webhook.disabled')),
    key           text        not null,
    channel       text        not null check (channel in ('mail', 'staff', 'webhook')),
    webhook_id    bigint      not null default 0,
    customer_id   bigint      not null,
    facts         jsonb       not null,
    at            timestamptz not null,
    state         text        not null default 'waiting' check (state in ('waiting', 'sent', 'skipped', 'failed')),
    attempt       integer     not null default 0,
    since         timestamptz not null default now(),
    due_at        timestamptz not null default now(),
    claimed_by    uuid,
    claimed_until timestamptz,
    ended_at      timestamptz,
    detail        text        not null default '',
    constraint notice_once unique (key, channel, webhook_id),
    constraint notice_of_webhook check ((channel = 'webhook') = (webhook_id <> 0)),
    constraint notice_claimed check ((claimed_by is null) = (claimed_until is null)),
    constraint notice_ended check ((state = 'waiting') = (ended_at is null))
);
create index notice_due on notice (due_at, id) where state = 'waiting';
create index notice_failed on notice (id) where state = 'failed';
create index notice_old on notice (ended_at) where ended_at is not null;
create index notice_of_customer on notice (customer_id, id);
create index notice_of_webhook_waiting on notice (webhook_id) where channel = 'webhook' and state = 'waiting';
-- No reference to customer, orders or invoice: it would lock their rows when wallets are held already, and the test
-- realm's old orders go while notices of them may wait.
comment on table notice is 'The outbox: one row an event and way to tell it.';
comment on column notice.id is 'Its number.';
comment on column notice.uid is 'What makes its message the same each time it is sent: Message-ID, webhook-id.';
comment on column notice.event is 'What happened.';
comment on column notice.key is 'Which time it happened; a second row of it is refused.';
comment on column notice.channel is 'mail: to the customer; staff: to the company''s staff; webhook: to a service of the customer''s.';
comment on column notice.webhook_id is 'Which webhook; 0 for mail.';
comment on column notice.customer_id is 'Whose order, invoice or balance it is of.';
comment on column notice.facts is 'What there was to tell then. Never a secret.';
comment on column notice.at is 'When it happened, by the realm''s clock.';
comment on column notice.state is 'waiting, sent, skipped (there is no way to tell it) or failed (given up).';
comment on column notice.attempt is 'How often it was tried.';
comment on column notice.since is 'When it was written, or staff had it tried again: it is given up some time after.';
comment on column notice.due_at is 'Not tried before.';
comment on column notice.claimed_by is 'The worker that tries it.';
comment on column notice.claimed_until is 'Until when that worker is believed to be at it.';
comment on column notice.ended_at is 'When it was sent, skipped or given up.';
comment on column notice.detail is 'What became of the last try.';

create function tell(p_event text, p_key text, p_customer bigint, p_facts jsonb, p_at timestamptz, p_staff boolean)
    returns bigint language sql security definer as $$
    with told as (
        insert into notice (event, key, channel, webhook_id, customer_id, facts, at)
            select p_event, p_key, w.channel, w.id, p_customer, p_facts, p_at
            from (select 'mail' as channel, 0::bigint as id
                  union all select 'staff', 0 where p_staff
                  union all select 'webhook', id from webhook where customer_id = p_customer and disabled_at is null) w
            on conflict on constraint notice_once do nothing
            returning 1)
    select count(*) from told
$$;
alter function tell(text, text, bigint, jsonb, timestamptz, boolean) set search_path from current;
comment on function tell is 'Writes an event''s notices, one for each way to tell it that its customer has. Returns how many are new.';

create function facts_of_order(o orders) returns jsonb language sql stable as $$
    select jsonb_build_object('order', o.id, 'tariff', o.tariff_id, 'domain', o.domain_unicode, 'until', o.paid_until)
$$;
comment on function facts_of_order is 'What notices tell of an order.';

create function moment_key() returns text language sql stable as $$
    select (extract(epoch from now()) * 1000000)::bigint::text
$$;
comment on function moment_key is 'Names the transaction''s moment: what can happen to an order again, happens once a moment.';

create function tell_of_order() returns trigger language plpgsql security definer as $$
begin
    if new.state = 'suspended' and old.state not in ('suspended', 'terminated') then
        perform tell('order.suspended', format('order.suspended %s %s', new.id, moment_key()), new.customer_id,
                     facts_of_order(new) || jsonb_build_object('by', new.suspended_by), realm_now(), false);
    elsif new.state = 'terminated' and old.state <> 'terminated' then
        perform tell('order.terminated', format('order.terminated %s %s', new.id, moment_key()), new.customer_id,
                     facts_of_order(new) || jsonb_build_object('began', new.start_day is not null), new.terminated_at, false);
    end if;
    if new.attention is not null and old.attention is null then
        perform tell('order.manual', format('order.manual %s %s', new.id, moment_key()), new.customer_id,
                     facts_of_order(new), realm_now(), true);
    end if;
    return null;
end $$;
alter function tell_of_order() set search_path from current;
create trigger order_told after update on orders for each row
    when (new.state <> old.state or (new.attention is null) <> (old.attention is null))
    execute function tell_of_order();

-- An order is ready when its creation is done, by a worker or by staff; it waits for staff from its first task that does
-- until none does.
create function tell_of_task() returns trigger language plpgsql security definer as $$
declare
    v_order orders;
begin
    select * into strict v_order from orders where id = new.order_id;
    if new.state = 'succeeded' and v_order.state <> 'terminated' then
        perform tell('order.ready', format('order.ready %s', v_order.id), v_order.customer_id, facts_of_order(v_order),
                     realm_now(), false);
    elsif new.state = 'manual' and v_order.attention is null
        and not exists (select from task where order_id = new.order_id and state = 'manual' and id < new.id) then
        perform tell('order.manual', format('order.manual %s %s', v_order.id, moment_key()), v_order.customer_id,
                     facts_of_order(v_order), realm_now(), true);
    end if;
    return null;
end $$;
alter function tell_of_task() set search_path from current;
create trigger task_told after update on task for each row
    when (new.state <> old.state and (new.state = 'manual' or new.state = 'succeeded' and new.operation = 'server_create'))
    execute function tell_of_task();
create trigger new_task_told after insert on task for each row when (new.state = 'manual')
    execute function tell_of_task();

create function tell_of_invoice() returns trigger language plpgsql security definer as $$
declare
    v_order orders;
    v_event text := case new.status when 'paid' then 'invoice.paid' else 'invoice.issued' end;
begin
    select * into strict v_order from orders where id = new.order_id;
    perform tell(v_event, format('%s %s', v_event, new.id), new.customer_id,
                 facts_of_order(v_order) || jsonb_build_object('invoice', new.id, 'purpose', new.purpose, 'months', new.months,
                     'total', new.total, 'currency', new.currency),
                 coalesce(new.paid_at, new.created_at), false);
    return null;
end $$;
alter function tell_of_invoice() set search_path from current;
create trigger new_invoice_told after insert on invoice for each row when (new.total > 0 and new.status <> 'cancelled')
    execute function tell_of_invoice();
create trigger invoice_told after update on invoice for each row
    when (new.total > 0 and new.status = 'paid' and old.status <> 'paid') execute function tell_of_invoice();
