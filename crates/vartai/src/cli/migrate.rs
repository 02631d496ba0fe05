//! `vartai migrate`

use clap::Args;
use serde_json::json;

use super::report::Report;
use crate::{
    failure::Failure,
    installation::{self, Access, Migrations},
    settings::Settings,
};

/// Arguments of `vartai migrate`.
#[derive(Debug, Args)]
pub struct MigrateArguments {
    /// Give the realms' roles the passwords that come of this key file, though they have others; other hosts need the
    /// same key file then
    #[arg(long)]
    renew_roles: bool,
}

/// Brings the schema and the roles up to date.
pub async fn run(arguments: MigrateArguments, settings: Settings, access: Access) -> Result<Report, Failure> {
    let migrations = Migrations::Run { renew_roles: arguments.renew_roles };
    installation::with(settings, access, migrations, async |opened| {
        let ran = &opened.migrated.0;
        let text = match ran.is_empty() {
            true => "the schema was up to date; roles and grants are".to_owned(),
            false => ran.iter().map(|migration| format!("{migration}\n")).collect(),
        };
        Ok(Report::new(text, json!({ "migrations": ran })))
    })
    .await
}
