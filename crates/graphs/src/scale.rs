//! The vertical axis.

use domain::language::Language;

use crate::quantity::{Quantity, Unit};

/// A vertical axis from 0: round numbers, all in one unit.
#[derive(Debug, PartialEq, Eq)]
pub struct Scale {
    /// The value at the top.
    pub top: i64,
    step: i64,
    unit: Unit,
}

impl Scale {
    /// The scale in which `highest` fits and that has at most `lines` lines over 0.
    pub fn of(quantity: Quantity, highest: i64, lines: i64) -> Self {
        let highest = highest.max(quantity.least_top());
        let lines = lines.max(1);
        let fits = |step: &i64| highest.div_euclid(*step) + i64::from(highest % step != 0) <= lines;
        let step = quantity.steps().find(fits).unwrap_or(highest);
        let count = highest.div_euclid(step) + i64::from(highest % step != 0);
        let top = step.saturating_mul(count);
        Self { top, step, unit: quantity.unit(top) }
    }

    /// Its lines from 0 up: value and number.
    pub fn lines(&self, language: Language) -> Vec<(i64, String)> {
        let exact = |decimals: &u32| (i128::from(self.step) * 10_i128.pow(*decimals)) % i128::from(self.unit.size) == 0;
        let decimals = (0..4).find(exact).unwrap_or(3);
        let values = (0..).map(|n: i64| self.step.saturating_mul(n)).take_while(|&value| value < self.top);
        values.chain([self.top]).map(|value| (value, self.unit.number(value, decimals, language))).collect()
    }

    /// The unit's name; empty where numbers have none.
    pub const fn unit(&self, language: Language) -> &'static str {
        self.unit.name(language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(quantity: Quantity, highest: i64, lines: i64) -> String {
        let scale = Scale::of(quantity, highest, lines);
        let numbers: Vec<_> = scale.lines(Language::En).into_iter().map(|(_, number)| number).collect();
        format!("{} {}", numbers.join(" "), scale.unit(Language::En))
    }

    #[test]
    fn lines_are_round() {
        assert_eq!(numbers(Quantity::BitRate, 83_000, 5), "0 20 40 60 80 100 Mbit/s");
        assert_eq!(numbers(Quantity::BitRate, 900, 5), "0 0.2 0.4 0.6 0.8 1 Mbit/s");
        assert_eq!(numbers(Quantity::Size, 2_048, 5), "0 0.5 1 1.5 2 GB");
        assert_eq!(numbers(Quantity::Size, 20 * 1024, 4), "0 5 10 15 20 GB");
        assert_eq!(numbers(Quantity::Size, 0, 4), "0 16 32 48 64 MB");
        assert_eq!(numbers(Quantity::Share, 9_990, 5), "0 20 40 60 80 100 %");
        assert_eq!(numbers(Quantity::Load, 3, 4), "0 0.5 1 ");
    }

    #[test]
    fn any_value_has_a_scale() {
        for quantity in [Quantity::BitRate, Quantity::ByteRate, Quantity::Size, Quantity::Share, Quantity::Load] {
            for power in 0..63 {
                for lines in [0, 1, 3, 6] {
                    let scale = Scale::of(quantity, 1 << power, lines);
                    let count = i64::try_from(scale.lines(Language::Lt).len()).unwrap();
                    assert!(scale.top >= 1 << power && count <= lines.max(1) + 1, "{scale:?} has {count} lines");
                }
            }
            assert!(Scale::of(quantity, i64::MAX, 5).top == i64::MAX);
        }
    }
}
