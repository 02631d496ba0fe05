-- Statements that customers can verify without us: each entry of a wallet is sealed some time after it was written, by a
-- hash over what it says and over the seal before it, which is signed. Never in the way of an order (docs/adr/0026).

create table statement_key (
    id         integer     generated always as identity primary key,
    public     bytea       not null unique check (octet_length(public) = 32),
    private    bytea       not null,
    created_at timestamptz not null default now(),
    retired_at timestamptz
);
create unique index statement_key_in_use on statement_key ((true)) where retired_at is null;
comment on table statement_key is 'Keys that statements are signed with (Ed25519). One is in use; the others'' signatures stay good.';
comment on column statement_key.id is 'Its number, which signatures name.';
comment on column statement_key.public is 'What signatures are verified with.';
comment on column statement_key.private is 'Its seed, sealed with the installation''s key file.';
comment on column statement_key.created_at is 'When it was made.';
comment on column statement_key.retired_at is 'Since when another one signs.';

create table sealed_entry (
    account_id      bigint      not null,
    account_version bigint      not null,
    previous        bytea       not null check (octet_length(previous) = 32),
    hash            bytea       not null check (octet_length(hash) = 32),
    key_id          integer     not null references statement_key,
    signature       bytea       not null check (octet_length(signature) = 64),
    sealed_at       timestamptz not null default now(),
    primary key (account_id, account_version),
    foreign key (account_id, account_version) references entry (account_id, account_version)
);
comment on table sealed_entry is 'The chain of seals over each wallet''s entries.';
comment on column sealed_entry.account_id is 'Of which wallet.';
comment on column sealed_entry.account_version is 'Which of its entries, from 1 without a gap.';
comment on column sealed_entry.previous is 'The seal before it; zeros at the first.';
comment on column sealed_entry.hash is 'SHA-256 over what the entry says and the seal before it.';
comment on column sealed_entry.key_id is 'The key that signed.';
comment on column sealed_entry.signature is 'Ed25519 over the hash.';
comment on column sealed_entry.sealed_at is 'When.';

create trigger sealed_entry_append_only before update or delete or truncate on sealed_entry
    for each statement execute function refuse_change();

create function seal_must_follow() returns trigger language plpgsql as $$
declare
    v_before bytea := decode(repeat('00', 32), 'hex');
begin
    if new.account_version > 1 then
        select hash into v_before from sealed_entry
            where account_id = new.account_id and account_version = new.account_version - 1;
    end if;
    if v_before is null or new.previous <> v_before then
        raise exception using errcode = 'LD008',
            message = format('seal %s of wallet %s does not follow the one before', new.account_version, new.account_id);
    end if;
    return new;
end $$;
alter function seal_must_follow() set search_path from current;
create trigger sealed_entry_follows before insert on sealed_entry for each row execute function seal_must_follow();

create function key_stays() returns trigger language plpgsql as $$
begin
    if old.retired_at is not null or to_jsonb(old) - 'retired_at' <> to_jsonb(new) - 'retired_at' then
        raise exception using errcode = 'LD009', message = format('statement key %s: it can be retired once, and no more', old.id);
    end if;
    return new;
end $$;
create trigger statement_key_stays before update on statement_key for each row execute function key_stays();
