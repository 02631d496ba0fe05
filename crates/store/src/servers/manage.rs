//! What customers ask of their servers: the wanted state is written, and a task brings it about.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::{
    catalogue::ImageId,
    customers::CustomerId,
    domain_name::DomainName,
    orders::{Order, OrderId, PowerError, PowerOperation, change_power as decide},
    tasks::{Operation, TaskId},
};
use secrecy::SecretString;
use serde_json::json;

use crate::{
    db::{AsStoreError, Error, Tx},
    orders::{lock_own, new_password, open_password, seal_password},
    schema::{orders, server},
    tasks::{NewTask, Undo, can_be_done, enqueue_in_bounds, waiting},
};

/// Why it was not done. Nothing is written then.
#[derive(Debug)]
pub enum ServerFailure {
    /// The customer has no such server.
    Unknown,
    /// It can't be done in the server's present state.
    State(PowerError),
    /// The server's driver can't do it.
    Undoable,
    /// The image is not one of the tariff's.
    UnknownImage,
    /// The image needs more memory than the server has.
    ImageTooLarge,
    /// The server has as many open tasks as it may.
    TooMuch,
    /// The server does not hold the address.
    NotHeld,
    /// The customer has no such server to move it to.
    NoTarget,
    /// It can't be moved to the server that it is on.
    SameServer,
    /// The address can't be moved: it is the server's last, on its way already, or of no use there.
    Immovable,
    /// The database.
    Store(Error),
}

impl From<Error> for ServerFailure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<diesel::result::Error> for ServerFailure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Store(error.into())
    }
}

impl AsStoreError for ServerFailure {
    fn as_store_error(&self) -> Option<&Error> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// A customer's server, held until the transaction ends, if this can be done to it now.
///
/// # Errors
/// [`ServerFailure::Unknown`], [`ServerFailure::State`], [`ServerFailure::Undoable`].
pub(super) async fn usable(
    tx: &mut Tx,
    customer: CustomerId,
    id: OrderId,
    operation: Operation,
) -> Result<Order, ServerFailure> {
    let order = lock_own(tx, customer, id).await?.filter(|order| order.vid.is_server());
    let order = order.ok_or(ServerFailure::Unknown)?;
    check_usable(tx, &order, operation)?;
    Ok(order)
}

/// Whether this can be done to a server now.
///
/// # Errors
/// [`ServerFailure::State`], [`ServerFailure::Undoable`].
pub(super) fn check_usable(tx: &Tx, order: &Order, operation: Operation) -> Result<(), ServerFailure> {
    // What stands against restarting it stands against all the rest.
    decide(order, PowerOperation::Restart, tx.today()).map_err(ServerFailure::State)?;
    if can_be_done(tx, order, operation) { Ok(()) } else { Err(ServerFailure::Undoable) }
}

/// Restarts a server.
///
/// # Errors
/// [`ServerFailure`].
pub async fn reboot(tx: &mut Tx, customer: CustomerId, id: OrderId) -> Result<TaskId, ServerFailure> {
    let order = usable(tx, customer, id, Operation::Restart).await?;
    queue(tx, id, NewTask { by_hand: order.by_hand, ..Operation::Restart.into() }).await
}

/// Has the packet filter inside a server emptied.
///
/// # Errors
/// [`ServerFailure`].
pub async fn flush_filter(tx: &mut Tx, customer: CustomerId, id: OrderId) -> Result<TaskId, ServerFailure> {
    let order = usable(tx, customer, id, Operation::FlushFilter).await?;
    queue(tx, id, NewTask { by_hand: order.by_hand, ..Operation::FlushFilter.into() }).await
}

/// How a server is to be made anew.
#[derive(Debug)]
pub struct Recreate<'a> {
    /// From which image.
    pub image: &'a ImageId,
    /// With which password; the one in force when `None`.
    pub password: Option<&'a SecretString>,
}

