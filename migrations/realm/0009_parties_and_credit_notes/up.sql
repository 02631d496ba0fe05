-- An invoice says for ever who sold and who bought, as it was when it was issued; and what is wrong with a paid one is
-- put right by a credit note, never by a change (docs/adr/0011).

create function party_of(p_customer bigint) returns jsonb language sql stable as $$
    select jsonb_strip_nulls(jsonb_build_object(
        'name', coalesce(p.company, p.name, c.login),
        'code', p.code,
        'vat_code', p.vat_code,
        'address', (
            select coalesce(jsonb_agg(line order by place), '[]')
            from unnest(array[p.address, nullif(concat_ws(' ', p.zip, p.city), ''), p.state, p.country])
                with ordinality as l (line, place)
            where line is not null),
        'email', p.email,
        'phone', p.phone))
    from customer c left join profile p on p.customer_id = c.id where c.id = p_customer
$$;
alter function party_of(bigint) set search_path from current;
comment on function party_of is 'A customer as it stands on paper today; by its login where its profile knows no name.';

create function freeze_buyer() returns trigger language plpgsql security definer as $$
begin
    new.buyer := party_of(new.customer_id);
    new.language := (select language from customer where id = new.customer_id);
    return new;
end $$;
alter function freeze_buyer() set search_path from current;

alter table invoice add column seller jsonb, add column buyer jsonb, add column language text;
comment on column invoice.seller is 'The company as it was at issue; null of what was issued before this was kept, which shows today''s.';
comment on column invoice.buyer is 'The customer as it was at issue: of a proforma when it was written, of an invoice when it was paid.';
comment on column invoice.language is 'The customer''s then; the paper''s.';

-- Names what may change, so that a column to come is refused until it is named here.
create or replace function invoice_is_settled() returns trigger language plpgsql as $$
declare
    v_may constant text[] := case
        when old.status = 'unpaid' and new.status = 'paid'
            then '{ahead,status,series,number,paid_at,seller,buyer,language}'
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

-- What there is shows from now on what it showed last: its buyer's profile of today.
alter table invoice disable trigger invoice_settled;
update invoice i set buyer = party_of(i.customer_id), language = c.language from customer c where c.id = i.customer_id;
alter table invoice enable trigger invoice_settled;
alter table invoice alter column buyer set not null, alter column language set not null;

-- By triggers, so that no way to write an invoice can forget it. A proforma becomes an invoice when it is paid: the
-- parties are those of that day. These come before invoice_settled, by their names.
create trigger invoice_freezes_buyer before insert on invoice for each row execute function freeze_buyer();
create trigger invoice_freezes_buyer_when_paid before update of status on invoice
    for each row when (old.status = 'unpaid' and new.status = 'paid') execute function freeze_buyer();

alter table journal drop constraint journal_ref_type_check;
alter table journal add constraint journal_ref_type_check check (ref_type in ('invoice', 'movement', 'credit_note'));
comment on column journal.ref_type is 'What it happened to: an invoice, a credit note, or a movement that staff entered.';

create table credit_note (
    id          bigint primary key default nextval('invoice_id_seq'),
    invoice_id  bigint      not null references invoice,
    customer_id bigint      not null,
    cause       text        not null check (cause <> ''),
    note        text        not null,
    refund      text        not null check (refund in ('wallets', 'outside')),
    currency    text        not null,
    total       bigint      not null check (total < 0),
    seller      jsonb       not null,
    buyer       jsonb       not null,
    language    text        not null,
    series      text,
    number      bigint,
    created_at  timestamptz not null default now(),
    xact        xid8        not null default pg_current_xact_id(),
    foreign key (customer_id, currency) references customer (id, currency),
    unique (series, number),
    constraint credit_note_one_per_cause unique (invoice_id, cause),
    constraint credit_note_numbered check ((series is null) = (number is null))
);
create index credit_note_of_customer on credit_note (customer_id, id);
create index credit_note_unnumbered on credit_note (created_at, id) where number is null;
comment on table credit_note is 'Each takes a paid invoice back, wholly or in part. Only its number is given later.';
comment on column credit_note.id is 'Out of the same numbers as invoices'' ids, so that one names one paper.';
comment on column credit_note.invoice_id is 'The invoice that it takes back.';
comment on column credit_note.customer_id is 'The invoice''s.';
comment on column credit_note.cause is 'What it is for, so that an invoice is credited once for it, however often that is asked.';
comment on column credit_note.note is 'Why, for people; it stands on the paper and in the statement.';
comment on column credit_note.refund is 'Where the money goes: back to the wallets, or what was paid in outside; a bonus always goes back as bonus.';
comment on column credit_note.currency is 'The invoice''s.';
comment on column credit_note.total is 'Minor units, gross, negative; the sum of its lines.';
comment on column credit_note.seller is 'The company as it was at issue.';
comment on column credit_note.buyer is 'The customer as it was at issue.';
comment on column credit_note.language is 'The customer''s then; the paper''s.';
comment on column credit_note.series is 'With number, what stands on paper; given once its invoice has its own.';
comment on column credit_note.number is 'Gapless in its series.';
comment on column credit_note.created_at is 'When it was issued, and the money given back.';
comment on column credit_note.xact is 'The transaction that wrote it; lines can be added in that one only.';

