//! The catalogue in force, read once a revision.

use std::sync::{Arc, PoisonError, RwLock};

use diesel::{OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{catalogue::Catalogue, money::Currency};

use crate::{
    db::{Conn, Error},
    schema::revision,
};

/// Keeps the newest revision read. A transaction names the revision it sees, so that what is kept is never stale.
#[derive(Default)]
pub struct CatalogueCache {
    kept: RwLock<Option<(i64, Arc<Catalogue>)>>,
}

impl CatalogueCache {
    /// The catalogue of a revision; an empty one while there is none (revision 0).
    ///
    /// # Errors
    /// [`Error`] when it can't be read.
    pub async fn at(&self, wanted: i64, connection: &mut Conn) -> Result<Arc<Catalogue>, Error> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, catalogue)) = kept.filter(|(revision, _)| *revision == wanted) {
            return Ok(catalogue);
        }
        let read = Arc::new(read(wanted, connection).await?);
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some((wanted, read.clone()));
        Ok(read)
    }

    /// The newest catalogue.
    ///
    /// # Errors
    /// [`Error`] when it can't be read.
    pub async fn newest(&self, connection: &mut Conn) -> Result<Arc<Catalogue>, Error> {
        let newest: Option<i64> = revision::table.select(diesel::dsl::max(revision::id)).get_result(connection).await?;
        self.at(newest.unwrap_or(0), connection).await
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
