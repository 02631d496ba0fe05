//! Telling a pooler that hands a session's statements to different sessions of the server.

use tokio::{runtime::Handle, time};

use super::{ConnectSettings, Connector, Error, Unconnected};

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
    let connector = Connector::new(settings, None, "pg_temp", Handle::current());
    let (first, second) = (connector.connect_simply().await?, connector.connect_simply().await?);
    let asked = async {
        first.batch_execute(MARK).await?;
        second.batch_execute("begin").await?;
        second.batch_execute(IS_ANOTHER).await?;
        first.batch_execute(IS_MARKED).await
    };
    match time::timeout(connector.longest(), asked).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.as_db_error().is_some() => Err(pooled(&Unconnected::of_driver(&error).why)),
        Ok(Err(error)) => Err(Unconnected::of_driver(&error).into()),
        Err(_) => Err(pooled("two connections wait for each other")),
    }
}

fn pooled(why: &str) -> Error {
    Error::Refused(format!(
        "database.url leads to a pooler that shares sessions ({why}): give the server's own address, or one where the \
         pooler works by session (PgBouncer: pool_mode = session)"
    ))
}
