//! In which language the server words its errors: some are told apart by their words (`error.rs`).

use tokio::runtime::Handle;

use super::{ConnectSettings, Connector, Error, RealmKind, Unconnected};

/// An error that every server can make, and its words in English.
const MISTAKE: (&str, &str) = ("select 1/0", "division by zero");

/// How the server words an error to the live realm's role, where that is not in English.
///
/// # Errors
/// [`Error`] when it can't be asked.
pub async fn foreign_words(settings: &ConnectSettings) -> Result<Option<String>, Error> {
    let role = RealmKind::Live.role(&settings.role_prefix);
    let connector = Connector::new(settings, Some(&role), "pg_temp", Handle::current());
    let client = connector.connect_simply().await?;
    let (statement, english) = MISTAKE;
    match client.batch_execute(statement).await.map_err(|error| (error.as_db_error().cloned(), error)) {
        Ok(()) => Err(Error::Failed(format!("the server found nothing wrong with `{statement}`"))),
        Err((Some(told), _)) => Ok((told.message() != english).then(|| told.message().to_owned())),
        Err((None, error)) => Err(Unconnected::of_driver(&error).into()),
    }
}
