//! `vartai ledger`

use clap::Subcommand;
use serde_json::{Value, json};

use store::RealmKind;

use super::{explain, report::Report};
use crate::{failure::Failure, installation::Installation};

/// What to do with the books.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Check every invariant of the books; exit code 1 and the rows where one fails
    Verify,
    /// Explain what an order cost: its invoices, its credit notes, and what the ledger has of them
    Explain {
        /// The order
        order: i64,
    },
}

/// Does it.
pub async fn run(command: LedgerCommand, installation: &Installation) -> Result<Report, Failure> {
    match command {
        LedgerCommand::Verify => verify(installation).await,
        LedgerCommand::Explain { order } => explain::order(RealmKind::Live, order, installation).await,
    }
}

async fn verify(installation: &Installation) -> Result<Report, Failure> {
    // Of the live realm: in that of test access nothing is charged, so there are no books.
    let findings = installation.database.live.read(async |connection| store::ledger::verify(connection).await).await?;
    let rows: Vec<Value> = findings.iter().map(|f| json!({ "invariant": f.invariant, "row": f.row })).collect();
    let json = json!({ "ok": findings.is_empty(), "findings": rows });
    if findings.is_empty() {
        return Ok(Report::new("the books are right", json));
    }
    let text: String = findings.iter().map(|f| format!("{}\n    broken by {}\n", f.invariant, f.row)).collect();
    Ok(Report::new(text, json).with_problem(format!("{} rows break an invariant of the books", findings.len())))
}
