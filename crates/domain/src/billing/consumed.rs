//! What was consumed of something that is paid for a time, and what is to be given back: the rest, to the minor unit.

use super::{InvoiceId, VatLine, price::split};
use crate::money::{Money, MoneyError, divide_half_up};

/// A line of a paid invoice that is for days, some of which are still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidLine {
    /// The invoice.
    pub invoice: InvoiceId,
    /// The line.
    pub line: i16,
    /// What is left of it after earlier credit notes.
    pub left: VatLine,
    /// Its days that are still to come.
    pub days: i32,
    /// All of its days.
    pub of_days: i32,
}

/// What a line is consumed by, and what is given back of it, gross. They sum to what was charged for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The line.
    pub of: PaidLine,
    /// For the days before.
    pub consumed: Money,
    /// For the days to come.
    pub refund: Money,
}

/// Splits paid lines at a day: lines of an invoice that are for the same days are consumed together, rounded once, half
/// up, and split by largest remainder. The refund is what is left, and never reckoned by itself.
///
/// # Errors
/// [`MoneyError`] for amounts of several currencies, or too large.
pub fn settle(lines: &[PaidLine]) -> Result<Vec<Settled>, MoneyError> {
    let mut settled = Vec::with_capacity(lines.len());
    for group in lines.chunk_by(|a, b| (a.invoice, a.days, a.of_days) == (b.invoice, b.days, b.of_days)) {
        let (days, of_days) = group.first().map_or((0, 0), |line| (line.days, line.of_days));
        let (past, all) = (i128::from((of_days - days).max(0)), i128::from(of_days.max(1)));
        let exact: Vec<i128> = group.iter().map(|line| i128::from(line.left.gross.in_minor()) * past).collect();
        let whole = divide_half_up(exact.iter().sum(), all);
        for (line, consumed) in group.iter().zip(split(&exact, all, whole)) {
            let gross = line.left.gross;
            let consumed = i64::try_from(consumed).map_err(|_| MoneyError::TooLarge)?;
            let consumed = Money::minor(consumed, gross.currency());
            settled.push(Settled { of: *line, consumed, refund: gross.minus(consumed)? });
        }
    }
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        customers::Prices,
        money::{Currency::EUR, Percent},
    };

    fn lines() -> impl Strategy<Value = Vec<PaidLine>> {
        let line = (0_i64..3, 0_i64..100_000, 1_i32..400, 0_i32..400);
        prop::collection::vec(line, 0..9).prop_map(|mut all| {
            all.sort_unstable();
            let of = |(at, (invoice, minor, of_days, days)): (i16, (i64, i64, i32, i32))| PaidLine {
                invoice: InvoiceId(invoice),
                line: at,
                left: VatLine::of(Money::minor(minor, EUR), Percent::ZERO, Prices::Gross).expect("small"),
                days: days.min(of_days),
                of_days,
            };
            (1_i16..).zip(all).map(of).collect()
        })
    }

    proptest! {
        #[test]
        fn refund_and_consumed_are_what_was_charged(lines in lines()) {
            let settled = settle(&lines).expect("small");
            prop_assert_eq!(settled.len(), lines.len());
            for (one, line) in settled.iter().zip(&lines) {
                prop_assert_eq!(one.of, *line);
                prop_assert_eq!(one.consumed.plus(one.refund).expect("small"), line.left.gross);
                let (consumed, gross) = (one.consumed.in_minor(), line.left.gross.in_minor());
                prop_assert!((0..=gross).contains(&consumed), "{} of {}", consumed, gross);
                // Less than a minor unit off the days' exact share.
                let off = i128::from(consumed) * i128::from(line.of_days)
                    - i128::from(gross) * i128::from(line.of_days - line.days);
                prop_assert!(off.abs() < i128::from(line.of_days));
            }
        }
    }
}
