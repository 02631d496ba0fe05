//! What staff did by hand is done.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{OrderId, OrderState, SuspendedBy},
    tasks::Operation,
};
use secrecy::SecretString;

use super::{lock, seal_password};
use crate::{
    db::{Error, Tx},
    schema::orders::dsl,
    tasks,
};

/// What staff have to say of the service they made; what is `None` stays.
#[derive(Debug, Default)]
pub struct Processed {
    /// Its login.
    pub login: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// What the customer is told of it.
    pub remark: Option<String>,
}

/// Closes an order's manual handling: it runs, its waiting tasks are done. When its customer asked last to suspend it,
/// it is suspended.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] when nothing of the order waits for staff.
pub async fn process(tx: &mut Tx, id: OrderId, done: &Processed) -> Result<OrderState, Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if order.state == OrderState::Manual && order.start.is_none() {
        return Err(Error::Refused(format!(
            "the money of order {id} was returned: have the customer order again, and terminate this one"
        )));
    }
    let seen = diesel::update(dsl::orders.find(id.0).filter(dsl::attention.is_not_null()))
        .set(dsl::attention.eq(None::<String>))
        .execute(tx.conn())
        .await?;
    let waiting = tasks::close_manual(tx, id).await?;
    if order.state != OrderState::Manual && waiting.is_empty() && seen == 0 {
        return Err(Error::Refused(format!("order {id} is {}: nothing of it waits for staff", order.state.name())));
    }
    let last = waiting.iter().rev().find(|o| matches!(o, Operation::Suspend | Operation::Unsuspend));
    let state = match (order.state, last) {
        (OrderState::Manual, Some(Operation::Suspend)) => OrderState::Suspended,
        (OrderState::Manual, _) => OrderState::Active,
        (state, _) => state,
    };
    let by = match (state, order.suspended_by) {
        (OrderState::Suspended, by) => Some(by.unwrap_or(SuspendedBy::Customer)),
        _ => None,
    };
    diesel::update(dsl::orders.find(id.0))
        .set((dsl::state.eq(state.name()), dsl::suspended_by.eq(by.map(|b| b.name()))))
        .execute(tx.conn())
        .await?;
    if let Some(login) = &done.login {
        diesel::update(dsl::orders.find(id.0)).set(dsl::server_login.eq(login)).execute(tx.conn()).await?;
    }
    if let Some(password) = &done.password {
        let sealed = seal_password(tx, id, password)?;
        diesel::update(dsl::orders.find(id.0)).set(dsl::server_password.eq(sealed)).execute(tx.conn()).await?;
    }
    if let Some(remark) = &done.remark {
        diesel::update(dsl::orders.find(id.0)).set(dsl::remark.eq(remark)).execute(tx.conn()).await?;
    }
    Ok(state)
}
