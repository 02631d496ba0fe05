-- Addresses are handed out of the catalogue's pools, rest for a while once they are given back, and move between servers.
-- What has to come after something on another server says so itself.

alter table address add column released_at timestamptz;
comment on table address is 'Addresses that servers hold or have given back; none is held twice.';
comment on column address.order_id is 'The server that holds it, or that held it last.';
comment on column address.released_at is 'When it was given back; it rests for its pool''s quarantine, and then it is anybody''s. Null while it is held.';

alter table task
    add column after bigint references task on delete set null,
    add constraint task_after_another check (after <> id);
create index task_after on task (after) where after is not null;
comment on column task.after is 'A task, of another server, that must have succeeded before this one is taken.';

create table firewall (
    order_id  bigint  primary key references orders,
    pps       integer not null check (pps = 0 or pps between 1000 and 5000),
    pps_icmp  integer not null check (pps_icmp = 0 or pps_icmp between 10 and 500),
    pps_udp   integer not null check (pps_udp = 0 or pps_udp between 10 and 500),
    pps_syn   integer not null check (pps_syn = 0 or pps_syn between 2 and 20),
    connlimit integer not null check (connlimit = 0 or connlimit between 16 and 512)
);
comment on table firewall is 'The limits of servers'' packet filters, as their customers last set them (server_firewall); 0 is none.';
comment on column firewall.order_id is 'Of which server; one without a row has no limits.';
comment on column firewall.pps is 'Packets a second.';
comment on column firewall.pps_icmp is 'ICMP packets a second.';
comment on column firewall.pps_udp is 'UDP packets a second.';
comment on column firewall.pps_syn is 'New TCP connections a second.';
comment on column firewall.connlimit is 'TCP connections of one address at a time.';
comment on column server.firewall is 'Not used: limits are in the table firewall, which servers without a plan have rows in, too.';

alter table simulated_server
    add column addresses inet[] not null default '{}',
    add column ptr jsonb not null default '{}',
    add column firewall jsonb not null default '{}';
comment on column simulated_server.addresses is 'The addresses that it has.';
comment on column simulated_server.ptr is 'What its addresses resolve to.';
comment on column simulated_server.firewall is 'The limits of its packet filter, by their names in server_firewall.';
