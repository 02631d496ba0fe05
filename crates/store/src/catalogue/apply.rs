//! Bringing a catalogue into force: all of it or nothing.

use diesel::ExpressionMethods;
use diesel_async::RunQueryDsl;
use domain::catalogue::Catalogue;
use tokio::runtime::Handle;

use super::CatalogueCache;
use crate::{
    db::{ConnectSettings, Connector, Error, sql},
    schema::{addon, revision, tariff},
};

pub(super) async fn owner(settings: &ConnectSettings) -> Result<crate::db::Conn, Error> {
    let connector = Connector::new(settings, None, "catalogue, pg_temp", Handle::current());
    Ok(connector.connect().await?)
}

/// The catalogue in force; an empty one when none was ever applied.
///
/// # Errors
/// [`Error`] when it can't be read.
pub async fn in_force(settings: &ConnectSettings) -> Result<Catalogue, Error> {
    let mut connection = owner(settings).await?;
    let newest = CatalogueCache::default().newest(&mut connection).await?;
    Ok(Catalogue::clone(&newest))
}

/// Brings `new` into force. What is paid is untouched; renewals take the prices then in force.
///
/// # Errors
/// [`Error::Refused`] when a tariff changed its kind; other [`Error`]s from the database. Nothing is changed then.
pub async fn apply(settings: &ConnectSettings, new: &Catalogue, note: &str) -> Result<(), Error> {
    let mut connection = owner(settings).await?;
    let document = serde_json::to_value(new).map_err(Error::corrupt)?;
    let connection = &mut connection;
    sql("begin").execute(connection).await?;
    let outcome = write(connection, new, document, note).await;
    let end = if outcome.is_ok() { "commit" } else { "rollback" };
    sql(end).execute(connection).await?;
    outcome
}

async fn write(
    connection: &mut crate::db::Conn,
    new: &Catalogue,
    document: serde_json::Value,
    note: &str,
) -> Result<(), Error> {
    sql("lock table revision in share row exclusive mode").execute(connection).await?;
    let known: Vec<(i64, String)> = tariff::table.load(connection).await?;
    for one in &new.tariffs {
        if let Some((id, vid)) = known.iter().find(|(id, vid)| *id == one.id.0 && vid != one.vid.name()) {
            return Err(Error::Refused(format!(
                "tariff {id} is of kind {vid}, and orders of it may exist: give the {} tariff another id",
                one.vid
            )));
        }
    }
    let tariffs: Vec<_> = new.tariffs.iter().map(|t| (tariff::id.eq(t.id.0), tariff::vid.eq(t.vid.name()))).collect();
    diesel::insert_into(tariff::table).values(tariffs).on_conflict_do_nothing().execute(connection).await?;
    let addons: Vec<_> = new.addons.iter().map(|a| addon::id.eq(a.id.0)).collect();
    diesel::insert_into(addon::table).values(addons).on_conflict_do_nothing().execute(connection).await?;
    diesel::insert_into(revision::table)
        .values((revision::document.eq(document), revision::note.eq(note)))
        .execute(connection)
        .await?;
    Ok(())
}
