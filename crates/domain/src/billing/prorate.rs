//! Prices for the rest of a paid interval, to the day.

use jiff::civil::Date;

use super::{ExactMonthly, PartOfInterval, RESOURCE_SCALE};
use crate::{
    calendar::days_between,
    money::{Currency, Money, MoneyError, Percent, divide_half_up},
    orders::RunningInterval,
};

impl PartOfInterval {
    /// The rest of a paid interval from a day on, that day included; all of it where it has not begun; none where it is
    /// over.
    #[must_use]
    pub fn rest(of: &RunningInterval, day: Date) -> Option<Self> {
        let from = day.max(of.days.from);
        let (days, of_days) = (days_between(from, of.days.until), days_between(of.days.from, of.days.until));
        let part = Self { from, until: of.days.until, days, of_days, months: of.months, discount: of.discount };
        (days > 0).then_some(part)
    }

    /// What a monthly price comes to for these days, in `1 / scale()` of a minor unit.
    #[must_use]
    pub fn exact(&self, monthly: ExactMonthly) -> i128 {
        monthly.0 * i128::from(self.months) * i128::from(self.discount.remainder()) * i128::from(self.days)
    }

    /// What [`Self::exact`] counts in.
    #[must_use]
    pub fn scale(&self) -> i128 {
        RESOURCE_SCALE * i128::from(Percent::WHOLE) * i128::from(self.of_days)
    }

    /// What a monthly price comes to for these days, rounded once, half up.
    ///
    /// # Errors
    /// [`MoneyError::TooLarge`].
    pub fn price(&self, monthly: ExactMonthly, currency: Currency) -> Result<Money, MoneyError> {
        let minor = divide_half_up(self.exact(monthly), self.scale());
        i64::try_from(minor).map(|minor| Money::minor(minor, currency)).map_err(|_| MoneyError::TooLarge)
    }
}
