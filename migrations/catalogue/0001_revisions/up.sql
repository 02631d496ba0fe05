-- The catalogue is kept whole, one document a revision: applying a file is one insert, what was in force on a day
-- can be read back, and a reader needs one row. Ids live in tables of their own, so that orders can refer to them
-- and none ever disappears.

create extension if not exists btree_gist;

create table revision (
    id         bigint generated always as identity primary key,
    document   jsonb       not null,
    note       text        not null default '',
    applied_at timestamptz not null default now()
);
comment on table revision is 'The catalogue in force is the newest row; older rows are its history.';
comment on column revision.id is 'Grows with each application of a catalogue file.';
comment on column revision.document is 'All tariffs, addons, groups, images, nodes and exchange rates, as the domain''s Catalogue.';
comment on column revision.note is 'What staff said of the change.';
comment on column revision.applied_at is 'When it came into force.';

create table tariff (
    id  bigint primary key,
    vid text not null check (vid in ('hosting', 'vds', 'dedicated'))
);
comment on table tariff is 'Every tariff there ever was; orders refer to it.';
comment on column tariff.id is 'The tariff''s number, as clients know it.';
comment on column tariff.vid is 'Its kind, which never changes.';

create table addon (
    id bigint primary key
);
comment on table addon is 'Every addon there ever was; orders refer to it.';
comment on column addon.id is 'The addon''s number, as clients know it.';

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception using errcode = 'LD001', message = format('append-only table %s: %s denied', tg_table_name, tg_op);
end $$;
create trigger revision_append_only before update or delete or truncate on revision
    for each statement execute function refuse_change();
