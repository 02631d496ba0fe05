-- The realm's role posts journals, so what a journal may be is the database's to know (docs/adr/0040): it moves its
-- own customer's wallets and the company's accounts, each as its kind of journal does, and what it refers to is there.

-- 2^53 - 1: what every reader of JSON reads exactly, and so little that no sum of wallets is too large. What a wallet
-- had before stays.
alter table account add constraint account_holds_no_more check (abs(balance) <= 9007199254740991) not valid;

create function journal_moves(p_kind text, p_account text, p_amount bigint)
    returns boolean language plpgsql immutable as $$
begin
    return coalesce(p_account = any (case p_kind
        when 'deposit' then case when p_amount > 0 then '{credit}' else '{cash}' end
        when 'withdrawal' then case when p_amount > 0 then '{cash}' else '{credit}' end
        when 'bonus' then case when p_amount > 0 then '{bonus}' else '{bonus_given}' end
        when 'expiry' then case when p_amount > 0 then '{bonus_given}' else '{bonus}' end
        when 'charge' then case when p_amount > 0 then '{revenue}' else '{credit,bonus}' end
        when 'refund' then case when p_amount > 0 then '{credit,bonus,cash}' else '{revenue}' end
    end::text[]), false);
end $$;
alter function journal_moves(text, text, bigint) set search_path from current;
comment on function journal_moves is 'Whether a kind of journal may add that amount to that kind of account.';

create function journal_refers(p_kind text, p_ref_type text, p_ref_id bigint, p_customer bigint, p_total numeric)
    returns boolean language plpgsql stable as $$
begin
    case p_kind || ' of ' || p_ref_type
        when 'deposit of movement', 'withdrawal of movement' then
            return true;
        when 'deposit of invoice', 'charge of invoice' then
            return exists (
                select from invoice where id = p_ref_id and customer_id = p_customer and total = p_total);
        when 'refund of credit_note' then
            return exists (
                select from credit_note where id = p_ref_id and customer_id = p_customer and total = -p_total);
        when 'bonus of movement' then
            return exists (
                select from bonus_grant where id = p_ref_id and customer_id = p_customer and amount = p_total);
        when 'expiry of bonus_grant' then
            return exists (
                select from bonus_grant where id = p_ref_id and customer_id = p_customer and remaining = p_total);
        else
            return false;
    end case;
end $$;
alter function journal_refers(text, text, bigint, bigint, numeric) set search_path from current;
comment on function journal_refers is
    'Whether that kind of journal can be of it, it is there, its customer''s, and of that total.';

create or replace function post(p_kind text, p_ref_type text, p_ref_id bigint, p_ref_seq integer, p_customer bigint,
                                p_note text, p_accounts bigint[], p_amounts bigint[]) returns bigint
    language plpgsql security definer as $$
declare
    v_journal bigint;
    v_line record;
    v_account account;
begin
    -- First of all, so that what is posted again is told as that.
    insert into journal (customer_id, kind, ref_type, ref_id, ref_seq, note)
        values (p_customer, p_kind, p_ref_type, p_ref_id, p_ref_seq, p_note) returning id into v_journal;
    if not journal_refers(p_kind, p_ref_type, p_ref_id, p_customer,
                          (select coalesce(sum(a), 0) from unnest(p_amounts) a where a > 0)) then
        raise exception using errcode = 'LD012', constraint = 'journal_refers',
            message = format('customer %s has no %s %s for such a %s', p_customer, p_ref_type, p_ref_id, p_kind);
    end if;
    for v_line in
        select l.account_id, l.amount, l.line, a.currency, a.kind, a.customer_id
            from unnest(p_accounts, p_amounts) with ordinality as l (account_id, amount, line)
            left join account a on a.id = l.account_id order by l.account_id
    loop
        if p_customer is null or v_line.currency is null or v_line.customer_id <> p_customer then
            raise exception using errcode = 'LD010', constraint = 'journal_moves_its_own_customer',
                message = format('a journal of customer %s moves no account %s', p_customer, v_line.account_id);
        end if;
        if not journal_moves(p_kind, v_line.kind, v_line.amount) then
            raise exception using errcode = 'LD011', constraint = 'journal_moves_as_its_kind',
                message = format('a %s adds no %s to %s', p_kind, v_line.amount, v_line.kind);
        end if;
        -- Looked at before it is added: the sum of two such fits.
        if v_line.amount not between -9007199254740991 and 9007199254740991 then
            raise exception using errcode = 'LD013', constraint = 'account_holds_no_more',
                message = format('no account holds %s', v_line.amount);
        end if;
        if v_line.customer_id is null then
            insert into entry (journal_id, line, account_id, currency, amount)
                values (v_journal, v_line.line, v_line.account_id, v_line.currency, v_line.amount);
            continue;
        end if;
        update account set balance = balance + v_line.amount, version = version + 1
            where id = v_line.account_id and balance + v_line.amount >= 0 returning * into v_account;
        if not found then
            raise exception using errcode = 'LD004',
                message = format('insufficient funds in account %s', v_line.account_id);
        end if;
        insert into entry (journal_id, line, account_id, currency, amount, balance_after, account_version)
            values (v_journal, v_line.line, v_line.account_id, v_line.currency, v_line.amount, v_account.balance,
                    v_account.version);
    end loop;
    return v_journal;
end $$;
alter function post(text, text, bigint, integer, bigint, text, bigint[], bigint[]) set search_path from current;
