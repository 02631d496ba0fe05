-- Orders, what they are paid for, and their invoices.

create table orders (
    id              bigint generated always as identity primary key,
    customer_id     bigint      not null references customer,
    tariff_id       bigint      not null references catalogue.tariff,
    vid             text        not null check (vid in ('hosting', 'vds', 'dedicated')),
    once_only       boolean     not null,
    domain_ascii    text,
    domain_unicode  text,
    domain_reg      smallint    not null default 0 check (domain_reg in (0, 1, 3)),
    months          smallint    not null check (months > 0),
    state           text        not null check (state in ('awaiting_payment', 'manual', 'provisioning', 'active', 'suspended', 'terminated')),
    suspended_by    text        check (suspended_by in ('customer', 'system')),
    by_hand         boolean     not null,
    start_day       date,
    paid_until      date,
    anchor_day      smallint    not null default 1 check (anchor_day between 1 and 31),
    fixed_monthly   bigint      check (fixed_monthly >= 0),
    server_login    text        not null default '',
    server_password bytea,
    remark          text        not null default '',
    created_at      timestamptz not null default now(),
    terminated_at   timestamptz,
    constraint orders_both_forms_of_domain check ((domain_ascii is null) = (domain_unicode is null)),
    constraint orders_suspended_by_someone check ((state = 'suspended') = (suspended_by is not null)),
    constraint orders_paid_from_start check ((start_day is null) = (paid_until is null)),
    constraint orders_terminated_at check ((state = 'terminated') = (terminated_at is not null))
);
create unique index orders_domain_taken on orders (tariff_id, domain_ascii)
    where domain_ascii is not null and state <> 'terminated';
create unique index orders_had_once on orders (customer_id, tariff_id) where once_only;
create index orders_of_customer on orders (customer_id, id);
comment on table orders is 'What customers ordered (CONTRACT 1.5).';
comment on column orders.id is 'orderid.';
comment on column orders.customer_id is 'Whose it is.';
comment on column orders.tariff_id is 'Of which tariff.';
comment on column orders.vid is 'The tariff''s kind.';
comment on column orders.once_only is 'The tariff''s rule when it was ordered: once a customer, ever (code 27).';
comment on column orders.domain_ascii is 'The domain with A-labels; unique among a tariff''s live orders (code 14).';
comment on column orders.domain_unicode is 'The domain in lower-case Unicode, as it is echoed.';
comment on column orders.domain_reg is '0 without registration, 1 with, 3 with transfer.';
comment on column orders.months is 'The period it was ordered for.';
comment on column orders.state is 'Where it is in its life.';
comment on column orders.suspended_by is 'Who suspended it, while it is suspended.';
comment on column orders.by_hand is 'The tariff''s rule when it was ordered: made and changed by staff (code 30).';
comment on column orders.start_day is 'The day it was first paid.';
comment on column orders.paid_until is 'todate.';
comment on column orders.anchor_day is 'The day of month that renewals keep.';
comment on column orders.fixed_monthly is 'The monthly price that staff fixed for renewals; minor units of the customer''s currency.';
comment on column orders.server_login is 'The service''s login.';
comment on column orders.server_password is 'The service''s password, sealed.';
comment on column orders.remark is 'What staff have to say of it to the customer.';
comment on column orders.created_at is 'orderdate.';
comment on column orders.terminated_at is 'When it ended for good.';

create table order_addon (
    order_id bigint   not null references orders,
    position smallint not null,
    addon_id bigint   not null references catalogue.addon,
    quantity integer  not null check (quantity > 0),
    primary key (order_id, position),
    unique (order_id, addon_id)
);
comment on table order_addon is 'An order''s addons, which its renewals are priced with.';
comment on column order_addon.order_id is 'Of which order.';
comment on column order_addon.position is 'As given, from 1.';
comment on column order_addon.addon_id is 'Which addon.';
comment on column order_addon.quantity is 'How many of it.';

create table server (
    order_id       bigint  primary key references orders,
    cpu_ghz        integer not null,
    ram_mb         integer not null,
    disk_gb        integer not null,
    bandwidth_mbps integer not null,
    image_id       text,
    generation     integer not null default 1
);
comment on table server is 'What an order''s server is to be made of.';
comment on column server.order_id is 'Of which order.';
comment on column server.cpu_ghz is 'Processor, GHz.';
comment on column server.ram_mb is 'Memory, MB.';
comment on column server.disk_gb is 'Disk, GB.';
comment on column server.bandwidth_mbps is 'Bandwidth, Mbps.';
comment on column server.image_id is 'The image in force, which a reinstallation repeats.';
comment on column server.generation is 'Grows with each reinstallation.';

