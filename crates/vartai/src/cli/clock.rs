//! `vartai clock`

use std::time::Duration;

use clap::{Args, Subcommand};
use domain::calendar::{day_of, parse_digits};
use serde_json::json;
use store::{
    RealmKind,
    clock::{self, Clock},
};

use super::{
    realm::RealmOption,
    report::{Report, listing},
};
use crate::{failure::Failure, installation::Installation};

/// Arguments of `vartai clock`.
#[derive(Debug, Args)]
pub struct ClockArguments {
    #[command(flatten)]
    realm: RealmOption,
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

/// Days (`400d`) or hours (`12h`).
fn span(text: &str) -> Result<Duration, String> {
    let unit = |hours: u64| move |count: i64| u64::try_from(count).ok()?.checked_mul(hours * 3600);
    let seconds = match (text.strip_suffix('d'), text.strip_suffix('h')) {
        (Some(days), _) => parse_digits(days).and_then(unit(24)),
        (None, Some(hours)) => parse_digits(hours).and_then(unit(1)),
        (None, None) => None,
    };
    let seconds = seconds.filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(|| "not a span: write days as 400d or hours as 12h".to_owned())
}

/// Does it.
pub async fn run(arguments: ClockArguments, installation: &Installation) -> Result<Report, Failure> {
    let kind = arguments.realm.kind();
    let realm = installation.realm(kind);
    let clock = match arguments.command {
        ClockCommand::Show => realm.read(async |connection| clock::show(connection).await).await?,
        ClockCommand::Advance { by } => {
            realm.transaction("advance clock", async |tx| clock::advance(tx, by).await).await?
        }
    };
    Ok(report(kind, clock, installation))
}

fn report(kind: RealmKind, clock: Clock, installation: &Installation) -> Report {
    let today = day_of(clock.realm, &installation.realm(kind).rules().zone);
    let text = listing(&[
        ("realm", kind.schema().to_owned()),
        ("now", installation.moment(clock.realm)),
        ("database", installation.moment(clock.database)),
        ("ahead", format!("{} s", clock.ahead_seconds())),
    ]);
    let json = json!({
        "realm": kind.schema(), "now": clock.realm.to_string(), "today": today.to_string(),
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
