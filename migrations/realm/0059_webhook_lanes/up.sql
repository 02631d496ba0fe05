-- Webhooks: why nothing is delivered to one is kept with it, and each secret that it had signs until its own day.

alter table webhook add column trouble text;
comment on column webhook.trouble is 'What was wrong with the last delivery; null after one that was taken.';

create table webhook_old_secret (
    id         bigint      generated always as identity primary key,
    webhook_id bigint      not null references webhook on delete cascade,
    secret     bytea       not null,
    until      timestamptz not null
);
create index webhook_old_secret_of on webhook_old_secret (webhook_id);
comment on table webhook_old_secret is 'Secrets that webhooks had; messages are signed with them, too, for a while.';
comment on column webhook_old_secret.id is 'Its number.';
comment on column webhook_old_secret.webhook_id is 'Whose it was.';
comment on column webhook_old_secret.secret is 'The secret, sealed.';
comment on column webhook_old_secret.until is 'Until when it signs.';
-- The columns old_secret and old_until are still written, for a program of the version before this one.
insert into webhook_old_secret (webhook_id, secret, until)
    select id, old_secret, old_until from webhook where old_until > now();

-- A lane takes its own notices: those of one webhook, or mail.
create index notice_due_by_lane on notice (webhook_id, due_at, id) where state = 'waiting';
drop index notice_of_webhook_waiting;
