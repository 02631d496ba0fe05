//! What is drawn of a series.

use domain::usage::{LONGEST_INTERVAL, Resolution, Rollup, Rollups, Series};
use jiff::Timestamp;

/// The stretch of time that a graph shows, in seconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: i64,
    pub until: i64,
}

/// A series in a window.
#[derive(Debug)]
pub struct Curve {
    pub series: Series,
    /// Moments, in seconds of Unix time, with the average of their row; in order, in stretches without a gap.
    pub stretches: Vec<Vec<(i64, i64)>>,
    /// All of the window's values.
    pub total: Rollup,
}

impl Curve {
    /// What `rows`, which are in order, tell of a series. A row's average stands in the middle of its time.
    pub fn of(series: Series, rows: &[&(Timestamp, Rollups)], resolution: Resolution, window: Window) -> Self {
        let longest = LONGEST_INTERVAL.as_secs().max(resolution.seconds() * 3 / 2);
        let mut curve = Self { series, stretches: Vec::new(), total: Rollup::default() };
        let mut previous = None;
        for (start, row) in rows {
            let rollup = row.get(series);
            let middle = start.as_second().saturating_add(resolution.seconds() / 2).min(window.until);
            let Some(average) = rollup.average() else { continue };
            if middle < window.from || start.as_second() > window.until {
                continue;
            }
            curve.total = curve.total.joined(rollup);
            let point = (middle, average.max(0));
            match curve.stretches.last_mut() {
                Some(stretch) if previous.is_some_and(|before| middle - before <= longest) => stretch.push(point),
                _ => curve.stretches.push(vec![point]),
            }
            previous = Some(middle);
        }
        curve
    }

    /// The highest point; 0 when there is none.
    pub fn highest(&self) -> i64 {
        self.stretches.iter().flatten().map(|&(_, value)| value).max().unwrap_or_default()
    }

    /// The latest point's value.
    pub fn last(&self) -> Option<i64> {
        self.stretches.last()?.last().map(|&(_, value)| value)
    }

    /// Whether it is a limit: it stands over the others, and says nothing of whether the server was measured.
    pub const fn is_limit(&self) -> bool {
        matches!(self.series, Series::MemoryLimit | Series::StorageLimit)
    }
}
