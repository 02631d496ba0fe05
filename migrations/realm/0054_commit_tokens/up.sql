-- What each transaction leaves of itself, so that whoever got no answer to a commit can see whether it was done. Without an
-- index, because each transaction writes one and hardly anybody ever looks for one; they are taken out after minutes.
create table commit_token (
    token uuid not null,
    at timestamptz not null default clock_timestamp()
);
comment on table commit_token is 'Evidence of committed transactions, for some minutes.';
