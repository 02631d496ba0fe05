//! The database's clock steps back: what was to be done at once is not to wait until it has caught up.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;

use crate::db::{Conn, Error, Tx, sql};

/// Queued tasks that wait for a moment that had come when they were queued.
const STRANDED: &str = "select id from task where state = 'queued' and run_at > now() and run_at <= created_at";

#[derive(QueryableByName)]
struct Stranded {
    #[diesel(sql_type = sql_types::Bool)]
    any: bool,
}

/// Whether tasks wait only because the database's clock stepped back.
///
/// # Errors
/// [`Error`] from the database.
pub async fn are_stranded(connection: &mut Conn) -> Result<bool, Error> {
    let found: Stranded = sql(format!("select exists ({STRANDED}) as any")).get_result(connection).await?;
    Ok(found.any)
}

/// Has the tasks done now that wait only because the database's clock stepped back; in the order of their ids. Returns how
/// many there were. Those that somebody else has at the moment are left for the next time.
///
/// # Errors
/// [`Error`] from the database.
pub async fn pull_forward(tx: &mut Tx) -> Result<usize, Error> {
    let pulled = sql(format!("update task set run_at = now() where id in ({STRANDED} for update skip locked)"))
        .execute(tx.conn())
        .await?;
    if pulled > 0 {
        tx.wake();
    }
    Ok(pulled)
}
