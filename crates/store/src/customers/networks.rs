//! Where customers may call from (code 54).

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use domain::customers::CustomerId;
use ipnetwork::IpNetwork;

use crate::{
    db::{Conn, Error, Tx},
    schema::allowed_network::dsl,
};

/// Lets a customer call from a network; again is no mistake.
///
/// # Errors
/// [`Error`] from the database.
pub async fn allow(tx: &mut Tx, customer: CustomerId, network: IpNetwork) -> Result<(), Error> {
    diesel::insert_into(dsl::allowed_network)
        .values((dsl::customer_id.eq(customer.0), dsl::network.eq(network)))
        .on_conflict_do_nothing()
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes a network off a customer's list. An empty list allows all.
///
/// # Errors
/// [`Error::NotFound`] when it isn't on the list.
pub async fn disallow(tx: &mut Tx, customer: CustomerId, network: IpNetwork) -> Result<(), Error> {
    let removed = diesel::delete(dsl::allowed_network.find((customer.0, network))).execute(tx.conn()).await?;
    if removed == 0 { Err(Error::NotFound(format!("{network} is not on the list"))) } else { Ok(()) }
}

/// A customer's list.
///
/// # Errors
/// [`Error`] from the database.
pub async fn allowed(connection: &mut Conn, customer: CustomerId) -> Result<Vec<IpNetwork>, Error> {
    let query = dsl::allowed_network.filter(dsl::customer_id.eq(customer.0)).order(dsl::network);
    Ok(query.select(dsl::network).load(connection).await?)
}
