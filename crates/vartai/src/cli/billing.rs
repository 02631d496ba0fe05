//! `vartai billing`

use clap::{Args, Subcommand};
use provisioner::{Biller, Ran};
use serde_json::{Value, json};
use store::{
    Realm,
    billing::{self, Status, Tally},
};

use super::{
    realm::AnyRealm,
    report::{Report, listing, or_null, table},
};
use crate::{failure::Failure, installation::Installation};

/// Arguments of `vartai billing`.
#[derive(Debug, Args)]
pub struct BillingArguments {
    #[command(flatten)]
    realm: AnyRealm,
    #[command(subcommand)]
    command: BillingCommand,
}

/// What to do with the billing run.
#[derive(Debug, Subcommand)]
enum BillingCommand {
    /// Where it stands, and what it did in the last days
    Status,
    /// Run it now, as a worker does every minute
    Run,
    /// Stop it until it is released
    Hold,
    /// Let it go on with what was found, today, and with nothing else
    Release {
        /// Why
        #[arg(long)]
        note: String,
        /// Who says so
        #[arg(long, env = "USER", hide_env_values = true)]
        by: String,
    },
}

/// Does it.
pub async fn run(arguments: BillingArguments, installation: &Installation) -> Result<Report, Failure> {
    let realm = &arguments.realm.open(installation).await?;
    match arguments.command {
        BillingCommand::Status => {}
        BillingCommand::Run => return ran(Biller::new(realm, None).run().await?),
        BillingCommand::Hold => {
            realm.transaction("hold billing run", async |tx| billing::hold(tx).await).await?;
        }
        BillingCommand::Release { note, by } => {
            if note.trim().is_empty() || by.trim().is_empty() {
                return Err(Failure::usage("say why (--note) and who (--by)"));
            }
            realm.transaction("release billing run", async |tx| billing::release(tx, &by, &note).await).await?;
        }
    }
    status(realm, installation).await
}

fn counts(of: &Tally) -> Value {
    json!({
        "renewed": of.renewed, "raised": of.raised, "suspended": of.suspended, "terminated": of.terminated,
        "expired": of.expired, "failed": of.failed,
    })
}

fn ran(ran: Ran) -> Result<Report, Failure> {
    Ok(match ran {
        Ran::Elsewhere => Report::new("another process has it in hand", json!({"state": "elsewhere"})),
        Ran::Held(findings) => {
            let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
            let json = json!({"state": "held", "findings": found});
            Report::new("", json).with_problem(format!("the billing run stands still: {}", found.join("; ")))
        }
        Ran::Through { days, tally } => {
            let text = listing(&[
                ("days", days.to_string()),
                ("renewed", tally.renewed.to_string()),
                ("proformas", tally.raised.to_string()),
                ("suspended", tally.suspended.to_string()),
                ("terminated", tally.terminated.to_string()),
                ("expired", tally.expired.to_string()),
                ("failed", tally.failed.to_string()),
            ]);
            Report::new(text, json!({"state": "through", "days": days, "tally": counts(&tally)}))
        }
    })
}

async fn status(realm: &Realm, installation: &Installation) -> Result<Report, Failure> {
    let reading = realm.read(async |connection| billing::status(connection).await);
    let status = reading.await?;
    let state = match (&status.held, status.running) {
        (Some(_), _) => "held",
        (None, true) => "running",
        (None, false) => "idle",
    };
    let found: Vec<String> = status.held.iter().flatten().map(ToString::to_string).collect();
    let moment = |at: Option<jiff::Timestamp>| at.map(|at| installation.moment(at)).unwrap_or_default();
    let mut text = listing(&[
        ("state", state.to_owned()),
        ("found", found.join("; ")),
        ("since", moment(status.held_at)),
        ("last day", status.last_day.to_string()),
        ("last run", moment(status.last_at)),
    ]);
    if let Some(release) = &status.release {
        let at = installation.moment(release.released_at);
        text.push_str(&format!("released at {at} by {}, for {}: {}\n", release.released_by, release.day, release.note));
    }
    text.push_str(&days(&status));
    Ok(Report::new(text, json_of(state, found, &status)))
}

fn days(of: &Status) -> String {
    let rows: Vec<[String; 7]> = of
        .days
        .iter()
        .map(|d| {
            let [renewed, raised, suspended] = [d.renewed, d.raised, d.suspended].map(|n| n.to_string());
            let [terminated, expired, failed] = [d.terminated, d.expired, d.failed].map(|n| n.to_string());
            [d.day.to_string(), renewed, raised, suspended, terminated, expired, failed]
        })
        .collect();
    table(["DAY", "RENEWED", "PROFORMAS", "SUSPENDED", "ENDED", "EXPIRED", "FAILED"], &rows, "it has not run yet")
}

fn json_of(state: &str, found: Vec<String>, of: &Status) -> Value {
    let days: Vec<Value> = of
        .days
        .iter()
        .map(|d| {
            json!({
                "day": d.day.to_string(), "renewed": d.renewed, "raised": d.raised, "suspended": d.suspended,
                "terminated": d.terminated, "expired": d.expired, "failed": d.failed,
            })
        })
        .collect();
    let release = of.release.as_ref().map(|r| {
        json!({
            "day": r.day.to_string(), "by": r.released_by, "note": r.note, "at": r.released_at.to_string(),
        })
    });
    json!({
        "state": state, "findings": found, "held_at": or_null(of.held_at), "last_day": of.last_day.to_string(),
        "last_run": or_null(of.last_at), "release": release, "days": days,
    })
}
