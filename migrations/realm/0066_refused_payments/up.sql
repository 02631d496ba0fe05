-- What a payment provider's bridge told and was refused: its money is recorded nowhere else, so somebody has to know.

create table payment_refusal (
    reference text        not null check (length(reference) <= 128),
    login     text        not null check (length(login) <= 64),
    why       text        not null check (length(why) <= 500),
    status    integer     not null,
    times     integer     not null default 1,
    first_at  timestamptz not null default now(),
    last_at   timestamptz not null default now(),
    primary key (reference, login, why)
);
comment on table payment_refusal is
    'Signed messages about payments that were refused for good. Kept for 30 days after the last.';
comment on column payment_refusal.reference is 'The payment''s, as far as one could be read.';
comment on column payment_refusal.login is 'The customer that it named, as far as one could be read.';
comment on column payment_refusal.why is 'What the bridge was told.';
comment on column payment_refusal.status is 'The HTTP status.';
comment on column payment_refusal.times is 'How often.';
comment on column payment_refusal.first_at is 'When for the first time.';
comment on column payment_refusal.last_at is 'When for the last time.';
