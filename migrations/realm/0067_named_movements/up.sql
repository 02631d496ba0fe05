-- What is paid back can have a name of its own as what comes in has, so that a transfer that is entered twice is made
-- once; and each named movement is tied to its journal.

alter table payment
    add column kind text not null default 'deposit' check (kind in ('deposit', 'withdrawal')),
    add column movement_id bigint unique,
    add constraint payment_out_is_for_no_invoice check (kind = 'deposit' or invoice_id is null);
comment on table payment is 'Payments with a name of their own, in and out. Never changed.';
comment on column payment.customer_id is 'Who paid, or was paid.';
comment on column payment.kind is 'deposit: money came in; withdrawal: it was paid back.';
comment on column payment.movement_id is 'Its movement in the ledger; null where none could be told when that was not kept yet.';

-- A payment and its journal were written at the same moment, and no transaction wrote two.
update payment p set movement_id = (
    select min(j.ref_id) from journal j join entry e on e.journal_id = j.id join account a on a.id = e.account_id
    where j.customer_id = p.customer_id and j.kind = 'deposit' and j.ref_type = 'movement'
        and j.created_at = p.received_at and a.kind = 'credit' and e.amount = p.amount
    having count(*) = 1);
