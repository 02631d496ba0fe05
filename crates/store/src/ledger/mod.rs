//! The ledger: posting journals, wallets, statements, and proving that the books are right.

mod bonus;
mod post;
mod statement;
mod taken;
mod verify;
mod wallets;

pub use bonus::{BonusGrant, NewBonus, bonuses, expire_bonus, expired_bonuses, grant_bonus};
pub use post::{Movement, charge_invoice, deposit_for_invoice, move_money};
pub(crate) use post::{charged, enter, next_movement, refund};
pub use statement::{StatementLine, Wallet, statement};
pub(crate) use taken::{OfGrant, charged_of, grants_of, refunded_of, revenue_of};
pub use verify::{Finding, invariants, verifier, verify};
pub use wallets::{balance, lock_wallets};

/// What test access always has (CONTRACT 1.6), in minor units of the euro.
pub(crate) const TEST_BALANCE: i64 = 100_000;
