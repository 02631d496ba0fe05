//! How a credit note is spread over its invoice's lines, and its refund over the wallets.

use super::{Charge, VatLine, price::split};
use crate::money::{Money, MoneyError, divide_half_up};

/// Why an invoice can't be credited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditError {
    /// The amount is not more than nothing.
    #[error("{0} is not an amount to credit: it must be more than nothing")]
    Nothing(Money),
    /// The invoice has less left.
    #[error("there is no more than {left} left to credit")]
    TooMuch {
        /// What is left of it.
        left: Money,
    },
    /// Amounts of several currencies, or too large.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// The lines of a credit note over `amount`, one for each of `left`, which is what earlier credit notes left of the
/// invoice's lines.
///
/// Each takes its share of the amount, by largest remainder, and of it the line's own proportion of VAT, rounded half up.
/// So no line ever gives more than it has, and credit notes over all of an invoice have its VAT to the cent.
///
/// # Errors
/// [`CreditError`].
pub fn split_credit(left: &[VatLine], amount: Money) -> Result<Vec<VatLine>, CreditError> {
    let zero = Money::zero(amount.currency());
    let whole = left.iter().try_fold(zero, |sum, line| sum.plus(line.gross))?;
    if amount.in_minor() <= 0 {
        return Err(CreditError::Nothing(amount));
    }
    if amount.in_minor() > whole.in_minor() {
        return Err(CreditError::TooMuch { left: whole });
    }
    let minor = i128::from(amount.in_minor());
    let exact: Vec<i128> = left.iter().map(|line| minor * i128::from(line.gross.in_minor())).collect();
    let shares = split(&exact, i128::from(whole.in_minor()), minor);
    left.iter().zip(shares).map(|(line, share)| Ok(taken_back(line, share)?)).collect()
}

/// `share` of what is left of a line, taken back.
fn taken_back(left: &VatLine, share: i128) -> Result<VatLine, MoneyError> {
    let currency = left.gross.currency();
    let gross = i128::from(left.gross.in_minor());
    // Of nothing there is no share.
    let vat = i128::from(left.vat.in_minor()) * share * gross.signum();
    let vat = if gross == 0 { 0 } else { divide_half_up(vat, gross.abs()) };
    let money =
        |minor: i128| i64::try_from(-minor).map(|m| Money::minor(m, currency)).map_err(|_| MoneyError::TooLarge);
    Ok(VatLine { net: money(share - vat)?, vat: money(vat)?, gross: money(share)? })
}

/// A line of a credit note: `share`, gross, of what is left of a line, with the line's own proportion of VAT, rounded half up.
///
/// # Errors
/// [`MoneyError`] for amounts too large.
pub fn credit_line(left: &VatLine, share: Money) -> Result<VatLine, MoneyError> {
    taken_back(left, i128::from(share.in_minor()))
}

