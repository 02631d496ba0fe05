//! Sealing: the entries of a wallet one after the other, each after the seal before it.
//!
//! A wallet's row is held by whoever writes its entries until that is committed, so they become visible in the order of
//! their numbers: what is sealed follows without a gap, and nothing that is under way can come before it later.

use std::collections::BTreeMap;

use ::statements::{Entry, GENESIS, Hash};
use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;
use jiff::Timestamp;

use super::keys::signing_key;
use crate::db::{Conn, Error, Realm, Tx, sql};

/// So many entries are sealed in one transaction.
const AT_A_TIME: usize = 500;
/// The same, as SQL takes it.
const ROWS: i64 = 500;

/// An entry, as it stands in the ledger.
#[derive(QueryableByName)]
pub(super) struct LedgerRow {
    #[diesel(sql_type = sql_types::BigInt)]
    pub account_id: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    pub customer_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    pub currency: String,
    #[diesel(sql_type = sql_types::Text)]
    pub wallet: String,
    #[diesel(sql_type = sql_types::BigInt)]
    pub number: i64,
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub at: Timestamp,
    #[diesel(sql_type = sql_types::Text)]
    pub kind: String,
    #[diesel(sql_type = sql_types::Text)]
    pub reference: String,
    #[diesel(sql_type = sql_types::BigInt)]
    pub journal: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    pub amount: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    pub balance: i64,
    #[diesel(sql_type = sql_types::Text)]
    pub note: String,
}

impl LedgerRow {
    /// What a statement tells of it.
    pub(super) fn entry(&self) -> Entry {
        Entry {
            wallet: self.wallet.clone(),
            number: self.number,
            at: self.at,
            kind: self.kind.clone(),
            reference: self.reference.clone(),
            journal: self.journal,
            amount: self.amount,
            balance: self.balance,
            note: self.note.clone(),
        }
    }
}

/// Columns of [`LedgerRow`], of an entry e, its journal j and its account a.
pub(super) const COLUMNS: &str = "\
    a.id as account_id, a.customer_id, e.currency, a.kind as wallet, e.account_version as number, j.created_at as at, \
    j.kind, j.ref_type || ' ' || j.ref_id as reference, j.id as journal, e.amount, e.balance_after as balance, j.note";

#[derive(QueryableByName)]
struct Last {
    #[diesel(sql_type = sql_types::Binary)]
    hash: Vec<u8>,
}

/// Seals what there is to seal, the customer's or everybody's, oldest wallets first, up to a bound. Returns how many entries.
/// Whoever else does the same at the same time makes the same seals.
///
/// # Errors
/// [`Error`] from the database; [`Error::Refused`] when a seal doesn't follow the one before it: somebody changed them.
pub async fn seal(tx: &mut Tx, of: Option<CustomerId>) -> Result<usize, Error> {
    let query = format!(
        "select {COLUMNS} from account a \
           cross join lateral (select coalesce(max(account_version), 0) as last from sealed_entry s where s.account_id = a.id) l \
           join entry e on e.account_id = a.id and e.account_version > l.last join journal j on j.id = e.journal_id \
         where a.customer_id is not null and ($1 is null or a.customer_id = $1) and a.version > l.last \
         order by a.id, e.account_version limit $2"
    );
    let rows: Vec<LedgerRow> = sql(query)
        .bind::<sql_types::Nullable<sql_types::BigInt>, _>(of.map(|of| of.0))
        .bind::<sql_types::BigInt, _>(ROWS)
        .load(tx.conn())
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let key = signing_key(tx).await?;
    let mut last: BTreeMap<i64, Hash> = BTreeMap::new();
    for row in &rows {
        let previous = match last.get(&row.account_id) {
            Some(hash) => *hash,
            None => previous(tx.conn(), row).await?,
        };
        let sealed = row.entry().seal(row.customer_id, &row.currency, previous, &key);
        sql("insert into sealed_entry (account_id, account_version, previous, hash, key_id, signature) \
             values ($1, $2, $3, $4, $5, $6) on conflict do nothing")
        .bind::<sql_types::BigInt, _>(row.account_id)
        .bind::<sql_types::BigInt, _>(row.number)
        .bind::<sql_types::Binary, _>(sealed.previous.to_vec())
        .bind::<sql_types::Binary, _>(sealed.hash.to_vec())
        .bind::<sql_types::Integer, _>(sealed.key)
        .bind::<sql_types::Binary, _>(sealed.signature)
        .execute(tx.conn())
        .await?;
        last.insert(row.account_id, sealed.hash);
    }
    Ok(rows.len())
}

/// The seal that a row's follows.
async fn previous(connection: &mut Conn, row: &LedgerRow) -> Result<Hash, Error> {
    if row.number == 1 {
        return Ok(GENESIS);
    }
    let query = "select hash from sealed_entry where account_id = $1 and account_version = $2";
    let found: Option<Last> = sql(query)
        .bind::<sql_types::BigInt, _>(row.account_id)
        .bind::<sql_types::BigInt, _>(row.number - 1)
        .get_result(connection)
        .await
        .optional()?;
    let missing = || Error::corrupt(format!("entry {} of wallet {} has no seal before it", row.number, row.account_id));
    found.ok_or_else(missing)?.hash.try_into().map_err(|_| missing())
}

/// Seals all that there is to seal, in transactions of their own. Returns how many entries.
///
/// # Errors
/// [`Error`] from the database; what was sealed stays.
pub async fn seal_all(realm: &Realm, of: Option<CustomerId>) -> Result<usize, Error> {
    let mut all = 0;
    loop {
        let sealed = realm.transaction("seal entries", async |tx| seal(tx, of).await).await?;
        all += sealed;
        if sealed < AT_A_TIME {
            return Ok(all);
        }
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    count: i64,
}

/// How many entries of wallets are older than an hour and not sealed.
///
/// # Errors
/// [`Error`] from the database.
pub async fn unsealed(connection: &mut Conn) -> Result<i64, Error> {
    let query = "select count(*) from account a join entry e on e.account_id = a.id join journal j on j.id = e.journal_id \
        where a.customer_id is not null and j.created_at < realm_now() - interval '1 hour' \
          and e.account_version > coalesce((select max(account_version) from sealed_entry s where s.account_id = a.id), 0)";
    let found: Count = sql(query).get_result(connection).await?;
    Ok(found.count)
}
