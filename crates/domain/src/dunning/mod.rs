//! What happens to orders when nobody calls: renewal, proformas ahead, suspension and the end; and when the run that
//! does it must not go on without a person.

mod due;
mod interlock;
mod policy;

pub use due::{Due, End, Standing, due, renewal_period};
pub use interlock::{Ends, Facts, Finding, FindingKind, Limits, Payments, Release, TaskOutcomes, check, uncovered};
pub use policy::{Lapse, Policy, Settle};
