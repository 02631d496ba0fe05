//! What things would cost, with nothing written.

use domain::{
    billing::{InvoicePurpose, NewInvoice, Quote, Renewed, Step, quote_order, quote_renewal},
    calendar::Months,
    catalogue::TariffId,
    customers::CustomerId,
    money::Money,
    orders::{AddonChoice, OrderId, choose_addons},
};

use super::load::{buyer, find};
use crate::{
    db::{Error, Tx},
    invoices,
};

/// What is asked for.
#[derive(Debug, Clone)]
pub enum Asked {
    /// A new order of a customer's.
    Order {
        /// Whose.
        customer: CustomerId,
        /// Of which tariff.
        tariff: TariffId,
        /// With which addons.
        addons: Vec<AddonChoice>,
    },
    /// More months of an order.
    Renewal(OrderId),
}

/// A price, and how it comes about.
#[derive(Debug, Clone)]
pub struct Quoted {
    /// The price, gross.
    pub total: Money,
    /// The arithmetic.
    pub steps: Vec<Step>,
}

/// What something would cost for so many months.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when it can't be had.
pub async fn quote(tx: &mut Tx, asked: &Asked, months: Months) -> Result<Quoted, Error> {
    let catalogue = tx.catalogue();
    let (customer, order) = match asked {
        Asked::Order { customer, .. } => (*customer, None),
        Asked::Renewal(id) => {
            let order = find(tx.conn(), *id).await?;
            let order = order.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
            (order.customer, Some(order))
        }
    };
    let terms = buyer(tx.conn(), customer).await?.terms(tx.rules(), tx.today());
    let tariff = match (asked, &order) {
        (Asked::Order { tariff, .. }, _) => catalogue.tariff(*tariff).filter(|tariff| tariff.for_sale),
        (Asked::Renewal(_), order) => order.as_ref().and_then(|order| catalogue.tariff(order.tariff)),
    };
    let tariff = tariff.ok_or_else(|| Error::Refused("there is no such tariff for sale".into()))?;
    let refused = Error::Refused;
    let allowed = tariff.period(months).filter(|period| match asked {
        Asked::Order { .. } => period.for_new,
        Asked::Renewal(_) => period.for_renewal,
    });
    let period = allowed.ok_or_else(|| refused(format!("tariff {} can't be had for {months} months so", tariff.id)))?;
    let (purpose, quoted) = match (asked, &order) {
        (Asked::Order { addons, .. }, _) => {
            let chosen = choose_addons(addons, tariff, &catalogue);
            let chosen = chosen.map_err(|why| refused(format!("the addons don't fit the tariff: {why:?}")))?;
            (InvoicePurpose::Order(months), quote_order(&catalogue, tariff, period, &chosen, &terms))
        }
        (Asked::Renewal(_), order) => {
            let of = Renewed {
                addons: order.as_ref().map_or(&[][..], |order| &order.addons),
                server: order.as_ref().and_then(|order| order.server.as_ref()),
                fixed_monthly: order.as_ref().and_then(|order| order.fixed_monthly),
            };
            (InvoicePurpose::Renewal(months), quote_renewal(&catalogue, tariff, period, of, &terms))
        }
    };
    let Quote { total, conversion, lines } = quoted.map_err(|why| refused(why.to_string()))?;
    let new = NewInvoice { purpose, total, vat: terms.vat, prices: terms.prices, conversion, lines, paid: false };
    Ok(Quoted { total, steps: invoices::explain_new(&catalogue, &new)? })
}
