//! On which days before the end a customer is reminded.

/// So many days before the end a customer is reminded, once for each: at most [`RemindDays::MOST`] of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemindDays {
    /// The farthest first, 0 where there is none.
    days: [u16; Self::MOST],
}

/// Why days can't be those of reminders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RemindDaysError {
    /// More than [`RemindDays::MOST`].
    #[error("there are at most {} reminders", RemindDays::MOST)]
    TooMany,
    /// 0, or more than [`RemindDays::FARTHEST`].
    #[error("{0} is not how many days before the end: write 1 to {max}", max = RemindDays::FARTHEST)]
    Day(u16),
}

impl Default for RemindDays {
    fn default() -> Self {
        Self { days: [14, 7, 1, 0, 0, 0, 0, 0] }
    }
}

impl RemindDays {
    /// So many reminders at the most.
    pub const MOST: usize = 8;
    /// The farthest from the end, in days.
    pub const FARTHEST: u16 = 60;

    /// These days, in any order; none means no reminders.
    ///
    /// # Errors
    /// [`RemindDaysError`].
    pub fn new(days: &[u16]) -> Result<Self, RemindDaysError> {
        if let Some(wrong) = days.iter().find(|day| !(1..=Self::FARTHEST).contains(*day)) {
            return Err(RemindDaysError::Day(*wrong));
        }
        let mut sorted = days.to_vec();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        sorted.dedup();
        if sorted.len() > Self::MOST {
            return Err(RemindDaysError::TooMany);
        }
        sorted.resize(Self::MOST, 0);
        sorted.try_into().map(|days| Self { days }).map_err(|_| RemindDaysError::TooMany)
    }

    /// They, the farthest first.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.days.into_iter().filter(|day| *day > 0)
    }

    /// The farthest; `None` without reminders.
    #[must_use]
    pub fn farthest(&self) -> Option<u16> {
        self.iter().next()
    }

    /// The reminder that is due when so many days are left: the nearest that was reached. One that a standstill passed
    /// over is not made up for. `None` before the first, and after the end.
    #[must_use]
    pub fn due(&self, days_left: i32) -> Option<u16> {
        if days_left < 0 {
            return None;
        }
        self.iter().filter(|day| i32::from(*day) >= days_left).min()
    }
}
