-- The billing run: what happens to orders when nobody calls. Each order is a transaction of its own; here stands what
-- the run itself has to remember, and what its interlock found.

alter table orders
    add column auto_renew boolean not null default false,
    add column lapsed_on date;
comment on column orders.auto_renew is 'Whether it is renewed from the balance before its paid time ends.';
comment on column orders.lapsed_on is 'The day the billing run found its grace over; it is kept from then on, and then ends. Null again once it is paid for longer.';
create index orders_ending on orders (paid_until, id) where paid_until is not null and state <> 'terminated';
create index orders_awaiting_payment on orders (created_at) where state = 'awaiting_payment';
create unique index invoice_one_ahead on invoice (order_id) where status = 'unpaid' and ahead;
create index journal_deposits on journal (created_at) where kind = 'deposit';
create index task_ended on task (completed_at) where completed_at is not null;

create table billing_run (
    one_row       boolean     primary key default true check (one_row),
    last_day      date        not null default current_date - 1,
    last_at       timestamptz,
    claimed_by    uuid,
    claimed_until timestamptz,
    held          jsonb,
    held_at       timestamptz,
    constraint billing_run_claimed check ((claimed_by is null) = (claimed_until is null)),
    constraint billing_run_held check ((held is null) = (held_at is null))
);
comment on table billing_run is 'Where the billing run stands. One row.';
comment on column billing_run.one_row is 'There is one row.';
comment on column billing_run.last_day is 'The newest day, by the realm''s clock, that a run came to the end of.';
comment on column billing_run.last_at is 'When, by the database''s own clock, a run came to its end, or staff said that the clock is right.';
comment on column billing_run.claimed_by is 'The worker that has it in hand.';
comment on column billing_run.claimed_until is 'Until when, unless it says that it is alive.';
comment on column billing_run.held is 'What the interlock found; the run stands still until staff release it.';
comment on column billing_run.held_at is 'Since when.';
insert into billing_run default values;

create table billing_day (
    day        date        primary key,
    renewed    bigint      not null default 0,
    raised     bigint      not null default 0,
    suspended  bigint      not null default 0,
    terminated bigint      not null default 0,
    expired    bigint      not null default 0,
    failed     bigint      not null default 0,
    touched_at timestamptz not null default now()
);
comment on table billing_day is 'What the billing run did on each day: what is usual is reckoned from it.';
comment on column billing_day.day is 'By the realm''s clock.';
comment on column billing_day.renewed is 'Orders renewed from the balance.';
comment on column billing_day.raised is 'Proformas raised ahead.';
comment on column billing_day.suspended is 'Orders whose grace was over.';
comment on column billing_day.terminated is 'Orders that were kept long enough.';
comment on column billing_day.expired is 'Orders that nobody paid for.';
comment on column billing_day.failed is 'Tries that came to nothing, to be tried again.';
comment on column billing_day.touched_at is 'When it last grew.';

create table billing_release (
    id          bigint generated always as identity primary key,
    day         date        not null,
    findings    jsonb       not null,
    released_by text        not null check (released_by <> ''),
    note        text        not null check (note <> ''),
    released_at timestamptz not null default now()
);
comment on table billing_release is 'What staff let the billing run pass, and why. Never changed.';
comment on column billing_release.id is 'Its number.';
comment on column billing_release.day is 'The realm''s day that it is for.';
comment on column billing_release.findings is 'What was found; nothing else passes by it.';
comment on column billing_release.released_by is 'Who.';
comment on column billing_release.note is 'Why.';
comment on column billing_release.released_at is 'When.';
