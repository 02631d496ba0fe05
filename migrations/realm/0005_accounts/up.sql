-- What customers are on paper, and the sub-users that open the account and server API to them.

create table profile (
    customer_id  bigint primary key references customer,
    company      text,
    name         text,
    occupation   text,
    code         text,
    vat_code     text,
    address      text,
    city         text,
    state        text,
    zip          text,
    country      text check (country ~ '^[A-Z]{2}$'),
    phone        text,
    mobile       text,
    fax          text,
    email        text,
    bank_account text,
    bank         text,
    bank_code    text
);
comment on table profile is 'Who a customer is on paper; what is not known is null.';
comment on column profile.customer_id is 'Whose it is.';
comment on column profile.company is 'Name of the company.';
comment on column profile.name is 'Name of the person.';
comment on column profile.occupation is 'What the person is there.';
comment on column profile.code is 'Code of the company or person.';
comment on column profile.vat_code is 'VAT code.';
comment on column profile.address is 'Street and house.';
comment on column profile.city is 'City.';
comment on column profile.state is 'State or region.';
comment on column profile.zip is 'Postal code.';
comment on column profile.country is 'ISO 3166-1, two letters.';
comment on column profile.phone is 'Telephone.';
comment on column profile.mobile is 'Mobile telephone.';
comment on column profile.fax is 'Fax.';
comment on column profile.email is 'Where notices go.';
comment on column profile.bank_account is 'Account at the bank.';
comment on column profile.bank is 'Name of the bank.';
comment on column profile.bank_code is 'Code of the bank.';

create table sub_user (
    id                 bigint generated always as identity primary key,
    customer_id        bigint      not null references customer,
    nick               text        not null unique check (nick ~ '^[^\s[:cntrl:]]{1,64}$'),
    description        text        not null,
    password_hash      text        not null,
    inactive           boolean     not null default false,
    credential_version bigint      not null default 1,
    created_at         timestamptz not null default now()
);
create index sub_user_of_customer on sub_user (customer_id);
comment on table sub_user is 'Users of a customer beside itself. One described API may call the account and server API, and do nothing else.';
comment on column sub_user.id is 'us_id.';
comment on column sub_user.customer_id is 'Whose it is.';
comment on column sub_user.nick is 'us_nick; the field nick is compared with it.';
comment on column sub_user.description is 'us_description.';
comment on column sub_user.password_hash is 'argon2id, as a PHC string.';
comment on column sub_user.inactive is 'Closed by staff.';
comment on column sub_user.credential_version is 'Grows with each change of password or state.';
comment on column sub_user.created_at is 'us_created.';
