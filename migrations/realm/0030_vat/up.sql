-- VAT by customer (docs/adr/0022): whether staff set the rate or the rules decide, and on each invoice why it has the
-- VAT that it has.

alter table customer add column vat_fixed boolean not null default false;
comment on column customer.vat_fixed is 'Whether staff set vat_points; else the rules of VAT decide, where there are any.';
-- What staff had set stays what it is.
update customer set vat_fixed = true where vat_points <> 0;

alter table invoice
    add column vat_ground text not null default 'fixed'
        check (vat_ground in ('fixed', 'seller', 'destination', 'reverse_charge', 'export')),
    add column vat_country text check (vat_country ~ '^[A-Z]{2}$'),
    add constraint invoice_without_vat check (vat_ground not in ('reverse_charge', 'export') or vat_points = 0);
comment on column invoice.vat_ground is 'Why it has its VAT: a rate that staff set, the company''s own country''s, that of the buyer''s country, none since the buyer accounts for it, none since the buyer is outside the union.';
comment on column invoice.vat_country is 'The country whose rate it is, or to whose buyer none is charged; null for a rate that staff set.';
