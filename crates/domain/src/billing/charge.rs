//! How a charge is spread over a customer's wallets.

use crate::money::{Money, MoneyError};

/// What a customer has. Balance = credit + bonus (CONTRACT 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wallets {
    /// Money paid in and not spent.
    pub credit: Money,
    /// Given by the company, spent first, never paid out.
    pub bonus: Money,
}

/// What is taken from each wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// From credit, not negative.
    pub credit: Money,
    /// From bonus, not negative.
    pub bonus: Money,
}

impl Wallets {
    /// Credit and bonus together.
    ///
    /// # Errors
    /// [`MoneyError`] when the two are not of one currency or too large.
    pub fn balance(&self) -> Result<Money, MoneyError> {
        self.credit.plus(self.bonus)
    }

    /// Takes `cost`, bonus first; `None` when there is not enough.
    ///
    /// # Errors
    /// [`MoneyError`] when the cost is of another currency.
    pub fn charge(&self, cost: Money) -> Result<Option<Charge>, MoneyError> {
        let available = self.balance()?;
        if available.minus(cost)?.in_minor() < 0 {
            return Ok(None);
        }
        let bonus = Money::minor(self.bonus.in_minor().clamp(0, cost.in_minor().max(0)), cost.currency());
        Ok(Some(Charge { credit: cost.minus(bonus)?, bonus }))
    }
}

impl Charge {
    /// What is taken in all.
    ///
    /// # Errors
    /// [`MoneyError`] when the two are not of one currency or too large.
    pub fn total(&self) -> Result<Money, MoneyError> {
        self.credit.plus(self.bonus)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency::EUR;

    proptest! {
        #[test]
        fn a_charge_takes_the_cost_bonus_first_and_never_overdraws(credit in 0_i64..1_000_000, bonus in 0_i64..1_000_000, cost in 0_i64..2_500_000) {
            let wallets = Wallets { credit: Money::minor(credit, EUR), bonus: Money::minor(bonus, EUR) };
            let charge = wallets.charge(Money::minor(cost, EUR)).expect("one currency");
            match charge {
                None => prop_assert!(cost > credit + bonus),
                Some(charge) => {
                    prop_assert_eq!(charge.total().expect("small").in_minor(), cost);
                    prop_assert_eq!(charge.bonus.in_minor(), cost.min(bonus));
                    prop_assert!(charge.credit.in_minor() <= credit);
                }
            }
        }
    }
}