create table credit_note_line (
    credit_note_id bigint   not null references credit_note,
    line           smallint not null,
    net            bigint   not null,
    vat            bigint   not null,
    gross          bigint   not null check (gross <> 0),
    primary key (credit_note_id, line),
    constraint credit_note_line_adds_up check (net + vat = gross)
);
comment on table credit_note_line is 'What a credit note takes back of each line of its invoice.';
comment on column credit_note_line.credit_note_id is 'Of which credit note.';
comment on column credit_note_line.line is 'Of which line of the invoice.';
comment on column credit_note_line.net is 'Minor units, without VAT; negative, unless the line itself was.';
comment on column credit_note_line.vat is 'Minor units of VAT, in the line''s own proportion.';
comment on column credit_note_line.gross is 'Minor units, with VAT.';

-- Lock order: order, invoice, wallets. The invoice's row is held until the end, so that of two credit notes the second
-- sees the first.
create function credit_note_begins() returns trigger language plpgsql as $$
declare
    v_invoice invoice;
begin
    select * into strict v_invoice from invoice where id = new.invoice_id for update;
    if new.xact <> pg_current_xact_id() then
        raise exception using errcode = 'LD007', message = format('credit note %s is not of transaction %s', new.id, new.xact);
    end if;
    if v_invoice.status <> 'paid' or v_invoice.total + new.total
        + (select coalesce(sum(total), 0) from credit_note where invoice_id = new.invoice_id) < 0 then
        raise exception using errcode = 'LD008', message = format('invoice %s has not as much to credit', new.invoice_id);
    end if;
    new.customer_id := v_invoice.customer_id;
    new.currency := v_invoice.currency;
    return new;
end $$;
alter function credit_note_begins() set search_path from current;
create trigger credit_note_begins before insert on credit_note for each row execute function credit_note_begins();
-- After the one above, by its name.
create trigger credit_note_freezes_buyer before insert on credit_note for each row execute function freeze_buyer();

create function credit_note_is_settled() returns trigger language plpgsql as $$
declare
    v_may constant text[] := case when old.number is null then '{series,number}' else '{}' end;
begin
    if to_jsonb(old) - v_may <> to_jsonb(new) - v_may then
        raise exception using errcode = 'LD005', message = format('credit note %s: what it says never changes', old.id);
    end if;
    return new;
end $$;
create trigger credit_note_settled before update on credit_note for each row execute function credit_note_is_settled();

-- The privilege to delete is the test realm's role's alone: that realm is swept.
create trigger credit_note_line_append_only before update or truncate on credit_note_line
    for each statement execute function refuse_change();

create function credit_note_must_be_open() returns trigger language plpgsql as $$
begin
    if not exists (select from credit_note where id = new.credit_note_id and xact = pg_current_xact_id()) then
        raise exception using errcode = 'LD007', message = format('credit note %s is closed', new.credit_note_id);
    end if;
    return new;
end $$;
alter function credit_note_must_be_open() set search_path from current;
create trigger credit_note_line_needs_open_credit_note before insert on credit_note_line
    for each row execute function credit_note_must_be_open();

create view credited_line as
    select c.invoice_id, l.line, -sum(l.net) as net, -sum(l.vat) as vat, -sum(l.gross) as gross
    from credit_note c join credit_note_line l on l.credit_note_id = c.id group by c.invoice_id, l.line;
comment on view credited_line is 'What all credit notes took back of each line of an invoice.';
comment on column credited_line.invoice_id is 'Of which invoice.';
comment on column credited_line.line is 'Of which of its lines.';
comment on column credited_line.net is 'Minor units, without VAT, with the sign of the line.';
comment on column credited_line.vat is 'Minor units of VAT.';
comment on column credited_line.gross is 'Minor units, with VAT.';

create view overcredited_line as
    select c.invoice_id, c.line from credited_line c
    left join invoice_line i on i.invoice_id = c.invoice_id and i.line = c.line
    where i.line is null
        or c.net not between least(i.net, 0) and greatest(i.net, 0)
        or c.vat not between least(i.vat, 0) and greatest(i.vat, 0)
        or c.gross not between least(i.gross, 0) and greatest(i.gross, 0);
comment on view overcredited_line is 'Lines of which more was taken back than they say; there is none.';
comment on column overcredited_line.invoice_id is 'Of which invoice.';
comment on column overcredited_line.line is 'Which line.';

create function credit_note_must_add_up() returns trigger language plpgsql as $$
begin
    if new.total is distinct from (select sum(gross) from credit_note_line where credit_note_id = new.id) then
        raise exception using errcode = 'LD006', message = format('the lines of credit note %s do not sum to its total', new.id);
    end if;
    if exists (select from overcredited_line where invoice_id = new.invoice_id) then
        raise exception using errcode = 'LD008', message = format('a line of invoice %s has not as much to credit', new.invoice_id);
    end if;
    return null;
end $$;
alter function credit_note_must_add_up() set search_path from current;
create constraint trigger credit_note_adds_up after insert on credit_note
    deferrable initially deferred for each row execute function credit_note_must_add_up();
