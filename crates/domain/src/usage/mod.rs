//! What servers use: counters as a hypervisor reports them, rates between two reports, and averages kept at four
//! resolutions for a bounded number of rows.

mod resolution;
mod rollup;
mod sample;

pub use resolution::{ROWS_PER_SERVER, Resolution, bucket};
pub use rollup::{Rollup, Rollups};
pub use sample::{Counters, LONGEST_INTERVAL, Sample, Series, sample};

#[cfg(test)]
mod tests;
