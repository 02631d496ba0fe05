//! The keys that statements are signed with: in the database, sealed with the installation's key file, so that all hosts
//! have them and a rotation is one row.

use std::collections::BTreeMap;

use ::statements::{PublicKey, PublicKeys, SigningKey};
use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use secrecy::{ExposeSecret, ExposeSecretMut, SecretBox};

use crate::db::{Conn, Error, Tx, sql};

#[derive(QueryableByName)]
struct Public {
    #[diesel(sql_type = sql_types::Integer)]
    id: i32,
    #[diesel(sql_type = sql_types::Binary)]
    public: Vec<u8>,
}

#[derive(QueryableByName)]
struct InUse {
    #[diesel(sql_type = sql_types::Integer)]
    id: i32,
    #[diesel(sql_type = sql_types::Binary)]
    public: Vec<u8>,
    #[diesel(sql_type = sql_types::Binary)]
    private: Vec<u8>,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = sql_types::Integer)]
    id: i32,
}

fn place(public: &[u8]) -> String {
    let digits: String = public.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("statement_key {digits}")
}

/// What verifies statements, by the keys' numbers.
pub(super) async fn public_keys(connection: &mut Conn) -> Result<PublicKeys, Error> {
    let rows: Vec<Public> = sql("select id, public from statement_key").load(connection).await?;
    let of = |Public { id, public }| Ok((id, PublicKey(public.as_slice().try_into().map_err(Error::corrupt)?)));
    Ok(PublicKeys(rows.into_iter().map(of).collect::<Result<BTreeMap<_, _>, Error>>()?))
}

/// What verifies statements, for publishing; the first key is made where there is none yet.
///
/// # Errors
/// [`Error`] from the database.
pub async fn published(tx: &mut Tx) -> Result<PublicKeys, Error> {
    signing_key(tx).await?;
    public_keys(tx.conn()).await
}

/// The key in use; the first one is made here.
pub(super) async fn signing_key(tx: &mut Tx) -> Result<SigningKey, Error> {
    let query = "select id, public, private from statement_key where retired_at is null";
    let found: Option<InUse> = sql(query).get_result(tx.conn()).await.optional()?;
    let Some(InUse { id, public, private }) = found else { return make(tx).await };
    let seed = tx.keys().open(&place(&public), &private).map_err(Error::corrupt)?;
    let seed: [u8; 32] = seed.try_into().map_err(|_| Error::corrupt("a statement key's seed"))?;
    SigningKey::of(id, &SecretBox::new(Box::new(seed))).map_err(Error::corrupt)
}

/// Makes a key, in place of none.
async fn make(tx: &mut Tx) -> Result<SigningKey, Error> {
    let mut seed = SecretBox::new(Box::new([0_u8; 32]));
    getrandom::fill(seed.expose_secret_mut()).map_err(|error| Error::Failed(format!("no randomness: {error}")))?;
    let public = SigningKey::of(0, &seed).map_err(Error::corrupt)?.public().0;
    let private = tx.keys().seal(&place(&public), seed.expose_secret()).map_err(Error::corrupt)?;
    let Id { id } = sql("insert into statement_key (public, private) values ($1, $2) returning id")
        .bind::<sql_types::Binary, _>(public.to_vec())
        .bind::<sql_types::Binary, _>(private)
        .get_result(tx.conn())
        .await?;
    SigningKey::of(id, &seed).map_err(Error::corrupt)
}

/// Has another key sign from now on. What was signed stays good. Returns the new one's number.
///
/// # Errors
/// [`Error`] from the database.
pub async fn rotate(tx: &mut Tx) -> Result<i32, Error> {
    sql("update statement_key set retired_at = now() where retired_at is null").execute(tx.conn()).await?;
    Ok(make(tx).await?.id)
}
