//! `vartai clock`

use std::time::Duration;

use clap::{Args, Subcommand};
use domain::calendar::{day_of, parse_span};
use serde_json::json;
use store::{
    Realm,
    clock::{self, Clock},
};

use super::{
    realm::AnyRealm,
    report::{Report, listing},
};
use crate::{failure::Failure, installation::Installation};

/// Arguments of `vartai clock`.
#[derive(Debug, Args)]
pub struct ClockArguments {
    #[command(flatten)]
    realm: AnyRealm,
    #[command(subcommand)]
    command: ClockCommand,
}

/// What to do with the clock.
#[derive(Debug, Subcommand)]
enum ClockCommand {
    /// What time it is in the realm
    Show,
    /// Move a test realm's clock ahead; there is no way back, and the live realm's can't be moved
    Advance {
        /// How far: 400d, or 12h
        #[arg(value_parser = span)]
        by: Duration,
    },
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).ok_or_else(|| "not a span: write days as 400d or hours as 12h".to_owned())
}

/// Does it.
pub async fn run(arguments: ClockArguments, installation: &Installation) -> Result<Report, Failure> {
    let realm = &arguments.realm.open(installation).await?;
    let clock = match arguments.command {
        ClockCommand::Show => realm.read(async |connection| clock::show(connection).await).await?,
        ClockCommand::Advance { by } => {
            realm.transaction("advance clock", async |tx| clock::advance(tx, by).await).await?
        }
    };
    Ok(report(realm, clock, installation))
}

fn report(realm: &Realm, clock: Clock, installation: &Installation) -> Report {
    let today = day_of(clock.realm, &realm.rules().zone);
    let text = listing(&[
        ("realm", realm.schema().to_owned()),
        ("now", installation.moment(clock.realm)),
        ("database", installation.moment(clock.database)),
        ("ahead", format!("{} s", clock.ahead_seconds())),
    ]);
    let json = json!({
        "realm": realm.schema(), "now": clock.realm.to_string(), "today": today.to_string(),
        "database": clock.database.to_string(), "ahead_seconds": clock.ahead_seconds(),
    });
    Report::new(text, json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_days_or_hours_and_lead_ahead() {
        assert_eq!(span("400d"), Ok(Duration::from_hours(9600)));
        assert_eq!(span("12h"), Ok(Duration::from_hours(12)));
        for wrong in ["", "d", "400", "-1d", "0d", "1.5d", "1m", "99999999999999999d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
