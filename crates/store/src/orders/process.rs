//! What staff did by hand is done.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{OrderId, OrderState, SuspendedBy},
    tasks::Operation,
};
use secrecy::SecretString;

use super::{lock, open_password, seal_password};
use crate::{
    db::{Error, Tx},
    schema::orders::dsl,
    tasks,
};

/// Which password staff gave a service.
#[derive(Debug, Default)]
pub enum PasswordSet {
    /// They say nothing of it: the tasks that they did set none.
    #[default]
    Unsaid,
    /// The one that the order was to have, which [`password`] shows.
    Kept,
    /// This one.
    New(SecretString),
}

/// What staff have to say of the service they made; what is `None` stays.
#[derive(Debug, Default)]
pub struct Processed {
    /// Its login.
    pub login: Option<String>,
    /// Its password.
    pub password: PasswordSet,
    /// What the customer is told of it.
    pub remark: Option<String>,
}

/// Closes an order's manual handling: it runs, its waiting tasks are done. When its customer asked last to suspend it,
/// it is suspended. Tasks that tell their customer a password tell the one that staff say that they set.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] when nothing of the order waits for staff, or a task is to tell a password and
/// staff don't say which they set.
pub async fn process(tx: &mut Tx, id: OrderId, done: &Processed) -> Result<OrderState, Error> {
    let order = lock(tx, id).await?.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    if order.state == OrderState::Manual && order.start.is_none() {
        return Err(Error::Refused(format!(
            "the money of order {id} was returned: have the customer order again, and terminate this one"
        )));
    }
    let telling = tasks::manual_with_secret(tx, id).await?;
    if let (Some(task), PasswordSet::Unsaid) = (telling.as_slice().first(), &done.password) {
        return Err(Error::Refused(format!(
            "task {} tells the customer a password, so say which the service has: --server-password-stdin, or \
             --server-password-kept if it is what `vartai order password {id}` shows",
            task.0
        )));
    }
    let seen = diesel::update(dsl::orders.find(id.0).filter(dsl::attention.is_not_null()))
        .set(dsl::attention.eq(None::<String>))
        .execute(tx.conn())
        .await?;
    let waiting = tasks::close_manual(tx, id).await?;
    if waiting.contains(&Operation::Destroy) {
        tasks::gone(tx, id).await?;
    }
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
    if let PasswordSet::New(password) = &done.password {
        let sealed = seal_password(tx, id, password)?;
        diesel::update(dsl::orders.find(id.0)).set(dsl::server_password.eq(sealed)).execute(tx.conn()).await?;
    }
    if !telling.is_empty()
        && let Some(password) = password(tx, id).await?
    {
        tasks::tell(tx, &telling, &password).await?;
    }
    if let Some(remark) = &done.remark {
        diesel::update(dsl::orders.find(id.0)).set(dsl::remark.eq(remark)).execute(tx.conn()).await?;
    }
    Ok(state)
}

/// The password that an order's service has, or is to have; none while it has none.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] when the keys don't open it.
pub async fn password(tx: &mut Tx, id: OrderId) -> Result<Option<SecretString>, Error> {
    let sealed: Option<Option<Vec<u8>>> =
        dsl::orders.find(id.0).select(dsl::server_password).get_result(tx.conn()).await.optional()?;
    let sealed = sealed.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
    sealed.map(|sealed| open_password(tx, id, &sealed)).transpose()
}
