//! How a cost is met: from the wallets, not at all, or later.

use crate::{
    billing::{Charge, Wallets},
    money::{Money, MoneyError},
};

/// Whether a realm charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillingMode {
    /// Money moves.
    Charging,
    /// Costs are computed and shown, and the balance never changes (test access, CONTRACT 1.6).
    Waived,
}

/// What becomes of a cost that the balance can't pay (`apih.dialect`, CONTRACT 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpaid {
    /// The order is taken with an unpaid invoice (friendhosting).
    Accept,
    /// The order is refused (rootpanel).
    Refuse,
}

/// How a cost is to be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentTerms {
    /// What the customer has.
    pub wallets: Wallets,
    /// Whether the realm charges.
    pub mode: BillingMode,
    /// What becomes of a cost that the balance can't pay.
    pub unpaid: Unpaid,
}

/// How a cost is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// From the wallets.
    Charged(Charge),
    /// It costs nothing, or the realm doesn't charge: a paid invoice and no journal.
    Free,
    /// Not yet: an unpaid invoice.
    Owed,
}

impl Payment {
    /// Whether the invoice is paid at once.
    #[must_use]
    pub const fn is_made(&self) -> bool {
        matches!(self, Self::Charged(_) | Self::Free)
    }
}

impl PaymentTerms {
    /// Decides how `cost` is met; `None` when it can't be and is not to be owed.
    ///
    /// # Errors
    /// [`MoneyError`] when cost and wallets are not of one currency.
    pub fn meet(&self, cost: Money) -> Result<Option<Payment>, MoneyError> {
        if cost.is_zero() {
            return Ok(Some(Payment::Free));
        }
        Ok(match (self.wallets.charge(cost)?, self.mode, self.unpaid) {
            (Some(charge), BillingMode::Charging, _) => Some(Payment::Charged(charge)),
            (Some(_), BillingMode::Waived, _) => Some(Payment::Free),
            (None, _, Unpaid::Accept) => Some(Payment::Owed),
            (None, _, Unpaid::Refuse) => None,
        })
    }

    /// The balance once `payment` is made.
    ///
    /// # Errors
    /// [`MoneyError`] when cost and wallets are not of one currency.
    pub fn balance_after(&self, payment: &Payment) -> Result<Money, MoneyError> {
        let balance = self.wallets.balance()?;
        match payment {
            Payment::Charged(charge) => balance.minus(charge.total()?),
            Payment::Free | Payment::Owed => Ok(balance),
        }
    }
}
