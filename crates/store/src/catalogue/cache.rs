//! The catalogue in force, read once a revision.

use std::sync::{Arc, PoisonError, RwLock};

use diesel::{OptionalExtension, QueryDsl, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{catalogue::Catalogue, money::Currency};

use crate::{
    db::{Conn, Error, sql},
    schema::revision,
};

use super::rates::daily;

/// A catalogue with its revision and the number of the newest exchange rate in it.
type Kept = ((i64, i64), Arc<Catalogue>);

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = sql_types::BigInt)]
    revision: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    rates: i64,
}

/// Keeps the newest revision read, with the exchange rates of that moment. A transaction names the revision and the rate
/// that it sees, so that what is kept is never stale.
#[derive(Default)]
pub struct CatalogueCache {
    kept: RwLock<Option<Kept>>,
}

impl CatalogueCache {
    /// The catalogue of a revision, with the exchange rates up to a number; an empty one while there is none (revision 0).
    ///
    /// # Errors
    /// [`Error`] when it can't be read.
    pub async fn at(&self, revision: i64, rates: i64, connection: &mut Conn) -> Result<Arc<Catalogue>, Error> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, catalogue)) = kept.filter(|(of, _)| *of == (revision, rates)) {
            return Ok(catalogue);
        }
        let mut read = read(revision, connection).await?;
        read.daily = daily(read.base, rates, connection).await?;
        let read = Arc::new(read);
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(((revision, rates), read.clone()));
        Ok(read)
    }

    /// The newest catalogue.
    ///
    /// # Errors
    /// [`Error`] when it can't be read.
    pub async fn newest(&self, connection: &mut Conn) -> Result<Arc<Catalogue>, Error> {
        let query = "select (select coalesce(max(id), 0) from revision) as revision, \
             (select coalesce(max(id), 0) from exchange_rate) as rates";
        let Newest { revision, rates } = sql(query).get_result(connection).await?;
        self.at(revision, rates, connection).await
    }
}

async fn read(wanted: i64, connection: &mut Conn) -> Result<Catalogue, Error> {
    let document: Option<serde_json::Value> =
        revision::table.find(wanted).select(revision::document).get_result(connection).await.optional()?;
    match document {
        Some(document) => serde_json::from_value(document).map_err(Error::corrupt),
        None => Ok(Catalogue::empty(Currency::EUR)),
    }
}

/// The newest catalogue, as a realm's connection sees it.
///
/// # Errors
/// [`Error`] when it can't be read.
pub async fn newest(realm: &crate::Realm, connection: &mut Conn) -> Result<Arc<Catalogue>, Error> {
    realm.catalogue_cache().newest(connection).await
}