/// What of a refund of `amount` goes back to credit and what to bonus, when an invoice was `paid` so and `before` was
/// refunded earlier: in the proportion in which it was paid, rounded half up over all refunds of the invoice together.
/// So a bonus never becomes money, and all refunds of an invoice give back exactly what was taken.
///
/// # Errors
/// [`MoneyError`] for amounts of several currencies, or too large.
pub fn split_refund(paid: &Charge, before: Money, amount: Money) -> Result<Charge, MoneyError> {
    let total = i128::from(paid.total()?.in_minor()).max(1);
    let of_bonus =
        |refunded: Money| divide_half_up(i128::from(paid.bonus.in_minor()) * i128::from(refunded.in_minor()), total);
    let bonus = of_bonus(before.plus(amount)?) - of_bonus(before);
    let bonus = Money::minor(i64::try_from(bonus).map_err(|_| MoneyError::TooLarge)?, amount.currency());
    Ok(Charge { credit: amount.minus(bonus)?, bonus })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        customers::Prices,
        money::{Currency::EUR, Percent},
    };

    fn eur(minor: i64) -> Money {
        Money::minor(minor, EUR)
    }

    /// What `taken` leaves of `left`.
    fn less(left: &[VatLine], taken: &[VatLine]) -> Vec<VatLine> {
        let sum = |a: Money, b: Money| a.plus(b).expect("small");
        let of = |(l, t): (&VatLine, &VatLine)| VatLine {
            net: sum(l.net, t.net),
            vat: sum(l.vat, t.vat),
            gross: sum(l.gross, t.gross),
        };
        left.iter().zip(taken).map(of).collect()
    }

    fn total(lines: &[VatLine]) -> i64 {
        lines.iter().map(|line| line.gross.in_minor()).sum()
    }

    /// Lines of an invoice: now and then one is negative, as for a server that became smaller.
    fn lines() -> impl Strategy<Value = Vec<VatLine>> {
        let prices = prop::sample::select(vec![Prices::Gross, Prices::Net]);
        (prop::collection::vec(-2_000_i64..100_000, 1..9), 0_i64..=3_000, prices).prop_map(
            |(minors, points, prices)| {
                let rate = Percent::basis_points(points).expect("a rate");
                minors.into_iter().map(|minor| VatLine::of(eur(minor), rate, prices).expect("small")).collect()
            },
        )
    }

    proptest! {
        #[test]
        fn credit_notes_take_back_an_invoice_to_the_cent(invoice in lines(), parts in prop::collection::vec(1_i64..30_000, 0..6)) {
            prop_assume!(total(&invoice) > 0);
            let mut left = invoice.clone();
            for amount in parts.into_iter().chain([i64::MAX]) {
                let amount = amount.min(total(&left));
                if amount == 0 {
                    break;
                }
                let taken = split_credit(&left, eur(amount)).expect("there is as much");
                prop_assert_eq!(total(&taken), -amount);
                let after = less(&left, &taken);
                for (before, after) in left.iter().zip(&after) {
                    prop_assert_eq!(after.net.plus(after.vat).expect("small"), after.gross);
                    for (had, has) in [(before.net, after.net), (before.vat, after.vat), (before.gross, after.gross)] {
                        let (had, has) = (had.in_minor(), has.in_minor());
                        prop_assert!(has.abs() <= had.abs() && has * had >= 0, "{} of {}", has, had);
                    }
                }
                left = after;
            }
            prop_assert!(left.iter().all(|line| line.gross.is_zero() && line.vat.is_zero()), "{:?}", left);
        }

        #[test]
        fn refunds_give_back_what_was_taken_from_each_wallet(credit in 0_i64..100_000, bonus in 0_i64..100_000, parts in prop::collection::vec(1_i64..50_000, 0..6)) {
            prop_assume!(credit + bonus > 0);
            let paid = Charge { credit: eur(credit), bonus: eur(bonus) };
            let (mut before, mut back) = (0, (0, 0));
            for amount in parts.into_iter().chain([i64::MAX]) {
                let amount = amount.min(credit + bonus - before);
                let refund = split_refund(&paid, eur(before), eur(amount)).expect("small");
                prop_assert!(refund.credit.in_minor() >= 0 && refund.bonus.in_minor() >= 0, "{:?}", refund);
                prop_assert_eq!(refund.total().expect("small").in_minor(), amount);
                back = (back.0 + refund.credit.in_minor(), back.1 + refund.bonus.in_minor());
                before += amount;
            }
            prop_assert_eq!(back, (credit, bonus));
        }
    }

    #[test]
    fn more_than_is_left_and_less_than_anything_are_refused() {
        let line = VatLine::of(eur(121), Percent::basis_points(2_100).expect("a rate"), Prices::Gross).expect("small");
        assert_eq!(split_credit(&[line], eur(122)), Err(CreditError::TooMuch { left: eur(121) }));
        assert_eq!(split_credit(&[], eur(1)), Err(CreditError::TooMuch { left: eur(0) }));
        for amount in [0, -1] {
            assert_eq!(split_credit(&[line], eur(amount)), Err(CreditError::Nothing(eur(amount))));
        }
        let half = split_credit(&[line], eur(60)).expect("there is as much");
        assert_eq!(half, [VatLine { net: eur(-50), vat: eur(-10), gross: eur(-60) }]);
    }
}
