-- Exchange rates by day. They change daily and come from a bank, while the catalogue is written by people: so they stand
-- beside its revisions and not in them.

create table exchange_rate (
    id         bigint generated always as identity primary key,
    base       text        not null check (base ~ '^[A-Z]{3}$'),
    currency   text        not null check (currency ~ '^[A-Z]{3}$'),
    day        date        not null,
    billionths bigint      not null check (billionths > 0),
    note       text        not null default '',
    set_at     timestamptz not null default now(),
    constraint exchange_rate_of_another check (base <> currency)
);
create index exchange_rate_by_day on exchange_rate (base, currency, day, id);
comment on table exchange_rate is 'What one unit of a currency is worth in another, from a day on until the next rate''s. Never changed: of two rates of a day the newer row holds.';
comment on column exchange_rate.id is 'Grows with each rate.';
comment on column exchange_rate.base is 'ISO 4217; the catalogue''s currency then.';
comment on column exchange_rate.currency is 'ISO 4217; the customers''.';
comment on column exchange_rate.day is 'The first day that it holds on, in the company''s time zone.';
comment on column exchange_rate.billionths is 'Billionths of a unit of the currency for one of the base.';
comment on column exchange_rate.note is 'What staff said of it, such as where it is from.';
comment on column exchange_rate.set_at is 'When it was set.';

create trigger exchange_rate_append_only before update or delete or truncate on exchange_rate
    for each statement execute function refuse_change();