/// Makes a server's system anew.
///
/// # Errors
/// [`ServerFailure`].
pub async fn recreate(
    tx: &mut Tx,
    customer: CustomerId,
    id: OrderId,
    wanted: &Recreate<'_>,
) -> Result<TaskId, ServerFailure> {
    let order = lock_own(tx, customer, id).await?.filter(|order| order.vid.is_server());
    let order = order.ok_or(ServerFailure::Unknown)?;
    let catalogue = tx.catalogue();
    let tariff = catalogue.tariff(order.tariff).filter(|tariff| tariff.images.contains(wanted.image));
    let image = tariff.and_then(|_| catalogue.image(wanted.image)).filter(|image| image.for_sale);
    let image = image.ok_or(ServerFailure::UnknownImage)?;
    let ram = order.server.as_ref().map_or(0, |server| server.ram_mb);
    if image.min_ram_mb.is_some_and(|least| least > ram) {
        return Err(ServerFailure::ImageTooLarge);
    }
    usable(tx, customer, id, Operation::Reinstall).await?;
    let mut params = json!({ "os": wanted.image.0 });
    mark_given(&mut params, wanted.password);
    let asked = NewTask { params, secret: wanted.password, by_hand: order.by_hand, ..Operation::Reinstall.into() };
    if let Some(task) = waiting(tx, id, &asked).await? {
        return Ok(task);
    }
    let image = order.server.as_ref().and_then(|server| server.image.as_ref()).map(|image| image.0.as_str());
    let sealed = sealed_password(tx, id).await?;
    let undo = Some(Undo::system(Some(image), wanted.password.map(|_| sealed.as_deref())));
    let password = match wanted.password {
        Some(password) => Some(set_password(tx, id, password).await?),
        None => sealed.map(|sealed| open_password(tx, id, &sealed)).transpose()?,
    };
    let queued = queue(tx, id, NewTask { secret: password.as_ref(), undo, ..asked }).await?;
    diesel::update(server::table.find(id.0))
        .set((server::image_id.eq(&wanted.image.0), server::generation.eq(server::generation + 1)))
        .execute(tx.conn())
        .await?;
    Ok(queued)
}

/// Queues what a customer asks for, if there is room.
pub(super) async fn queue(tx: &mut Tx, id: OrderId, new: NewTask<'_>) -> Result<TaskId, ServerFailure> {
    Ok(enqueue_in_bounds(tx, id, new).await?.ok_or(ServerFailure::TooMuch)?.id)
}

/// Says in a task's parameters that its password is the customer's choice: such a task is not the same as one whose
/// password is made here, or kept.
fn mark_given(params: &mut serde_json::Value, password: Option<&SecretString>) {
    if let (Some(_), Some(params)) = (password, params.as_object_mut()) {
        params.insert("new_password".to_owned(), "given".into());
    }
}

/// Gives a server another password: the one given, or a new one.
///
/// # Errors
/// [`ServerFailure`].
pub async fn reset_password(
    tx: &mut Tx,
    customer: CustomerId,
    id: OrderId,
    password: Option<&SecretString>,
) -> Result<TaskId, ServerFailure> {
    let order = usable(tx, customer, id, Operation::ResetPassword).await?;
    let mut params = json!({});
    mark_given(&mut params, password);
    let asked = NewTask { params, secret: password, by_hand: order.by_hand, ..Operation::ResetPassword.into() };
    if let Some(task) = waiting(tx, id, &asked).await? {
        return Ok(task);
    }
    let undo = Some(Undo::system(None, Some(sealed_password(tx, id).await?.as_deref())));
    let password = match password {
        Some(password) => set_password(tx, id, password).await?,
        None => set_password(tx, id, &new_password()?).await?,
    };
    queue(tx, id, NewTask { secret: Some(&password), undo, ..asked }).await
}

/// Gives a server another hostname. The order's domain stays.
///
/// # Errors
/// [`ServerFailure`].
pub async fn rename(
    tx: &mut Tx,
    customer: CustomerId,
    id: OrderId,
    hostname: &DomainName,
) -> Result<TaskId, ServerFailure> {
    let order = usable(tx, customer, id, Operation::Rename).await?;
    let before: Option<Option<String>> =
        server::table.find(id.0).select(server::hostname).get_result(tx.conn()).await.optional()?;
    diesel::update(server::table.find(id.0)).set(server::hostname.eq(hostname.ascii())).execute(tx.conn()).await?;
    let params = json!({ "domain": hostname.ascii() });
    let undo = before.map(|before| Undo::hostname(before.as_deref()));
    queue(tx, id, NewTask { params, undo, by_hand: order.by_hand, ..Operation::Rename.into() }).await
}

async fn set_password(tx: &mut Tx, id: OrderId, password: &SecretString) -> Result<SecretString, ServerFailure> {
    let sealed = seal_password(tx, id, password)?;
    diesel::update(orders::table.find(id.0)).set(orders::server_password.eq(sealed)).execute(tx.conn()).await?;
    diesel::update(server::table.find(id.0))
        .set(server::password_version.eq(server::password_version + 1))
        .execute(tx.conn())
        .await?;
    Ok(password.clone())
}

/// The password in force, as it is at rest.
async fn sealed_password(tx: &mut Tx, id: OrderId) -> Result<Option<Vec<u8>>, ServerFailure> {
    Ok(orders::table.find(id.0).select(orders::server_password).get_result(tx.conn()).await?)
}
