-- Customers and what opens the gateway to them. This and all that follows is made once for each realm, in a schema of
-- its own (docs/adr/0002).

create table customer (
    id                 bigint generated always as identity primary key,
    login              text        not null unique check (login ~ '^[^\s[:cntrl:]]{1,64}$'),
    currency           text        not null check (currency ~ '^[A-Z]{3}$'),
    language           text        not null default 'ru' check (language in ('ru', 'en', 'lt')),
    vat_points         integer     not null default 0 check (vat_points between 0 and 10000),
    api_enabled        boolean     not null default true,
    disabled           boolean     not null default false,
    password_hash      text,
    credential_version bigint      not null default 1,
    demo               boolean     not null default false,
    created_at         timestamptz not null default now(),
    unique (id, currency)
);
comment on table customer is 'A reseller or customer, who is billed in one currency.';
comment on column customer.id is 'Its number.';
comment on column customer.login is 'Case-sensitive; what the field login is compared with.';
comment on column customer.currency is 'ISO 4217; of its prices, wallets and invoices. It never changes.';
comment on column customer.language is 'Of messages and invoices.';
comment on column customer.vat_points is 'VAT rate of its new invoices, in hundredths of a percent.';
comment on column customer.api_enabled is 'Whether the gateway is open to it (code 5).';
comment on column customer.disabled is 'Closed by staff (code 5).';
comment on column customer.password_hash is 'argon2id, as a PHC string; none until a password is set.';
comment on column customer.credential_version is 'Grows with each change of what opens the gateway, so that nothing verified before still counts.';
comment on column customer.demo is 'Of the demo data; the gateway then binds loopback only.';
comment on column customer.created_at is 'When it was added.';

create table api_key (
    id          bigint generated always as identity primary key,
    customer_id bigint      not null references customer,
    digest      bytea       not null unique check (octet_length(digest) = 32),
    hint        text        not null,
    created_at  timestamptz not null default now(),
    revoked_at  timestamptz
);
create index api_key_of_customer on api_key (customer_id) where revoked_at is null;
comment on table api_key is 'Keys of the reseller gateway.';
comment on column api_key.id is 'Its number, for staff.';
comment on column api_key.customer_id is 'Whose it is.';
comment on column api_key.digest is 'SHA-256 of the key, which itself is random and kept nowhere.';
comment on column api_key.hint is 'The key''s first characters, by which its owner knows it.';
comment on column api_key.created_at is 'When it was issued.';
comment on column api_key.revoked_at is 'When it stopped working.';

create table allowed_network (
    customer_id bigint not null references customer,
    network     cidr   not null,
    created_at  timestamptz not null default now(),
    primary key (customer_id, network)
);
comment on table allowed_network is 'Where a customer may call from (code 54); a customer without any may call from anywhere.';
comment on column allowed_network.customer_id is 'Whose it is.';
comment on column allowed_network.network is 'IPv4 or IPv6.';
comment on column allowed_network.created_at is 'When it was added.';

create table saved_answer (
    customer_id  bigint      not null references customer,
    request_id   text        not null check (request_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    request_hash bytea       not null check (octet_length(request_hash) = 32),
    answer       bytea,
    created_at   timestamptz not null default now(),
    primary key (customer_id, request_id)
);
create index saved_answer_age on saved_answer (created_at);
comment on table saved_answer is 'Answers to requests with a requestid, written in the transaction of their effect.';
comment on column saved_answer.customer_id is 'Whose request it was.';
comment on column saved_answer.request_id is 'The requestid.';
comment on column saved_answer.request_hash is 'SHA-256 of the command and its fields.';
comment on column saved_answer.answer is 'The answer in both formats, sealed; null only inside the transaction that makes it.';
comment on column saved_answer.created_at is 'After 24 hours the requestid is free again.';
