-- Test mode of a customer's own login (CONTRACT 1.6): a key that opens a test realm of the customer's own, in a schema
-- that only this customer's test key leads to.

create table own_realm (
    customer_id bigint      primary key references customer,
    name        text        not null unique check (name ~ '^own_[0-9a-f]{16}$'),
    key_digest  bytea       not null check (octet_length(key_digest) = 32),
    key_hint    text        not null,
    made_at     timestamptz not null default now(),
    expires_at  timestamptz not null,
    used_at     timestamptz not null default now()
);
comment on table own_realm is 'Customers'' own test realms; in the live realm alone. A schema of that kind without a row here is swept.';
comment on column own_realm.customer_id is 'Whose it is.';
comment on column own_realm.name is 'Its schema.';
comment on column own_realm.key_digest is 'SHA-256 of the test key. The key itself is never stored.';
comment on column own_realm.key_hint is 'The key''s first characters.';
comment on column own_realm.made_at is 'When test mode was switched on.';
comment on column own_realm.expires_at is 'When the key stops working and the realm is taken out.';
comment on column own_realm.used_at is 'When the key was last used, to the minute: a realm that nobody uses sleeps.';
