//! Proving that the books are right: every invariant, asked of the rows themselves.

mod books;
mod complete;

use diesel::{QueryableByName, sql_types};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use tokio::runtime::Handle;

use crate::db::{Conn, ConnectSettings, Connector, Error, RealmKind};

/// What should hold, and a query for the rows that break it, each as a text named `row`.
type Invariant = (&'static str, &'static str);

/// So many rows that break one invariant are told; books that are wrong throughout would fill the memory otherwise.
const TOLD: usize = 100;

/// A row that breaks an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What should hold.
    pub invariant: &'static str,
    /// The row, and how it breaks it.
    pub row: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = sql_types::Text)]
    row: String,
}

fn all() -> impl Iterator<Item = Invariant> {
    books::INVARIANTS.into_iter().chain(complete::INVARIANTS)
}

/// What [`verify`] asks.
pub fn invariants() -> impl Iterator<Item = &'static str> {
    all().map(|(invariant, _)| invariant)
}

/// A connection of the live realm's role for [`verify`]: its statements take as long as they take, and the server works
/// through big tables in a bounded part of its memory, on disk beyond that.
///
/// # Errors
/// [`Error::Unreachable`].
pub async fn verifier(settings: &ConnectSettings) -> Result<Conn, Error> {
    let (schema, role) = (RealmKind::Live.schema(), RealmKind::Live.role(&settings.role_prefix));
    let connector = Connector::new(settings, Some(&role), &format!("{schema}, catalogue, pg_temp"), Handle::current());
    let connected = connector.connect().await;
    let mut connection = connected.map_err(|error| Error::Unreachable(error.to_string()))?;
    let session = "set statement_timeout to 0; set lock_timeout to 0; set default_transaction_read_only to on; \
         set work_mem to '64MB'; set hash_mem_multiplier to 1; set jit to off";
    connection.batch_execute(session).await?;
    Ok(connection)
}

/// The rows that break an invariant of the books, up to a hundred of each; none when they are right.
///
/// # Errors
/// [`Error`] from the database.
pub async fn verify(connection: &mut Conn) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for (invariant, query) in all() {
        let query = format!("select row from ({query}) broken limit {TOLD}");
        let rows: Vec<Row> = diesel::sql_query(query).load(connection).await?;
        findings.extend(rows.into_iter().map(|found| Finding { invariant, row: found.row }));
    }
    Ok(findings)
}
