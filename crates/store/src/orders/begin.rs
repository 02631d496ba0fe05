//! What a payment sets going: a new order begins, or an old one goes on.

use diesel::{ExpressionMethods, QueryDsl, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::InvoiceId,
    catalogue::{TariffId, Vid},
    orders::{Interval, OrderId, OrderState, SuspendedBy},
    tasks::Operation,
};
use jiff_diesel::ToDiesel;
use secrecy::SecretString;

use super::credentials;
use crate::{
    addresses::{self, HandedOut},
    db::{Error, Tx, sql},
    schema::orders::dsl,
    tasks::{self, NewTask, Undo},
};

/// Login and password of a service that begins.
pub(crate) struct Access {
    /// Its login.
    pub login: String,
    /// Its password.
    pub password: SecretString,
}

/// An order that is paid for the first time.
pub(crate) struct Beginning {
    /// Which.
    pub id: OrderId,
    /// Of which kind.
    pub vid: Vid,
    /// Of which tariff.
    pub tariff: TariffId,
    /// Whether staff make it by hand.
    pub by_hand: bool,
}

/// How an order began.
pub(crate) struct Begun {
    /// What its customer is told; nothing of one that staff make.
    pub access: Option<Access>,
    /// Whether staff make it: its tariff says so, or there is no address left for it.
    pub by_hand: bool,
}

/// A new order is paid: its days, its addresses, its credentials, its task. One made by hand gets its credentials from
/// staff. One for which there is no address is paid all the same and waits for staff, who find one and have it made.
pub(crate) async fn begin(tx: &mut Tx, of: &Beginning, invoice: InvoiceId, paid: &Interval) -> Result<Begun, Error> {
    let id = of.id;
    let lacking = match of.vid.is_server() {
        true => addresses::hand_out(tx, id, of.tariff).await?,
        false => HandedOut::Done,
    };
    let by_hand = of.by_hand || lacking != HandedOut::Done;
    let access = match of.by_hand {
        true => None,
        false => Some(Access { login: credentials::login(of.vid, id), password: credentials::new_password()? }),
    };
    let sealed = access.as_ref().map(|a| credentials::seal_password(tx, id, &a.password)).transpose()?;
    let state = if by_hand { OrderState::Manual } else { OrderState::Provisioning };
    diesel::update(dsl::orders.find(id.0))
        .set((
            dsl::state.eq(state.name()),
            dsl::by_hand.eq(by_hand),
            dsl::start_day.eq(paid.from.to_diesel()),
            dsl::paid_until.eq(paid.until.to_diesel()),
            dsl::anchor_day.eq(i16::from(paid.from.day())),
            dsl::server_login.eq(access.as_ref().map_or("", |a| a.login.as_str())),
            dsl::server_password.eq(sealed),
        ))
        .execute(tx.conn())
        .await?;
    record_days(tx, id, invoice, paid).await?;
    let secret = access.as_ref().map(|a| &a.password);
    let task = tasks::enqueue(tx, id, NewTask { by_hand, secret, ..Operation::Create.into() }).await?;
    if let HandedOut::Exhausted(pools) = lacking {
        tracing::error!(order = id.0, ?pools, "there is no address left: the order waits for staff");
        tasks::note(tx, task.id, "there is no address left for this server: it waits for staff\n").await?;
    }
    Ok(Begun { access: access.filter(|_| !by_hand), by_hand })
}

/// An order is paid for longer; it starts again when `resumes`.
pub(crate) async fn extend(
    tx: &mut Tx,
    id: OrderId,
    by_hand: bool,
    invoice: InvoiceId,
    paid: &Interval,
    resumes: bool,
) -> Result<(), Error> {
    sql("update orders set paid_until = $2, lapsed_on = null where id = $1")
        .bind::<sql_types::BigInt, _>(id.0)
        .bind::<sql_types::Date, _>(paid.until.to_diesel())
        .execute(tx.conn())
        .await?;
    record_days(tx, id, invoice, paid).await?;
    if resumes { resume(tx, id, by_hand).await } else { Ok(()) }
}

/// An order that the system suspended starts again.
pub(crate) async fn resume(tx: &mut Tx, id: OrderId, by_hand: bool) -> Result<(), Error> {
    diesel::update(dsl::orders.find(id.0))
        .set((dsl::state.eq(OrderState::Active.name()), dsl::suspended_by.eq(None::<String>)))
        .execute(tx.conn())
        .await?;
    let undo = Some(Undo::power(OrderState::Suspended, Some(SuspendedBy::System)));
    tasks::enqueue(tx, id, NewTask { by_hand, undo, ..Operation::Unsuspend.into() }).await?;
    Ok(())
}

/// The days that an invoice pays for. The database refuses days that are paid already.
async fn record_days(tx: &mut Tx, id: OrderId, invoice: InvoiceId, paid: &Interval) -> Result<(), Error> {
    sql("insert into service_period (order_id, invoice_id, span) values ($1, $2, daterange($3, $4))")
        .bind::<sql_types::BigInt, _>(id.0)
        .bind::<sql_types::BigInt, _>(invoice.0)
        .bind::<sql_types::Date, _>(paid.from.to_diesel())
        .bind::<sql_types::Date, _>(paid.until.to_diesel())
        .execute(tx.conn())
        .await?;
    Ok(())
}
