-- The realm's clock: what the company's business goes by (days, invoices, the billing run). The live realm's is the
-- database's, and there is nothing that could move it: no table, no row, only a function that its role can't replace.
-- A test realm's can be moved forward, to see what becomes of orders when nobody calls.

do $do$
begin
    -- Scratch realms are called after the realm that they are like.
    if current_schema() ~ '(^|_)live$' then
        create function realm_now() returns timestamptz stable return now();
    else
        create table clock (
            one_row       boolean primary key default true check (one_row),
            ahead_seconds bigint  not null default 0,
            constraint clock_within_a_century check (ahead_seconds between 0 and 3155760000)
        );
        comment on table clock is 'How far the realm''s clock is ahead of the database''s. One row.';
        comment on column clock.one_row is 'There is one row.';
        comment on column clock.ahead_seconds is 'Seconds; it only ever grows.';
        insert into clock default values;
        create function clock_goes_forward() returns trigger language plpgsql as $$
        begin
            if new.ahead_seconds < old.ahead_seconds then
                raise exception using errcode = 'CK001', message = 'the clock goes forward only';
            end if;
            return new;
        end $$;
        create trigger clock_forward before update on clock for each row execute function clock_goes_forward();
        create function realm_now() returns timestamptz stable
            return now() + (select ahead_seconds from clock) * interval '1 second';
    end if;
end $do$;
comment on function realm_now is 'The moment by the realm''s clock. Leases, retries and what is kept for a while go by now() instead.';

alter table customer alter column created_at set default realm_now();
alter table sub_user alter column created_at set default realm_now();
alter table journal alter column created_at set default realm_now();
alter table orders alter column created_at set default realm_now();
alter table invoice alter column created_at set default realm_now();
alter table credit_note alter column created_at set default realm_now();

alter table orders add column entered_at timestamptz not null default now();
comment on column orders.entered_at is 'When it was written, by the database''s own clock: what the test realm is swept by, however far its own clock is ahead.';
