-- Bonuses are grants: each with its reason, some with a last day. What bonuses pay is taken from the grant that expires
-- first; what is given back goes to the grants that it came from; what nobody spent in time goes back to the company.

create table bonus_grant (
    id          bigint      primary key,
    customer_id bigint      not null,
    currency    text        not null,
    amount      bigint      not null check (amount > 0),
    remaining   bigint      not null default 0,
    carried     boolean     not null default false,
    expires_on  date,
    reason      text        not null,
    granted_at  timestamptz not null default realm_now(),
    foreign key (customer_id, currency) references customer (id, currency),
    constraint bonus_grant_remaining check (remaining between 0 and amount)
);
create index bonus_grant_left on bonus_grant (customer_id, expires_on, id) where remaining > 0;
create index bonus_grant_expiring on bonus_grant (expires_on) where remaining > 0 and expires_on is not null;
comment on table bonus_grant is 'Bonuses that customers were given. What is left of all of a customer''s is its bonus wallet.';
comment on column bonus_grant.id is 'The movement''s number.';
comment on column bonus_grant.customer_id is 'Who was given it.';
comment on column bonus_grant.currency is 'The customer''s.';
comment on column bonus_grant.amount is 'Minor units.';
comment on column bonus_grant.remaining is 'Minor units that are left of it; kept by the database with each entry of a bonus wallet.';
comment on column bonus_grant.carried is 'Whether it stands for what was left of all bonuses when grants were not kept yet.';
comment on column bonus_grant.expires_on is 'The last day that it can be spent on; null for ever.';
comment on column bonus_grant.reason is 'The SMS text, the service''s name, or what else it was given for.';
comment on column bonus_grant.granted_at is 'When.';

create table bonus_use (
    journal_id bigint not null references journal,
    grant_id   bigint not null references bonus_grant,
    amount     bigint not null check (amount <> 0),
    primary key (journal_id, grant_id)
);
create index bonus_use_of_grant on bonus_use (grant_id);
comment on table bonus_use is 'What each journal added to a grant or took from it; of a journal they sum to its entry in the bonus wallet.';
comment on column bonus_use.journal_id is 'Of which journal.';
comment on column bonus_use.grant_id is 'Of which grant.';
comment on column bonus_use.amount is 'Minor units; negative for what was spent or has expired.';
create trigger bonus_use_append_only before update or delete or truncate on bonus_use
    for each statement execute function refuse_change();

insert into bonus_grant (id, customer_id, currency, amount, remaining, carried, reason)
    select nextval('movement_id'), customer_id, currency, balance, balance, true, 'what was left of earlier bonuses'
    from account where kind = 'bonus' and balance > 0;

-- What the checks allowed stays allowed, whatever others added meanwhile.
do $do$
declare
    v_check record;
begin
    for v_check in
        select conname, pg_get_expr(conbin, conrelid) as condition,
            case conname when 'journal_kind_check' then 'kind = ''expiry''' else 'ref_type = ''bonus_grant''' end as more
        from pg_constraint where conrelid = 'journal'::regclass and conname in ('journal_kind_check', 'journal_ref_type_check')
    loop
        execute format('alter table journal drop constraint %I', v_check.conname);
        execute format('alter table journal add constraint %I check (%s or %s)', v_check.conname, v_check.condition, v_check.more);
    end loop;
end $do$;
comment on column journal.ref_type is 'What it happened to: an invoice, a credit note, a movement that staff entered, or a bonus''s grant.';

create function use_bonus(p_journal bigint, p_grant bigint, p_amount bigint) returns void language plpgsql as $$
begin
    update bonus_grant set remaining = remaining + p_amount where id = p_grant;
    insert into bonus_use (journal_id, grant_id, amount) values (p_journal, p_grant, p_amount);
end $$;
alter function use_bonus(bigint, bigint, bigint) set search_path from current;

-- Within the insert of the entry, while post() holds the wallet's row: so grants of a customer are moved one after another.
create function allot_bonus() returns trigger language plpgsql security definer as $$
declare
    v_customer bigint;
    v_journal journal;
    v_invoice bigint;
    v_left bigint := abs(new.amount);
    v_grant record;
    v_share bigint;
begin
    select customer_id into v_customer from account where id = new.account_id and kind = 'bonus';
    if not found then
        return null;
    end if;
    select * into strict v_journal from journal where id = new.journal_id;
    if new.amount < 0 then
        for v_grant in select id, remaining from bonus_grant
            where customer_id = v_customer and remaining > 0 and (v_journal.kind <> 'expiry' or id = v_journal.ref_id)
            order by expires_on nulls last, id
        loop
            exit when v_left = 0;
            v_share := least(v_left, v_grant.remaining);
            perform use_bonus(new.journal_id, v_grant.id, -v_share);
            v_left := v_left - v_share;
        end loop;
        if v_left > 0 then
            raise exception using errcode = 'LD009', message = format('journal %s takes more than the bonuses have', new.journal_id);
        end if;
        return null;
    end if;
    if v_journal.kind = 'refund' and v_journal.ref_type = 'credit_note' then
        select invoice_id into v_invoice from credit_note where id = v_journal.ref_id;
        -- The one that lasts longest first.
        for v_grant in
            select g.id, -sum(u.amount)::bigint as taken from bonus_use u join journal j on j.id = u.journal_id
            join bonus_grant g on g.id = u.grant_id
            where (j.kind = 'charge' and j.ref_type = 'invoice' and j.ref_id = v_invoice)
                or (j.kind = 'refund' and j.ref_type = 'credit_note'
                    and j.ref_id in (select id from credit_note where invoice_id = v_invoice))
            group by g.id having -sum(u.amount) > 0 order by g.expires_on desc nulls first, g.id desc
        loop
            exit when v_left = 0;
            v_share := least(v_left, v_grant.taken);
            perform use_bonus(new.journal_id, v_grant.id, v_share);
            v_left := v_left - v_share;
        end loop;
    elsif v_journal.kind = 'bonus' and v_journal.ref_type = 'movement' then
        if exists (select from bonus_grant where id = v_journal.ref_id and customer_id = v_customer) then
            perform use_bonus(new.journal_id, v_journal.ref_id, v_left);
            v_left := 0;
        end if;
    end if;
    if v_left > 0 then
        -- What was paid when grants were not kept yet, or a bonus that nobody wrote a grant of.
        v_share := nextval('movement_id');
        insert into bonus_grant (id, customer_id, currency, amount, reason)
            values (v_share, v_customer, new.currency, v_left, v_journal.note);
        perform use_bonus(new.journal_id, v_share, v_left);
    end if;
    return null;
end $$;
alter function allot_bonus() set search_path from current;
create trigger entry_allots_bonus after insert on entry
    for each row when (new.balance_after is not null) execute function allot_bonus();
