//! The commands on orders.

mod create;
mod list;
mod power;
mod renew;

pub use create::CreateOrder;
pub use list::GetOrders;
pub use power::{REINSTALL_ORDER, RESTART_ORDER, SUSPEND_ORDER, UNSUSPEND_ORDER};
pub use renew::RenewOrder;

use domain::{
    calendar::{Months, parse_digits},
    catalogue::PriceError,
    field::Field,
    orders::OrderId,
};

use crate::{
    command::{Call, Failure, FieldSpec, Need},
    faults::{Fault, Refusal},
};

/// The order that a command is about.
pub(crate) const ORDER_ID: FieldSpec = FieldSpec {
    name: "orderid",
    about: "The order, by the orderid that createOrder answered.",
    need: Need::Required(Fault::NoOrderId),
    example: "1042",
    malformed: Some(("abc", Fault::UnknownOrder)),
    extension: false,
};

/// The period of an order or a renewal.
const PERIOD: FieldSpec = FieldSpec {
    name: "period",
    about: "For how many months: one of the tariff's periods.",
    need: Need::Required(Fault::NoPeriod),
    example: "12",
    malformed: Some(("1.5", Fault::BadPeriod)),
    extension: false,
};

/// The field `orderid`: 18 when absent, 19 when it can't be one.
fn order_id(call: &Call<'_>) -> Result<OrderId, Fault> {
    let read = Field::read(call.text(&ORDER_ID), |text| parse_digits(text).map(OrderId));
    read.required(Fault::NoOrderId, Fault::UnknownOrder).copied()
}

fn period(call: &Call<'_>) -> Field<Months> {
    Field::read(call.text(&PERIOD), Months::parse)
}

/// A price that can't be had is the company's mistake: logged, and nothing is saved.
fn price_failure(error: PriceError) -> Failure {
    Failure::Store(store::Error::Corrupt(error.to_string()))
}

/// The notice of code 30 or 31.
fn notice(fault: Fault) -> Option<Refusal> {
    Some(fault.into())
}
