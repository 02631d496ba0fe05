//! createOrder: facts, decision, and the decision made true.

use diesel::{ExpressionMethods, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    billing::Selection,
    field::Field,
    orders::{
        OrderId, OrderState, Payment, PaymentTerms, PlaceError, PlaceFacts, PlaceRequest, Placement, Unpaid,
        place as decide,
    },
};
use secrecy::SecretString;

use super::{Beginning, Buyer, begin};
use crate::{
    db::{AsStoreError, Error, Tx, sql},
    invoices, ledger,
    schema::{order_addon, orders, server},
};

/// An order as it was placed.
pub struct Placed {
    /// Its id.
    pub id: OrderId,
    /// What was decided.
    pub placement: Placement,
    /// The service's login; empty until it is known.
    pub login: String,
    /// The service's password, until it is known.
    pub password: Option<SecretString>,
}

/// Why an order was not placed. Nothing is written then.
#[derive(Debug)]
pub enum PlaceFailure {
    /// It was decided against.
    Decided(PlaceError),
    /// The database.
    Store(Error),
}

impl From<Error> for PlaceFailure {
    /// What a concurrent order was quicker to write is what the decision would have refused (codes 14 and 27).
    fn from(error: Error) -> Self {
        match error.constraint() {
            Some("orders_domain_taken") => Self::Decided(PlaceError::DomainTaken),
            Some("orders_had_once") => Self::Decided(PlaceError::HadOnce),
            _ => Self::Store(error),
        }
    }
}

impl AsStoreError for PlaceFailure {
    fn as_store_error(&self) -> Option<&Error> {
        match self {
            Self::Store(error) => Some(error),
            Self::Decided(_) => None,
        }
    }
}

/// Places an order.
///
/// # Errors
/// [`PlaceFailure`].
pub async fn place(tx: &mut Tx, buyer: &Buyer, request: &PlaceRequest, unpaid: Unpaid) -> Result<Placed, PlaceFailure> {
    let seen = conflicts(tx, buyer, request).await?;
    let wallets = ledger::lock_wallets(tx, buyer.customer, buyer.currency).await?;
    let catalogue = tx.catalogue();
    let facts = PlaceFacts {
        catalogue: &catalogue,
        billing: buyer.terms(tx.rules(), tx.today()),
        payment: PaymentTerms { wallets, mode: tx.realm().billing(), unpaid },
        had_once: seen.had_once,
        domain_taken: seen.domain_taken,
        today: tx.today(),
    };
    let mut placement = decide(request, &facts).map_err(PlaceFailure::Decided)?;
    let id = insert(tx, buyer, &placement).await?;
    let invoice = invoices::write(tx, buyer.customer, id, &placement.invoice).await?;
    if let Payment::Charged(charge) = &placement.payment {
        ledger::charge_invoice(tx, buyer.customer, invoice, charge, &format!("order {id}")).await?;
    }
    let access = match &placement.paid {
        Some(paid) => {
            let Placement { vid, tariff, by_hand, .. } = placement;
            let begun = begin(tx, &Beginning { id, vid, tariff, by_hand }, invoice, paid).await?;
            if begun.by_hand && !by_hand {
                (placement.by_hand, placement.state) = (true, OrderState::Manual);
            }
            begun.access
        }
        None => None,
    };
    let (login, password) = access.map(|a| (a.login, Some(a.password))).unwrap_or_default();
    Ok(Placed { id, placement, login, password })
}

#[derive(QueryableByName)]
struct Conflicts {
    #[diesel(sql_type = sql_types::Bool)]
    had_once: bool,
    #[diesel(sql_type = sql_types::Bool)]
    domain_taken: bool,
}

/// What stands against the order. What is written meanwhile is found by the unique indexes.
async fn conflicts(tx: &mut Tx, buyer: &Buyer, request: &PlaceRequest) -> Result<Conflicts, Error> {
    let Field::Given(tariff) = request.tariff else {
        return Ok(Conflicts { had_once: false, domain_taken: false });
    };
    let domain = request.domain.given().map(domain::domain_name::DomainName::ascii);
    let query = "select \
        exists(select from orders where customer_id = $1 and tariff_id = $2 and once_only) \
          or exists(select from tariff_change where customer_id = $1 and from_tariff = $2 and from_once) as had_once, \
        exists(select from orders where tariff_id = $2 and domain_ascii = $3 and state <> 'terminated') as domain_taken";
    Ok(sql(query)
        .bind::<sql_types::BigInt, _>(buyer.customer.0)
        .bind::<sql_types::BigInt, _>(tariff.0)
        .bind::<sql_types::Nullable<sql_types::Text>, _>(domain)
        .get_result(tx.conn())
        .await?)
}

/// Writes the order as one that awaits its payment.
async fn insert(tx: &mut Tx, buyer: &Buyer, placement: &Placement) -> Result<OrderId, Error> {
    let months = i16::try_from(placement.months.count()).map_err(Error::corrupt)?;
    let id: i64 = diesel::insert_into(orders::table)
        .values((
            orders::customer_id.eq(buyer.customer.0),
            orders::tariff_id.eq(placement.tariff.0),
            orders::vid.eq(placement.vid.name()),
            orders::once_only.eq(placement.once_per_customer),
            orders::domain_ascii.eq(placement.domain.as_ref().map(|d| d.ascii())),
            orders::domain_unicode.eq(placement.domain.as_ref().map(|d| d.unicode())),
            orders::months.eq(months),
            orders::state.eq(OrderState::AwaitingPayment.name()),
            orders::by_hand.eq(placement.by_hand),
        ))
        .returning(orders::id)
        .get_result(tx.conn())
        .await?;
    insert_parts(tx, id, placement).await?;
    Ok(OrderId(id))
}

/// Writes an order's addons, of which it has none yet.
pub(super) async fn insert_addons(tx: &mut Tx, id: i64, chosen: &[Selection]) -> Result<(), Error> {
    let mut addons = Vec::with_capacity(chosen.len());
    for (position, chosen) in (1_i16..).zip(chosen) {
        addons.push((
            order_addon::order_id.eq(id),
            order_addon::position.eq(position),
            order_addon::addon_id.eq(chosen.addon.0),
            order_addon::quantity.eq(i32::try_from(chosen.quantity).map_err(Error::corrupt)?),
        ));
    }
    if !addons.is_empty() {
        diesel::insert_into(order_addon::table).values(addons).execute(tx.conn()).await?;
    }
    Ok(())
}

async fn insert_parts(tx: &mut Tx, id: i64, placement: &Placement) -> Result<(), Error> {
    insert_addons(tx, id, &placement.addons).await?;
    if let Some(spec) = &placement.server {
        let size = |value: u32| i32::try_from(value).map_err(Error::corrupt);
        let catalogue = tx.catalogue();
        let node = catalogue.tariff(placement.tariff).and_then(|tariff| catalogue.node_for(tariff));
        diesel::insert_into(server::table)
            .values((
                server::order_id.eq(id),
                server::cpu_ghz.eq(size(spec.cpu_ghz)?),
                server::ram_mb.eq(size(spec.ram_mb)?),
                server::disk_gb.eq(size(spec.disk_gb)?),
                server::bandwidth_mbps.eq(size(spec.bandwidth_mbps)?),
                server::image_id.eq(spec.image.as_ref().map(|i| i.0.as_str())),
                server::node.eq(node.map(|n| n.name.as_str())),
            ))
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}
