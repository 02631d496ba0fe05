-- What customers can change of their servers, and the tasks and invoices that come of it.

alter table server
    add column hostname text,
    add column node text,
    add column password_version integer not null default 1,
    add column firewall jsonb not null default '{}';
comment on column server.hostname is 'What the server calls itself; until it is changed the order''s domain, or s and its number.';
comment on column server.node is 'The hypervisor that it is made on.';
comment on column server.password_version is 'Grows with each new password.';
comment on column server.firewall is 'Limits in force, by their names in server_firewall.';

alter table task add column secret bytea;
comment on column task.secret is 'What its result holds that is a secret, such as a new password; sealed, and taken out after the configured days.';

create table address (
    ip       inet        primary key,
    order_id bigint      not null references orders,
    ptr      text,
    held_at  timestamptz not null default now()
);
create index address_of_order on address (order_id);
comment on table address is 'Addresses that servers hold; none is held twice.';
comment on column address.ip is 'The address, out of a pool of the catalogue.';
comment on column address.order_id is 'The server that holds it.';
comment on column address.ptr is 'The name that it resolves to.';
comment on column address.held_at is 'Since when.';

alter table invoice drop constraint invoice_purpose_check;
alter table invoice add constraint invoice_purpose_check check (purpose in ('order', 'renewal', 'change'));
alter table invoice drop constraint invoice_months_check;
alter table invoice add constraint invoice_months_check check ((months > 0) = (purpose <> 'change') and months >= 0);
alter table invoice_line drop constraint invoice_line_item_check;
alter table invoice_line add constraint invoice_line_item_check
    check (item in ('tariff_setup', 'addon_setup', 'tariff', 'addon', 'resources', 'change'));

create index task_of_order on task (order_id, id);

alter table simulated_server
    add column cpu_ghz integer,
    add column ram_mb integer,
    add column disk_gb integer,
    add column bandwidth_mbps integer,
    add column hostname text,
    add column password_version integer not null default 0,
    add column started_at timestamptz not null default now();
comment on column simulated_server.started_at is 'When it last started: its counters count from then.';
comment on column simulated_server.generation is 'How often its system was made; 0 once the machine is gone.';
comment on column simulated_server.cpu_ghz is 'Processor, GHz.';
comment on column simulated_server.ram_mb is 'Memory, MB.';
comment on column simulated_server.disk_gb is 'Disk, GB.';
comment on column simulated_server.bandwidth_mbps is 'Bandwidth, Mbps.';
comment on column simulated_server.hostname is 'What it calls itself.';
comment on column simulated_server.password_version is 'Of which of the order''s passwords it has.';
