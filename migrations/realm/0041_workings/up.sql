-- What an invoice's figures were reckoned from, kept with them: the exchange rate with its day, where each unit price is
-- from, and of which days a line is (docs/adr/0023).

alter table invoice
    add column base_currency text check (base_currency ~ '^[A-Z]{3}$'),
    add column rate_billionths bigint check (rate_billionths > 0),
    add column rate_day date,
    add constraint invoice_rate_of_a_currency
        check ((base_currency is null) = (rate_billionths is null) and (rate_day is null or rate_billionths is not null));
comment on column invoice.base_currency is 'The catalogue''s currency, where prices were converted from it.';
comment on column invoice.rate_billionths is 'Billionths of a unit of the invoice''s currency for one of base_currency, as prices were converted at.';
comment on column invoice.rate_day is 'The rate''s day; null for one of the catalogue''s file, which says none.';

alter table invoice_line add column working jsonb;
comment on column invoice_line.working is 'What the line was reckoned from, as the domain''s Working; null of what was written before this was kept.';
