-- The ledger: double entry, append-only. PostgreSQL itself keeps it balanced, closed and never overdrawn, whatever the
-- program does: the realm's role can write here only through the functions below.

create table account (
    id          bigint generated always as identity primary key,
    customer_id bigint,
    kind        text   not null check (kind in ('credit', 'bonus', 'cash', 'revenue', 'bonus_given')),
    currency    text   not null check (currency ~ '^[A-Z]{3}$'),
    balance     bigint,
    version     bigint not null default 0,
    unique nulls not distinct (customer_id, kind, currency),
    unique (id, currency),
    foreign key (customer_id, currency) references customer (id, currency),
    constraint account_of_customer check ((customer_id is not null) = (kind in ('credit', 'bonus'))),
    constraint account_keeps_balance check ((balance is not null) = (customer_id is not null)),
    constraint account_not_overdrawn check (balance >= 0)
);
comment on table account is 'Wallets of customers, and the company''s own accounts, whose balance is only ever summed.';
comment on column account.id is 'Its number.';
comment on column account.customer_id is 'Whose wallet it is; null for the company''s own accounts.';
comment on column account.kind is 'credit and bonus are wallets; cash, revenue and bonus_given are the company''s.';
comment on column account.currency is 'ISO 4217; a wallet''s is its customer''s.';
comment on column account.balance is 'Minor units; a wallet''s, equal to the sum of its entries.';
comment on column account.version is 'The number of entries; orders a wallet''s entries.';

create table journal (
    id          bigint generated always as identity primary key,
    customer_id bigint references customer,
    kind        text        not null check (kind in ('deposit', 'withdrawal', 'bonus', 'charge', 'refund')),
    ref_type    text        not null check (ref_type in ('invoice', 'movement')),
    ref_id      bigint      not null,
    ref_seq     integer     not null default 0,
    note        text        not null default '',
    created_at  timestamptz not null default now(),
    xact        xid8        not null default pg_current_xact_id(),
    constraint journal_one_per_event unique (kind, ref_type, ref_id, ref_seq)
);
create index journal_of_customer on journal (customer_id, id);
comment on table journal is 'One row a business event; its key makes a second charge for the same thing impossible.';
comment on column journal.id is 'Its number.';
comment on column journal.customer_id is 'Whose wallets it moves.';
comment on column journal.kind is 'What happened.';
comment on column journal.ref_type is 'What it happened to: an invoice, or a movement that staff entered.';
comment on column journal.ref_id is 'Which one.';
comment on column journal.ref_seq is 'Which time, where there can be several, such as partial refunds.';
comment on column journal.note is 'Why, for people.';
comment on column journal.created_at is 'When.';
comment on column journal.xact is 'The transaction that wrote it; entries can be added in that one only.';

create sequence movement_id;
comment on sequence movement_id is 'Numbers of movements that staff enter: deposits, withdrawals, bonuses.';

create table entry (
    journal_id      bigint   not null references journal,
    line            smallint not null,
    account_id      bigint   not null,
    currency        text     not null,
    amount          bigint   not null check (amount <> 0),
    balance_after   bigint,
    account_version bigint,
    primary key (journal_id, line),
    unique (account_id, account_version),
    foreign key (account_id, currency) references account (id, currency),
    constraint entry_balance_with_version check ((balance_after is null) = (account_version is null))
);
comment on table entry is 'The lines of a journal; they sum to nothing in each currency.';
comment on column entry.journal_id is 'Of which journal.';
comment on column entry.line is 'From 1.';
comment on column entry.account_id is 'The account it moves.';
comment on column entry.currency is 'The account''s.';
comment on column entry.amount is 'Minor units; positive adds to a wallet.';
comment on column entry.balance_after is 'The wallet''s balance with it; null for the company''s accounts.';
comment on column entry.account_version is 'Its place among the wallet''s entries; null for the company''s accounts.';

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception using errcode = 'LD001', message = format('append-only table %s: %s denied', tg_table_name, tg_op);
end $$;
create trigger journal_append_only before update or delete or truncate on journal
    for each statement execute function refuse_change();
create trigger entry_append_only before update or delete or truncate on entry
    for each statement execute function refuse_change();

create function journal_must_be_open() returns trigger language plpgsql as $$
begin
    if not exists (select from journal where id = new.journal_id and xact = pg_current_xact_id()) then
        raise exception using errcode = 'LD002', message = format('journal %s is closed', new.journal_id);
    end if;
    return new;
end $$;
alter function journal_must_be_open() set search_path from current;
create trigger entry_needs_open_journal before insert on entry
    for each row execute function journal_must_be_open();

create function journal_must_balance() returns trigger language plpgsql as $$
begin
    if (select count(*) from entry where journal_id = new.id) < 2
        or exists (select from entry where journal_id = new.id group by currency having sum(amount) <> 0) then
        raise exception using errcode = 'LD003', message = format('journal %s is unbalanced', new.id);
    end if;
    return null;
end $$;
alter function journal_must_balance() set search_path from current;
create constraint trigger journal_balances after insert on journal
    deferrable initially deferred for each row execute function journal_must_balance();

create function open_account(p_customer bigint, p_kind text, p_currency text) returns bigint
    language plpgsql security definer as $$
declare
    v_id bigint;
begin
    insert into account (customer_id, kind, currency, balance)
        values (p_customer, p_kind, p_currency, case when p_customer is null then null else 0 end)
        on conflict (customer_id, kind, currency) do nothing;
    select id into strict v_id from account
        where customer_id is not distinct from p_customer and kind = p_kind and currency = p_currency;
    return v_id;
end $$;
alter function open_account(bigint, text, text) set search_path from current;
comment on function open_account is 'The account of that kind, made when there is none.';

-- Lock order: saved answer, order, then wallets by id. Wallets come last, so that they are held the shortest.
create function lock_wallets(p_customer bigint) returns table (id bigint, kind text, balance bigint)
    language sql security definer as $$
    select id, kind, balance from account where customer_id = p_customer order by id for update
$$;
alter function lock_wallets(bigint) set search_path from current;
comment on function lock_wallets is 'A customer''s wallets, held until the transaction ends.';

create function post(p_kind text, p_ref_type text, p_ref_id bigint, p_ref_seq integer, p_customer bigint, p_note text,
                     p_accounts bigint[], p_amounts bigint[]) returns bigint
    language plpgsql security definer as $$
declare
    v_journal bigint;
    v_line record;
    v_account account;
begin
    insert into journal (customer_id, kind, ref_type, ref_id, ref_seq, note)
        values (p_customer, p_kind, p_ref_type, p_ref_id, p_ref_seq, p_note) returning id into v_journal;
    for v_line in
        select * from unnest(p_accounts, p_amounts) with ordinality as l (account_id, amount, line) order by account_id
    loop
        update account set balance = balance + v_line.amount, version = version + 1
            where id = v_line.account_id and (balance is null or balance + v_line.amount >= 0)
            returning * into v_account;
        if not found then
            raise exception using errcode = 'LD004', message = format('insufficient funds in account %s', v_line.account_id);
        end if;
        insert into entry (journal_id, line, account_id, currency, amount, balance_after, account_version)
            values (v_journal, v_line.line, v_line.account_id, v_account.currency, v_line.amount, v_account.balance,
                    case when v_account.balance is null then null else v_account.version end);
    end loop;
    return v_journal;
end $$;
alter function post(text, text, bigint, integer, bigint, text, bigint[], bigint[]) set search_path from current;
comment on function post is 'Writes one balanced journal and moves its wallets. The only way to write to the ledger.';
