//! The store, on real PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "the helpers of tests fail as tests do"
)]

mod acts;
mod addresses;
mod bonuses;
mod capabilities;
mod catalogue;
mod clock;
mod credit;
mod customers;
mod ended;
mod failovers;
mod large_ledger;
mod lost_answers;
mod model;
mod moves;
mod nothing;
mod orders;
mod outbox;
mod parties;
mod payments;
mod plans;
mod privileges;
mod races;
mod random;
mod rates;
mod refusals;
mod restored;
mod retariff;
mod sabotage;
mod scratch;
mod shapes;
mod staff_passwords;
mod statements;
mod steering;
mod sweeping;
mod tasks;
mod transactions;
mod vat;
