//! renewOrder.

use domain::{
    calendar::parse_day,
    field::Field,
    orders::{OrderState, Payment, RenewError, RenewRequest},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use store::{
    Tx,
    orders::{RenewFailure, Renewed, renew},
};

use super::{ORDER_ID, PERIOD, notice, order_id, period, price_failure};
use crate::{
    command::{Answer, Call, Effect, Failure, FieldSpec, Need, REQUEST_ID, ReplyField, Spec, Writing, success},
    faults::{Fault, Refusal},
};

/// Pays for more months of an order.
pub struct RenewOrder;

const EXPECT_TODATE: FieldSpec = FieldSpec {
    name: "expect_todate",
    about: "The paid-until day that you take the order to have (YYYY-MM-DD): when it is another, nothing is done. A \
            renewal whose answer was lost can be sent again with it and is made once.",
    need: Need::Optional("whatever the day is"),
    example: "2027-01-31",
    malformed: Some(("tomorrow", Fault::BadField)),
    extension: true,
};

static SPEC: Spec = Spec {
    name: "renewOrder",
    section: "4.2",
    about: "Pays for more months of an order, from the day it is paid until.",
    effects: &[Effect::Charges, Effect::Queues],
    fields: &[ORDER_ID, PERIOD, EXPECT_TODATE, REQUEST_ID],
    reply: &[
        ReplyField::text("orderid", "The order."),
        ReplyField::text("period", "The period, in months."),
        ReplyField::text("balance", "The balance after the renewal."),
        ReplyField::text("cost", "What the renewal costs."),
        ReplyField::text("currency", "The currency of cost and balance, which is the customer's."),
    ],
    faults: &[
        Fault::NoOrderId,
        Fault::UnknownOrder,
        Fault::OtherToDate,
        Fault::UnpaidInvoices,
        Fault::NoPeriod,
        Fault::BadPeriod,
        Fault::Manual,
        Fault::AwaitingPayment,
    ],
};

impl Writing for RenewOrder {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Answer, Failure>> {
        async move {
            let id = order_id(call)?;
            let request =
                RenewRequest { period: period(call), expect_todate: Field::read(call.text(&EXPECT_TODATE), parse_day) };
            match renew(tx, &call.buyer(), id, &request, call.unpaid()).await {
                Ok(renewed) => Ok(answer(&renewed)),
                Err(RenewFailure::UnknownOrder) => Err(Fault::UnknownOrder.into()),
                Err(RenewFailure::Decided(error)) => Err(refusal(error)),
                Err(RenewFailure::Store(error)) => Err(error.into()),
            }
        }
        .boxed_local()
    }
}

fn answer(renewed: &Renewed) -> Answer {
    let renewal = &renewed.renewal;
    let fields = success()
        .with("orderid", renewed.order.id.to_string())
        .with("period", renewal.months.to_string())
        .with("balance", renewal.balance.to_string())
        .with("cost", renewal.invoice.total.to_string())
        .with("currency", renewal.invoice.total.currency().code());
    let in_manual_handling = renewed.order.state == OrderState::Manual || renewal.resumes && renewed.order.by_hand;
    let notice = match renewal.payment {
        Payment::Owed => notice(Fault::AwaitingPayment),
        Payment::Charged(_) | Payment::Free if in_manual_handling => notice(Fault::Manual),
        Payment::Charged(_) | Payment::Free => None,
    };
    Answer { fields, notice }
}

fn refusal(error: RenewError) -> Failure {
    match error {
        RenewError::ExpectedDay => Refusal::with_detail(Fault::BadField, EXPECT_TODATE.name).into(),
        RenewError::OtherDay(day) => {
            let detail = day.map(|day| day.to_string());
            Refusal { fault: Fault::OtherToDate, detail }.into()
        }
        RenewError::UnpaidInvoice => Fault::UnpaidInvoices.into(),
        RenewError::NoPeriod => Fault::NoPeriod.into(),
        RenewError::Period => Fault::BadPeriod.into(),
        RenewError::NotEnough => Fault::AwaitingPayment.into(),
        RenewError::Price(error) => price_failure(error),
    }
}
