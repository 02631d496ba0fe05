//! How many entries of a list are asked for.

use domain::{calendar::parse_digits, field::Field};

use crate::{
    command::{Call, FieldSpec, Need},
    fault::Fault,
};

/// The field `count`.
pub(super) const COUNT: FieldSpec = FieldSpec {
    name: "count",
    about: "So many of the newest entries, 1 to 1000.",
    need: Need::Optional("100"),
    example: "100",
    malformed: Some(("0", Fault::Parameter("count"))),
    extension: false,
};

/// Its value: 100 when absent.
pub(super) fn count(call: &Call<'_>) -> Result<i64, Fault> {
    match Field::read(call.text(&COUNT), |text| parse_digits(text).filter(|n| (1..=1000).contains(n))) {
        Field::Absent => Ok(100),
        Field::Given(count) => Ok(count),
        Field::Malformed => Err(Fault::Parameter(COUNT.name)),
    }
}
