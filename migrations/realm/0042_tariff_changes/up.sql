-- Orders change their tariff: what was, what was given back of it, and what the new one costs for the rest of the paid
-- time (docs/adr/0024).

create sequence tariff_change_id;
comment on sequence tariff_change_id is 'Numbers of tariff changes, taken before their credit notes are written.';

create table tariff_change (
    id          bigint      primary key,
    order_id    bigint      not null references orders,
    customer_id bigint      not null references customer,
    day         date        not null,
    from_tariff bigint      not null references catalogue.tariff,
    to_tariff   bigint      not null references catalogue.tariff,
    from_once   boolean     not null,
    currency    text        not null,
    charged     bigint      not null check (charged >= 0),
    consumed    bigint      not null check (consumed >= 0),
    refunded    bigint      not null check (refunded >= 0),
    cost        bigint      not null check (cost >= 0),
    settled     bigint      not null references invoice,
    invoice_id  bigint      references invoice,
    note        text        not null,
    changed_at  timestamptz not null default realm_now(),
    constraint tariff_change_refunds_the_rest check (refunded + consumed = charged),
    constraint tariff_change_invoiced check ((cost > 0) = (invoice_id is not null))
);
create index tariff_change_of_order on tariff_change (order_id, id);
create index tariff_change_had_once on tariff_change (customer_id, from_tariff) where from_once;
comment on table tariff_change is 'Each change of an order''s tariff. Never changed.';
comment on column tariff_change.id is 'Its number; the credit notes'' cause names it.';
comment on column tariff_change.order_id is 'Of which order.';
comment on column tariff_change.customer_id is 'Whose it is.';
comment on column tariff_change.day is 'The first day on the new tariff.';
comment on column tariff_change.from_tariff is 'The tariff before.';
comment on column tariff_change.to_tariff is 'The tariff from then on; the same where only addons changed.';
comment on column tariff_change.from_once is 'Whether the tariff before can be had once a customer: it was had, whatever the order is now (code 27).';
comment on column tariff_change.currency is 'The customer''s.';
comment on column tariff_change.charged is 'Minor units, gross: what was paid for the days of the running interval and those to come, and not credited before.';
comment on column tariff_change.consumed is 'Minor units: the part of it for the days before.';
comment on column tariff_change.refunded is 'Minor units: the rest, given back with credit notes.';
comment on column tariff_change.cost is 'Minor units, gross: what the new tariff costs for the days that are paid.';
comment on column tariff_change.settled is 'The newest invoice that it settled: what is left of that and of older ones is for days before it.';
comment on column tariff_change.invoice_id is 'The invoice over that.';
comment on column tariff_change.note is 'What staff said of it.';
comment on column tariff_change.changed_at is 'When.';
create trigger tariff_change_append_only before update or truncate on tariff_change
    for each statement execute function refuse_change();
