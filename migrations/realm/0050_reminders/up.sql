-- Customers are reminded once a day, and each hour of what came up meanwhile; no longer with each billing run, which is each
-- minute.

alter table billing_run add column reminded_at timestamptz;
comment on column billing_run.reminded_at is 'When, by the realm''s clock, customers were last reminded of what ends soon and of balances that won''t do.';