create table invoice (
    id           bigint generated always as identity primary key,
    customer_id  bigint      not null,
    order_id     bigint      not null references orders,
    purpose      text        not null check (purpose in ('order', 'renewal')),
    months       smallint    not null check (months > 0),
    ahead        boolean     not null default false,
    status       text        not null check (status in ('unpaid', 'paid', 'cancelled')),
    currency     text        not null,
    total        bigint      not null check (total >= 0),
    vat_points   integer     not null check (vat_points between 0 and 10000),
    prices       text        not null check (prices in ('gross', 'net')),
    series       text,
    number       bigint,
    created_at   timestamptz not null default now(),
    paid_at      timestamptz,
    cancelled_at timestamptz,
    xact         xid8        not null default pg_current_xact_id(),
    foreign key (customer_id, currency) references customer (id, currency),
    unique (series, number),
    constraint invoice_paid_at check ((status = 'paid') = (paid_at is not null)),
    constraint invoice_cancelled_at check ((status = 'cancelled') = (cancelled_at is not null)),
    constraint invoice_numbered_when_paid check ((series is null) = (number is null) and (number is null or status = 'paid'))
);
create unique index invoice_one_unpaid on invoice (order_id) where status = 'unpaid' and not ahead;
create index invoice_of_customer on invoice (customer_id, id);
create index invoice_of_order on invoice (order_id);
comment on table invoice is 'Invoices; an unpaid one is a proforma.';
comment on column invoice.id is 'Its number for staff; not the number on paper.';
comment on column invoice.customer_id is 'Who pays it.';
comment on column invoice.order_id is 'For which order.';
comment on column invoice.purpose is 'For the order''s first months, or for a renewal.';
comment on column invoice.months is 'The months that it pays for.';
comment on column invoice.ahead is 'Raised ahead for renewal by the billing run; never a reason for code 20.';
comment on column invoice.status is 'A paid or cancelled invoice never changes; what it is for, not even while unpaid.';
comment on column invoice.currency is 'The customer''s.';
comment on column invoice.total is 'Minor units, gross; the sum of its lines.';
comment on column invoice.vat_points is 'VAT rate at issue, in hundredths of a percent.';
comment on column invoice.prices is 'Whether the prices contained the VAT.';
comment on column invoice.series is 'With number, what stands on paper; given after payment.';
comment on column invoice.number is 'Gapless in its series.';
comment on column invoice.created_at is 'When it was issued.';
comment on column invoice.paid_at is 'When it was paid.';
comment on column invoice.cancelled_at is 'When it was cancelled.';
comment on column invoice.xact is 'The transaction that wrote it; lines can be added in that one only.';

create table invoice_line (
    invoice_id      bigint   not null references invoice,
    line            smallint not null,
    item            text     not null check (item in ('tariff_setup', 'addon_setup', 'tariff', 'addon')),
    item_id         bigint   not null,
    title           text     not null,
    quantity        integer  not null check (quantity > 0),
    unit_price      bigint   not null,
    months          smallint not null,
    discount_points integer  not null check (discount_points between 0 and 10000),
    net             bigint   not null,
    vat             bigint   not null,
    gross           bigint   not null,
    primary key (invoice_id, line),
    constraint invoice_line_adds_up check (net + vat = gross)
);
comment on table invoice_line is 'An invoice''s lines, with the arithmetic of each.';
comment on column invoice_line.invoice_id is 'Of which invoice.';
comment on column invoice_line.line is 'From 1.';
comment on column invoice_line.item is 'What it is for.';
comment on column invoice_line.item_id is 'Which tariff or addon.';
comment on column invoice_line.title is 'Its name at issue.';
comment on column invoice_line.quantity is 'How many.';
comment on column invoice_line.unit_price is 'Minor units, of one, for a month or once.';
comment on column invoice_line.months is 'For so many months; 0 for what is paid once.';
comment on column invoice_line.discount_points is 'Less this share, in hundredths of a percent.';
comment on column invoice_line.net is 'Minor units, without VAT.';
comment on column invoice_line.vat is 'Minor units of VAT.';
comment on column invoice_line.gross is 'Minor units, with VAT.';

-- Lines are never updated. The privilege to delete them is the test realm's role's alone: that realm is swept.
create trigger invoice_line_append_only before update or truncate on invoice_line
    for each statement execute function refuse_change();

create function invoice_must_be_open() returns trigger language plpgsql as $$
begin
    if not exists (select from invoice where id = new.invoice_id and xact = pg_current_xact_id()) then
        raise exception using errcode = 'LD007', message = format('invoice %s is closed', new.invoice_id);
    end if;
    return new;
end $$;
alter function invoice_must_be_open() set search_path from current;
create trigger invoice_line_needs_open_invoice before insert on invoice_line
    for each row execute function invoice_must_be_open();

create function invoice_is_another_s() returns trigger language plpgsql as $$
begin
    raise exception using errcode = 'LD007', message = format('invoice %s is not of transaction %s', new.id, new.xact);
end $$;
-- Roles may insert invoices, unlike journals: none may leave one open for a transaction to come.
create trigger invoice_of_its_transaction before insert on invoice
    for each row when (new.xact <> pg_current_xact_id()) execute function invoice_is_another_s();

-- Names what may change, so that a column to come is refused until it is named here.
create function invoice_is_settled() returns trigger language plpgsql as $$
declare
    v_may constant text[] := case
        when old.status = 'unpaid' then '{ahead,status,series,number,paid_at,cancelled_at}'
        when old.number is null then '{series,number}'
        else '{}'
    end;
begin
    if to_jsonb(old) - v_may <> to_jsonb(new) - v_may then
        raise exception using errcode = 'LD005', message = format('invoice %s is %s: what it says never changes', old.id, old.status);
    end if;
    return new;
end $$;
create trigger invoice_settled before update on invoice for each row execute function invoice_is_settled();

create function invoice_must_add_up() returns trigger language plpgsql as $$
begin
    if new.total is distinct from (select coalesce(sum(gross), 0) from invoice_line where invoice_id = new.id) then
        raise exception using errcode = 'LD006', message = format('the lines of invoice %s do not sum to its total', new.id);
    end if;
    return null;
end $$;
alter function invoice_must_add_up() set search_path from current;
create constraint trigger invoice_adds_up after insert on invoice
    deferrable initially deferred for each row execute function invoice_must_add_up();

create table service_period (
    order_id   bigint    not null references orders,
    invoice_id bigint    not null unique references invoice,
    span       daterange not null check (not isempty(span)),
    constraint service_period_billed_once exclude using gist (order_id with =, span with &&)
);
comment on table service_period is 'The days that each paid invoice pays for; no day of an order is paid twice.';
comment on column service_period.order_id is 'Of which order.';
comment on column service_period.invoice_id is 'Paid by which invoice.';
comment on column service_period.span is 'From a day, not including the day it is paid until.';
