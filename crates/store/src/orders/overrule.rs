//! What staff may set of an order against the rules.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::orders::{OrderId, OrderState, resumes};
use jiff::civil::Date;
use jiff_diesel::ToDiesel;

use super::{lock, resume};
use crate::{
    db::{Error, Tx},
    invoices,
    schema::orders::dsl,
};

/// What of an order is to change; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Overrule {
    /// The day it is paid until; renewals keep its day of month from then on.
    pub paid_until: Option<Date>,
    /// 0 without registration, 1 with, 3 with transfer.
    pub domain_reg: Option<i16>,
    /// The monthly price of its renewals, in minor units of the customer's currency; `Some(None)` takes it off.
    pub fixed_monthly: Option<Option<i64>>,
    /// What the customer is told of it.
    pub remark: Option<String>,
}

/// Sets what staff say.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for a paid-until day of an order that was never paid or is terminated.
pub async fn overrule(tx: &mut Tx, id: OrderId, change: &Overrule) -> Result<(), Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if order.state == OrderState::Terminated {
        return Err(Error::Refused(format!("order {id} is terminated")));
    }
    let row = dsl::orders.find(id.0);
    if let Some(day) = change.paid_until {
        if order.start.is_none() {
            return Err(Error::Refused(format!("order {id} was never paid: pay its invoice first")));
        }
        diesel::update(row)
            .set((
                dsl::paid_until.eq(day.to_diesel()),
                dsl::anchor_day.eq(i16::from(day.day())),
                dsl::lapsed_on.eq(None::<jiff_diesel::Date>),
            ))
            .execute(tx.conn())
            .await?;
        // Its proforma would pay for other days.
        invoices::cancel_ahead(tx, id).await?;
        if resumes(&order, day, tx.today()) {
            resume(tx, id, order.by_hand).await?;
        }
    }
    if let Some(domain_reg) = change.domain_reg {
        diesel::update(row).set(dsl::domain_reg.eq(domain_reg)).execute(tx.conn()).await?;
    }
    if let Some(fixed) = change.fixed_monthly {
        diesel::update(row).set(dsl::fixed_monthly.eq(fixed)).execute(tx.conn()).await?;
        // It is raised again at the new price.
        invoices::cancel_ahead(tx, id).await?;
    }
    if let Some(remark) = &change.remark {
        diesel::update(row).set(dsl::remark.eq(remark)).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Has an order renewed from the balance before its paid time ends, or not any more.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] when it is terminated.
pub async fn set_auto_renew(tx: &mut Tx, id: OrderId, auto_renew: bool) -> Result<(), Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if order.state == OrderState::Terminated {
        return Err(Error::Refused(format!("order {id} is terminated")));
    }
    diesel::update(dsl::orders.find(id.0)).set(dsl::auto_renew.eq(auto_renew)).execute(tx.conn()).await?;
    Ok(())
}
