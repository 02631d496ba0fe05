//! server_change: facts, decision, and the decision made true.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{
        Change, ChangeError, ChangeFacts, ChangeRequest, OrderId, Payment, PaymentTerms, PowerError, PowerOperation,
        ServerSpec, Unpaid, change as decide, change_power,
    },
    tasks::{Operation, TaskId},
};
use serde_json::json;

use super::services::service;
use crate::{
    db::{AsStoreError, Error, Tx},
    invoices, ledger,
    orders::{Buyer, lock_own},
    schema::server,
    tasks::{NewTask, Undo, can_be_done, enqueue_in_bounds},
};

/// A change as it was made, or as it would be.
#[derive(Debug)]
pub struct Changed {
    /// What was decided.
    pub change: Change,
    /// The task that brings it about; none when it was only asked for the price.
    pub task: Option<TaskId>,
}

/// Why it was not done. Nothing is written then.
#[derive(Debug)]
pub enum ChangeFailure {
    /// The customer has no such server.
    Unknown,
    /// It was decided against.
    Decided(ChangeError),
    /// It can't be done in the server's present state.
    State(PowerError),
    /// The server has as many open tasks as it may.
    TooMuch,
    /// The database.
    Store(Error),
}

impl From<Error> for ChangeFailure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl AsStoreError for ChangeFailure {
    fn as_store_error(&self) -> Option<&Error> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// Changes a server's size: charge, invoice, wanted state and task in one transaction. With `dry_run` only the price
/// is told.
///
/// # Errors
/// [`ChangeFailure`]: parameters before state.
pub async fn change(
    tx: &mut Tx,
    buyer: &Buyer,
    id: OrderId,
    request: &ChangeRequest,
    dry_run: bool,
) -> Result<Changed, ChangeFailure> {
    let order = lock_own(tx, buyer.customer, id).await?.filter(|order| order.vid.is_server());
    let order = order.ok_or(ChangeFailure::Unknown)?;
    let today = tx.today();
    let running = service(tx.conn(), buyer.customer, id, today).await?.and_then(|service| service.running);
    let wallets = ledger::lock_wallets(tx, buyer.customer, buyer.currency).await?;
    let facts = ChangeFacts {
        order: &order,
        catalogue: &tx.catalogue(),
        billing: buyer.terms(tx.rules(), today),
        // The price is told also to whom it is too high; a change is charged at once or refused.
        payment: PaymentTerms {
            wallets,
            mode: tx.realm().billing(),
            unpaid: if dry_run { Unpaid::Accept } else { Unpaid::Refuse },
        },
        running,
        today,
    };
    let change = decide(request, &facts).map_err(ChangeFailure::Decided)?;
    change_power(&order, PowerOperation::Restart, today).map_err(ChangeFailure::State)?;
    if !can_be_done(tx, &order, Operation::Change) {
        return Err(ChangeFailure::Decided(ChangeError::Unchangeable));
    }
    if dry_run {
        return Ok(Changed { change, task: None });
    }
    let mut paid_with = None;
    if let Some(new) = &change.invoice {
        let invoice = invoices::write(tx, buyer.customer, id, new).await?;
        if let Payment::Charged(charge) = &change.payment {
            ledger::charge_invoice(tx, buyer.customer, invoice, charge, &format!("change of order {id}")).await?;
        }
        paid_with = Some(invoice);
    }
    // A proforma raised ahead had the old size's price; the billing run raises another.
    invoices::cancel_ahead(tx, id).await?;
    write_server(tx, id, &change.server).await?;
    let params = json!({
        "cpu": change.server.cpu_ghz.to_string(),
        "ram": change.server.ram_mb.to_string(),
        "quota": change.server.disk_gb.to_string(),
        "bandwidth": change.server.bandwidth_mbps.to_string(),
    });
    let undo = order.server.as_ref().map(Undo::sizes);
    let task = NewTask { params, by_hand: order.by_hand, invoice: paid_with, undo, ..Operation::Change.into() };
    let queued = enqueue_in_bounds(tx, id, task).await?.ok_or(ChangeFailure::TooMuch)?;
    Ok(Changed { change, task: Some(queued.id) })
}

/// Writes the sizes that a server is to have.
pub(crate) async fn write_server(tx: &mut Tx, id: OrderId, spec: &ServerSpec) -> Result<(), Error> {
    let size = |value: u32| i32::try_from(value).map_err(Error::corrupt);
    diesel::update(server::table.find(id.0))
        .set((
            server::cpu_ghz.eq(size(spec.cpu_ghz)?),
            server::ram_mb.eq(size(spec.ram_mb)?),
            server::disk_gb.eq(size(spec.disk_gb)?),
            server::bandwidth_mbps.eq(size(spec.bandwidth_mbps)?),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}
