//! `vartai migrate`

use serde_json::json;

use super::report::Report;
use crate::{
    failure::Failure,
    installation::{self, Migrations},
    settings::Settings,
};

/// Brings the schema and the roles up to date.
pub async fn run(settings: Settings) -> Result<Report, Failure> {
    installation::with(settings, Migrations::Run, async |opened| {
        let ran = &opened.migrated.0;
        let text = match ran.is_empty() {
            true => "the schema was up to date; roles and grants are".to_owned(),
            false => ran.iter().map(|migration| format!("{migration}\n")).collect(),
        };
        Ok(Report::new(text, json!({ "migrations": ran })))
    })
    .await
}
