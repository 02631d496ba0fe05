-- Payments that somebody else has a name for: a bank's or a payment provider's. Each is recorded once, however often it
-- is reported.

create table payment (
    reference   text        primary key check (reference ~ '^[^[:cntrl:]]{1,128}$'),
    customer_id bigint      not null,
    amount      bigint      not null check (amount > 0),
    currency    text        not null,
    invoice_id  bigint      references invoice,
    received_at timestamptz not null default realm_now(),
    foreign key (customer_id, currency) references customer (id, currency)
);
comment on table payment is 'Payments with a name of their own. Never changed.';
comment on column payment.reference is 'What the bank or the payment provider calls it.';
comment on column payment.customer_id is 'Who paid.';
comment on column payment.amount is 'Minor units.';
comment on column payment.currency is 'The customer''s.';
comment on column payment.invoice_id is 'The invoice that it is meant for, if any.';
comment on column payment.received_at is 'When it was recorded.';

create index invoice_unpaid on invoice (customer_id, created_at, id) where status = 'unpaid';
