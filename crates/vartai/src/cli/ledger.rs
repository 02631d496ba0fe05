//! `vartai ledger`

use clap::Subcommand;
use serde_json::{Value, json};

use store::{RealmKind, db::ConnectSettings, ledger::Finding};

use super::{explain, report::Report};
use crate::{failure::Failure, installation::Installation};

/// What to do with the books.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Check every invariant of the books; exit code 1 and the rows where one fails, 3 where that can't be found out
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
    Ok(told(&findings(&installation.connect).await?))
}

/// The rows that break an invariant of the books. Of the live realm: in that of test access nothing is charged, so
/// there are no books.
pub async fn findings(connect: &ConnectSettings) -> Result<Vec<Finding>, Failure> {
    let mut connection = store::ledger::verifier(connect).await.map_err(Failure::unverified)?;
    store::ledger::verify(&mut connection).await.map_err(Failure::unverified)
}

/// What is told of them.
fn told(findings: &[Finding]) -> Report {
    let rows: Vec<Value> = findings.iter().map(|f| json!({ "invariant": f.invariant, "row": f.row })).collect();
    let json = json!({ "ok": findings.is_empty(), "findings": rows });
    if findings.is_empty() {
        return Report::new("the books are right", json);
    }
    let text: String = findings.iter().map(|f| format!("{}\n    broken by {}\n", f.invariant, f.row)).collect();
    Report::new(text, json).with_problem(format!("{} rows break an invariant of the books", findings.len()))
}
