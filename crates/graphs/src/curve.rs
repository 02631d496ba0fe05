//! What is drawn of a series.

use domain::usage::{LONGEST_INTERVAL, Resolution, Rollup, Rollups, Series};
use jiff::Timestamp;

/// The stretch of time that a graph shows, in seconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: i64,
    pub until: i64,
}

/// How rows become points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raster {
    pub window: Window,
    pub resolution: Resolution,
    /// The least distance of points that can be told apart, in seconds: rows that are closer are averaged.
    pub cell: i64,
}

/// A series in a window.
#[derive(Debug)]
pub struct Curve {
    pub series: Series,
    /// Moments, in seconds of Unix time, with the average around them; in order, in stretches without a gap.
    pub stretches: Vec<Vec<(i64, i64)>>,
    /// All of the window's values.
    pub total: Rollup,
    /// The average of the latest row.
    pub last: Option<i64>,
}

/// Rows that become one point.
#[derive(Debug, Clone, Copy)]
struct Cell {
    number: i64,
    /// Where its first and its last row stand.
    from: i64,
    to: i64,
    rollup: Rollup,
}

impl Cell {
    fn point(self) -> Option<(i64, i64)> {
        Some((self.from + (self.to - self.from) / 2, self.rollup.average()?.max(0)))
    }
}

impl Curve {
    /// What `rows`, which are in order, tell of a series. A row's average stands in the middle of its time.
    pub fn of(series: Series, rows: &[&(Timestamp, Rollups)], raster: Raster) -> Self {
        let Raster { window, resolution, cell } = raster;
        let longest = LONGEST_INTERVAL.as_secs().max(resolution.seconds() * 3 / 2);
        let mut curve = Self { series, stretches: Vec::new(), total: Rollup::default(), last: None };
        let mut open: Option<Cell> = None;
        for (start, row) in rows {
            let rollup = row.get(series);
            let middle = start.as_second().saturating_add(resolution.seconds() / 2).min(window.until);
            let Some(average) = rollup.average() else { continue };
            if middle < window.from || start.as_second() > window.until {
                continue;
            }
            curve.total = curve.total.joined(rollup);
            curve.last = Some(average.max(0));
            let number = (middle - window.from) / cell.max(resolution.seconds()).max(1);
            let near = open.filter(|cell| middle - cell.to <= longest);
            open = match near {
                Some(cell) if cell.number == number => {
                    Some(Cell { to: middle, rollup: cell.rollup.joined(rollup), ..cell })
                }
                _ => {
                    curve.close(open, near.is_none());
                    Some(Cell { number, from: middle, to: middle, rollup })
                }
            };
        }
        curve.close(open, false);
        curve
    }

    /// Adds a finished cell's point; a gap after it begins a new stretch.
    fn close(&mut self, cell: Option<Cell>, gap: bool) {
        if let Some(point) = cell.and_then(Cell::point) {
            match self.stretches.last_mut() {
                Some(stretch) => stretch.push(point),
                None => self.stretches.push(vec![point]),
            }
            if gap {
                self.stretches.push(Vec::new());
            }
        }
    }

    /// The highest point; 0 when there is none.
    pub fn highest(&self) -> i64 {
        self.stretches.iter().flatten().map(|&(_, value)| value).max().unwrap_or_default()
    }

    /// Whether it is a limit: it stands over the others, and says nothing of whether the server was measured.
    pub const fn is_limit(&self) -> bool {
        matches!(self.series, Series::MemoryLimit | Series::StorageLimit)
    }
}

#[cfg(test)]
mod tests {
    use domain::usage::Sample;

    use super::*;

    fn curve(starts: &[i64], cell: i64) -> Curve {
        let row = |&start: &i64| {
            let sample = Sample { cpu: Some(start / 300 % 7), ..Sample::default() };
            (Timestamp::from_second(start).unwrap(), Rollups::of(&sample))
        };
        let rows: Vec<_> = starts.iter().map(row).collect();
        let window = Window { from: 0, until: 86_400 };
        let rows: Vec<_> = rows.iter().collect();
        Curve::of(Series::Cpu, &rows, Raster { window, resolution: Resolution::Fine, cell })
    }

    #[test]
    fn a_long_silence_parts_stretches() {
        let curve = curve(&[0, 300, 600, 6_000, 6_300, 11_701], 1);
        let stretches: Vec<Vec<i64>> =
            curve.stretches.iter().map(|stretch| stretch.iter().map(|(at, _)| *at).collect()).collect();
        assert_eq!(
            stretches,
            [vec![150, 450, 750, 6_150, 6_450], vec![11_851]],
            "90 minutes join, a second more parts"
        );
    }

    #[test]
    fn hourly_rows_are_one_stretch() {
        let hours: Vec<i64> = (0..24).map(|hour| hour * 3_600).collect();
        assert_eq!(curve(&hours, 1).stretches.iter().map(Vec::len).collect::<Vec<_>>(), [24]);
    }

    #[test]
    fn what_lies_outside_the_window_is_left_out() {
        let curve = curve(&[-600, -151, -150, 0, 86_400, 86_700], 1);
        assert_eq!(curve.total.count, 3, "the row whose middle is the window's edge, the first, and the last");
    }

    #[test]
    fn coarse_points_keep_the_average_and_the_latest_row() {
        let starts: Vec<i64> = (0..288).map(|row| row * 300).collect();
        let (fine, coarse) = (curve(&starts, 1), curve(&starts, 2_100));
        assert_eq!((fine.total, fine.last), (coarse.total, coarse.last));
        let points: Vec<_> = coarse.stretches.iter().flatten().collect();
        assert_eq!(points.len(), 42, "seven rows each, the last of five or less");
        assert!(points.iter().take(41).all(|(_, value)| *value == 3), "0..7 average 3");
    }

    #[test]
    fn a_curve_without_rows_is_empty() {
        let curve = curve(&[], 1);
        assert!(curve.stretches.is_empty() && curve.last.is_none());
        assert_eq!(curve.highest(), 0);
    }
}
