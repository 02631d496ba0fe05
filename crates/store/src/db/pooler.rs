//! Telling a pooler that hands a session's statements to different sessions of the server.

use diesel_async::SimpleAsyncConnection;

use super::{ConnectSettings, Error, migrate::owner};

/// Marks a session of the server.
const MARK: &str = "set vartai.session to 'first'";
/// Fails in the session that is marked.
const IS_ANOTHER: &str = "do $$ begin if current_setting('vartai.session', true) = 'first' then \
                          raise 'two connections share a session'; end if; end $$";
/// Fails in every other.
const IS_MARKED: &str = "do $$ begin if current_setting('vartai.session', true) is distinct from 'first' then \
                         raise 'a connection changes its session'; end if; end $$";

/// Refuses a pooler in transaction or statement mode: search paths, timeouts and prepared statements belong to
/// sessions, and would be somebody else's.
///
/// While a second connection is in a transaction, it must not have the session of the first, and the first must have
/// the one that it had. All of it goes by simple queries, which such a pooler lets through.
///
/// # Errors
/// [`Error::Refused`] where there is such a pooler; [`Error`] where the database can't be asked.
pub async fn refuse_pooler(settings: &ConnectSettings) -> Result<(), Error> {
    let (mut first, mut second) = (owner(settings, "catalogue").await?, owner(settings, "catalogue").await?);
    let asked = async {
        first.batch_execute(MARK).await?;
        second.batch_execute("begin").await?;
        second.batch_execute(IS_ANOTHER).await?;
        first.batch_execute(IS_MARKED).await
    };
    asked.await.map_err(|error| match Error::from(error) {
        gone @ Error::Unreachable(_) => gone,
        shared => pooled(&shared),
    })
}

fn pooled(why: &Error) -> Error {
    Error::Refused(format!(
        "database.url leads to a pooler that shares sessions ({why}): give the server's own address, or one where the \
         pooler works by session (PgBouncer: pool_mode = session)"
    ))
}
