-- Numbers of invoices are given after payment, by one job, so that orders never queue on them and no number is lost.

create table invoice_series (
    series text   primary key check (series ~ '^[A-Z0-9-]{1,16}$'),
    last   bigint not null default 0
);
comment on table invoice_series is 'Series of invoice numbers.';
comment on column invoice_series.series is 'As it stands on paper.';
comment on column invoice_series.last is 'The last number given.';

create index invoice_unnumbered on invoice (paid_at, id) where status = 'paid' and number is null;
