-- Measured usage of servers. Rows a server are bounded: each resolution keeps its span only (domain::usage).

create table usage_reading (
    order_id bigint      primary key references orders,
    read_at  timestamptz not null,
    counters jsonb       not null,
    sample   jsonb       not null
);
comment on table usage_reading is 'The newest reading of each server''s counters, from which the next rates are reckoned.';
comment on column usage_reading.order_id is 'Of which order.';
comment on column usage_reading.read_at is 'When.';
comment on column usage_reading.counters is 'As the hypervisor''s driver gave them.';
comment on column usage_reading.sample is 'Rates since the reading before, and gauges: what server_info shows.';

create table usage_rollup (
    order_id   bigint      not null references orders,
    resolution integer     not null,
    starts_at  timestamptz not null,
    rollup     jsonb       not null,
    primary key (order_id, resolution, starts_at)
);
create index usage_rollup_age on usage_rollup (resolution, starts_at);
comment on table usage_rollup is 'Sums, counts and maxima of samples, by stretch of time.';
comment on column usage_rollup.order_id is 'Of which order.';
comment on column usage_rollup.resolution is 'The stretches'' length, in seconds.';
comment on column usage_rollup.starts_at is 'When the stretch begins.';
comment on column usage_rollup.rollup is 'Sum, count and maximum of each series.';
