//! renewOrder: facts, decision, and the decision made true.

use domain::orders::{
    Order, OrderId, Payment, PaymentTerms, RenewError, RenewRequest, Renewal, Unpaid, renew as decide,
};

use super::{Buyer, extend};
use crate::{
    db::{AsStoreError, Error, Tx},
    invoices, ledger,
};

/// A renewal as it was made.
pub struct Renewed {
    /// The order, as it was before.
    pub order: Order,
    /// What was decided.
    pub renewal: Renewal,
}

/// Why an order was not renewed. Nothing is written then.
#[derive(Debug)]
pub enum RenewFailure {
    /// The customer has no such order (code 19).
    UnknownOrder,
    /// It was decided against.
    Decided(RenewError),
    /// The database.
    Store(Error),
}

impl From<Error> for RenewFailure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl AsStoreError for RenewFailure {
    fn as_store_error(&self) -> Option<&Error> {
        match self {
            Self::Store(error) => Some(error),
            Self::UnknownOrder | Self::Decided(_) => None,
        }
    }
}

/// Renews an order of the buyer's.
///
/// # Errors
/// [`RenewFailure`].
pub async fn renew(
    tx: &mut Tx,
    buyer: &Buyer,
    id: OrderId,
    request: &RenewRequest,
    unpaid: Unpaid,
) -> Result<Renewed, RenewFailure> {
    let order = super::power::lock_own(tx, buyer.customer, id).await?.ok_or(RenewFailure::UnknownOrder)?;
    renew_held(tx, buyer, order, request, unpaid).await
}

/// Renews an order whose row this transaction holds.
pub(crate) async fn renew_held(
    tx: &mut Tx,
    buyer: &Buyer,
    order: Order,
    request: &RenewRequest,
    unpaid: Unpaid,
) -> Result<Renewed, RenewFailure> {
    let id = order.id;
    let wallets = ledger::lock_wallets(tx, buyer.customer, buyer.currency).await?;
    let payment = PaymentTerms { wallets, mode: tx.realm().billing(), unpaid };
    let terms = buyer.terms(tx.rules(), tx.today());
    let renewal = decide(&order, request, &tx.catalogue(), &terms, &payment, tx.today());
    let renewal = renewal.map_err(RenewFailure::Decided)?;
    // A proforma raised ahead for this renewal is replaced by what the customer asks for (CONTRACT 1.5).
    invoices::cancel_ahead(tx, id).await?;
    let invoice = invoices::write(tx, buyer.customer, id, &renewal.invoice).await?;
    if let Payment::Charged(charge) = &renewal.payment {
        ledger::charge_invoice(tx, buyer.customer, invoice, charge, &format!("renewal of order {id}")).await?;
    }
    if let Some(paid) = &renewal.paid {
        extend(tx, id, order.by_hand, invoice, paid, renewal.resumes).await?;
    }
    Ok(Renewed { order, renewal })
}
