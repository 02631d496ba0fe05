-- A function in SQL that can't be put into its caller's place is read and planned again by each statement that calls it; one
-- in PL/pgSQL once a connection. These are called with each charge, invoice and notice, and were most of what those cost.

create or replace function lock_wallets(p_customer bigint) returns table (id bigint, kind text, balance bigint)
    language plpgsql security definer as $$
begin
    return query select a.id, a.kind, a.balance from account a where a.customer_id = p_customer order by a.id for update;
end $$;
alter function lock_wallets(bigint) set search_path from current;

create or replace function party_of(p_customer bigint) returns jsonb language plpgsql stable as $$
begin
    return (
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
        from customer c left join profile p on p.customer_id = c.id where c.id = p_customer);
end $$;
alter function party_of(bigint) set search_path from current;

create or replace function tell(p_event text, p_key text, p_customer bigint, p_facts jsonb, p_at timestamptz, p_staff boolean)
    returns bigint language plpgsql security definer as $$
declare
    v_new bigint;
begin
    insert into notice (event, key, channel, webhook_id, customer_id, facts, at)
        select p_event, p_key, w.channel, w.id, p_customer, p_facts, p_at
        from (select 'mail' as channel, 0::bigint as id
              union all select 'staff', 0 where p_staff
              union all select 'webhook', webhook.id from webhook
                  where customer_id = p_customer and disabled_at is null) w
        on conflict on constraint notice_once do nothing;
    get diagnostics v_new = row_count;
    return v_new;
end $$;
alter function tell(text, text, bigint, jsonb, timestamptz, boolean) set search_path from current;

-- The live realm's is put into its caller's place. That of others reads how far they are ahead, with each transaction.
do $do$
begin
    if current_schema() !~ '(^|_)live$' then
        create or replace function realm_now() returns timestamptz language plpgsql stable as $$
        begin
            return now() + (select ahead_seconds from clock) * interval '1 second';
        end $$;
        alter function realm_now() set search_path from current;
    end if;
end $do$;
