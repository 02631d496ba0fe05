//! Bonuses as grants: given with a reason and perhaps a last day, and taken back when that is past.

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{customers::CustomerId, money::Money};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;

use super::{
    lock_wallets,
    post::{Event, Line, next_movement, post},
};
use crate::db::{Conn, Error, Tx, sql};

/// A bonus to be given.
#[derive(Debug, Clone, Copy)]
pub struct NewBonus<'a> {
    /// How much, more than nothing.
    pub amount: Money,
    /// The SMS text, the service's name, or what else it is for; account_bonuses shows it.
    pub reason: &'a str,
    /// The last day that it can be spent on; for ever where it says none.
    pub expires_on: Option<Date>,
}

/// A bonus that was given.
#[derive(Debug, Clone, QueryableByName)]
pub struct BonusGrant {
    /// Its number.
    #[diesel(sql_type = sql_types::BigInt)]
    pub id: i64,
    /// Minor units.
    #[diesel(sql_type = sql_types::BigInt)]
    pub amount: i64,
    /// Minor units that are left.
    #[diesel(sql_type = sql_types::BigInt)]
    pub remaining: i64,
    /// The last day that it can be spent on.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Date>, deserialize_as = jiff_diesel::NullableDate)]
    pub expires_on: Option<Date>,
    /// What it was given for.
    #[diesel(sql_type = sql_types::Text)]
    pub reason: String,
    /// When.
    #[diesel(sql_type = sql_types::Timestamptz, deserialize_as = jiff_diesel::Timestamp)]
    pub granted_at: jiff::Timestamp,
}

/// Gives a bonus. Charges take it before credit, those that expire first before others.
///
/// # Errors
/// [`Error::Refused`] when the amount isn't positive, or the last day is past.
pub async fn grant_bonus(tx: &mut Tx, customer: CustomerId, new: &NewBonus<'_>) -> Result<(), Error> {
    let NewBonus { amount, reason, expires_on } = *new;
    if amount.in_minor() <= 0 {
        return Err(Error::Refused(format!("{amount} is not an amount to give: it must be more than nothing")));
    }
    if let Some(day) = expires_on.filter(|day| *day < tx.today()) {
        return Err(Error::Refused(format!("{day} is past: a bonus needs a day on which it can be spent")));
    }
    let currency = amount.currency();
    let id = next_movement(tx).await?;
    sql(
        "insert into bonus_grant (id, customer_id, currency, amount, expires_on, reason) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind::<sql_types::BigInt, _>(id)
    .bind::<sql_types::BigInt, _>(customer.0)
    .bind::<sql_types::Text, _>(currency.code())
    .bind::<sql_types::BigInt, _>(amount.in_minor())
    .bind::<sql_types::Nullable<sql_types::Date>, _>(expires_on.map(ToDiesel::to_diesel))
    .bind::<sql_types::Text, _>(reason)
    .execute(tx.conn())
    .await?;
    let event = Event { kind: "bonus", ref_type: "movement", ref_id: id, ref_seq: 0, customer, note: reason };
    let lines = [Line::wallet(customer, "bonus", amount.in_minor()), Line::company("bonus_given", -amount.in_minor())];
    post(tx, &event, currency, &lines).await
}

/// A customer's bonuses, newest first.
///
/// # Errors
/// [`Error`] from the database.
pub async fn bonuses(connection: &mut Conn, customer: CustomerId) -> Result<Vec<BonusGrant>, Error> {
    let query = "select id, amount, remaining, expires_on, reason, granted_at from bonus_grant \
         where customer_id = $1 order by granted_at desc, id desc";
    Ok(sql(query).bind::<sql_types::BigInt, _>(customer.0).load(connection).await?)
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
}

/// So many grants at a time.
const AT_A_TIME: i64 = 500;

/// Grants whose last day is past on `day`, and of which something is left.
///
/// # Errors
/// [`Error`] from the database.
pub async fn expired_bonuses(connection: &mut Conn, day: Date) -> Result<Vec<i64>, Error> {
    let query = "select id from bonus_grant where remaining > 0 and expires_on < $1 order by expires_on, id limit $2";
    let rows: Vec<Id> = sql(query)
        .bind::<sql_types::Date, _>(day.to_diesel())
        .bind::<sql_types::BigInt, _>(AT_A_TIME)
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = sql_types::BigInt)]
    customer_id: i64,
    #[diesel(sql_type = sql_types::Text)]
    currency: String,
    #[diesel(sql_type = sql_types::BigInt)]
    remaining: i64,
    #[diesel(sql_type = sql_types::Integer)]
    times: i32,
    #[diesel(sql_type = sql_types::Text)]
    reason: String,
}

/// Takes back what is left of a grant whose last day is past on `day`. False when nothing is, as the second time.
///
/// Locks the customer's wallets.
///
/// # Errors
/// [`Error`] from the database.
pub async fn expire_bonus(tx: &mut Tx, id: i64, day: Date) -> Result<bool, Error> {
    let Some(seen) = left(tx, id, day).await? else { return Ok(false) };
    let customer = CustomerId(seen.customer_id);
    let currency = seen.currency.parse().map_err(Error::corrupt)?;
    lock_wallets(tx, customer, currency).await?;
    // Read again with the wallets held: a charge may have been quicker.
    let Some(Left { remaining, times, reason, .. }) = left(tx, id, day).await? else { return Ok(false) };
    let note = format!("expired: {reason}");
    // What a refund gave back to it after its end expires again.
    let event = Event { kind: "expiry", ref_type: "bonus_grant", ref_id: id, ref_seq: times, customer, note: &note };
    let lines = [Line::wallet(customer, "bonus", -remaining), Line::company("bonus_given", remaining)];
    post(tx, &event, currency, &lines).await?;
    Ok(true)
}

async fn left(tx: &mut Tx, id: i64, day: Date) -> Result<Option<Left>, Error> {
    let query = "select g.customer_id, g.currency, g.remaining, g.reason, \
           (select count(*) from journal j where j.kind = 'expiry' and j.ref_type = 'bonus_grant' and j.ref_id = g.id)::int \
             as times \
         from bonus_grant g where g.id = $1 and g.remaining > 0 and g.expires_on < $2";
    Ok(sql(query)
        .bind::<sql_types::BigInt, _>(id)
        .bind::<sql_types::Date, _>(day.to_diesel())
        .get_result(tx.conn())
        .await
        .optional()?)
}
