//! Telling a pooler that hands a session's statements to different sessions of the server.

use diesel::{QueryableByName, sql_types};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::{ConnectSettings, Error, migrate::owner};

#[derive(QueryableByName)]
struct Session {
    #[diesel(sql_type = sql_types::Integer)]
    backend: i32,
    #[diesel(sql_type = sql_types::Bool)]
    marked: bool,
}

/// Refuses a pooler in transaction or statement mode: search paths, timeouts and prepared statements belong to
/// sessions, and would be somebody else's.
///
/// While one connection is in a transaction, a second has to be another session of the server, and has to be the same
/// as before that transaction began.
///
/// # Errors
/// [`Error::Refused`] where there is such a pooler; [`Error`] where the database can't be asked.
pub async fn refuse_pooler(settings: &ConnectSettings) -> Result<(), Error> {
    let (mut first, mut second) = (owner(settings, "catalogue").await?, owner(settings, "catalogue").await?);
    first.batch_execute("set vartai.session to 'first'").await?;
    let before = session(&mut first).await?;
    second.batch_execute("begin").await.map_err(|error| pooled(&error.to_string()))?;
    let other = session(&mut second).await?;
    if other.backend == before.backend {
        return Err(pooled("two connections lead to one session"));
    }
    let after = session(&mut first).await?;
    if after.backend != before.backend || !after.marked {
        return Err(pooled("a connection changes its session"));
    }
    Ok(())
}

async fn session(connection: &mut AsyncPgConnection) -> Result<Session, Error> {
    let query = "select pg_backend_pid() as backend, \
                 coalesce(current_setting('vartai.session', true), '') = 'first' as marked";
    Ok(diesel::sql_query(query).get_result(connection).await?)
}

fn pooled(why: &str) -> Error {
    Error::Refused(format!(
        "database.url leads to a pooler that shares sessions ({why}): give the server's own address, or one where the \
         pooler works by session (PgBouncer: pool_mode = session)"
    ))
}
