-- Every charge has a line on the company's revenue account. Its row was counted up with each, so that charges of all
-- customers went through one row, one after the other. Nobody needs that count: the company's accounts keep no balance,
-- and their lines have no places. Only wallets are locked and counted now.

create or replace function post(p_kind text, p_ref_type text, p_ref_id bigint, p_ref_seq integer, p_customer bigint,
                                p_note text, p_accounts bigint[], p_amounts bigint[]) returns bigint
    language plpgsql security definer as $$
declare
    v_journal bigint;
    v_line record;
    v_account account;
begin
    insert into journal (customer_id, kind, ref_type, ref_id, ref_seq, note)
        values (p_customer, p_kind, p_ref_type, p_ref_id, p_ref_seq, p_note) returning id into v_journal;
    for v_line in
        select l.account_id, l.amount, l.line, a.currency, a.customer_id is not null as wallet
            from unnest(p_accounts, p_amounts) with ordinality as l (account_id, amount, line)
            left join account a on a.id = l.account_id order by l.account_id
    loop
        if not v_line.wallet then
            insert into entry (journal_id, line, account_id, currency, amount)
                values (v_journal, v_line.line, v_line.account_id, v_line.currency, v_line.amount);
            continue;
        end if;
        update account set balance = balance + v_line.amount, version = version + 1
            where id = v_line.account_id and balance + v_line.amount >= 0 returning * into v_account;
        if not found then
            raise exception using errcode = 'LD004', message = format('insufficient funds in account %s', v_line.account_id);
        end if;
        insert into entry (journal_id, line, account_id, currency, amount, balance_after, account_version)
            values (v_journal, v_line.line, v_line.account_id, v_line.currency, v_line.amount, v_account.balance,
                    v_account.version);
    end loop;
    return v_journal;
end $$;
alter function post(text, text, bigint, integer, bigint, text, bigint[], bigint[]) set search_path from current;

-- It made a row that it threw away whenever the account was there, which is nearly always; and `is not distinct from` has
-- no index, so that every account was read for it.
create or replace function open_account(p_customer bigint, p_kind text, p_currency text) returns bigint
    language plpgsql security definer as $$
declare
    v_id bigint;
begin
    loop
        if p_customer is null then
            select id into v_id from account where customer_id is null and kind = p_kind and currency = p_currency;
        else
            select id into v_id from account where customer_id = p_customer and kind = p_kind and currency = p_currency;
        end if;
        if found then
            return v_id;
        end if;
        insert into account (customer_id, kind, currency, balance)
            values (p_customer, p_kind, p_currency, case when p_customer is null then null else 0 end)
            on conflict (customer_id, kind, currency) do nothing;
    end loop;
end $$;
alter function open_account(bigint, text, text) set search_path from current;

update account set version = 0 where customer_id is null;
alter table account add constraint account_of_company_is_not_counted check (customer_id is not null or version = 0);
comment on column account.version is 'The number of a wallet''s entries, which orders them; 0 for the company''s accounts.';
