//! suspendOrder, unSuspendOrder, restartOrder and reinstallOrder: one shape, four declarations.

use domain::orders::{PowerError, PowerOperation};
use futures_util::{FutureExt, future::LocalBoxFuture};
use store::{
    Tx,
    orders::{PowerFailure, change_power},
};

use super::{ORDER_ID, notice, order_id};
use crate::{
    command::{Answer, Call, Effect, Failure, REQUEST_ID, ReplyField, Spec, Writing, success},
    faults::Fault,
};

/// An operation on a running order.
pub struct PowerCommand {
    operation: PowerOperation,
    spec: &'static Spec,
}

/// Stops an order.
pub static SUSPEND_ORDER: PowerCommand = PowerCommand { operation: PowerOperation::Suspend, spec: &SUSPEND };
/// Lets a stopped order run again.
pub static UNSUSPEND_ORDER: PowerCommand = PowerCommand { operation: PowerOperation::Unsuspend, spec: &UNSUSPEND };
/// Restarts a server.
pub static RESTART_ORDER: PowerCommand = PowerCommand { operation: PowerOperation::Restart, spec: &RESTART };
/// Makes a server's system anew.
pub static REINSTALL_ORDER: PowerCommand = PowerCommand { operation: PowerOperation::Reinstall, spec: &REINSTALL };

const REPLY: &[ReplyField] = &[ReplyField::text("orderid", "The order.")];

static SUSPEND: Spec = Spec {
    name: "suspendOrder",
    section: "4.3",
    about: "Stops an order. It goes on being paid for.",
    effects: &[Effect::Queues],
    fields: &[ORDER_ID, REQUEST_ID],
    reply: REPLY,
    faults: &[
        Fault::NoOrderId,
        Fault::UnknownOrder,
        Fault::UnpaidInvoices,
        Fault::Overdue,
        Fault::AlreadySuspended,
        Fault::Manual,
    ],
};

static UNSUSPEND: Spec = Spec {
    name: "unSuspendOrder",
    section: "4.4",
    about: "Lets a stopped order run again.",
    effects: &[Effect::Queues],
    fields: &[ORDER_ID, REQUEST_ID],
    reply: REPLY,
    faults: &[
        Fault::NoOrderId,
        Fault::UnknownOrder,
        Fault::UnpaidInvoices,
        Fault::Overdue,
        Fault::AlreadyRunning,
        Fault::Manual,
    ],
};

const OF_SERVERS: &[Fault] = &[
    Fault::NoOrderId,
    Fault::UnknownOrder,
    Fault::Unsupported,
    Fault::UnpaidInvoices,
    Fault::Overdue,
    Fault::AlreadySuspended,
    Fault::Manual,
];

static RESTART: Spec = Spec {
    name: "restartOrder",
    section: "4.6",
    about: "Restarts a server.",
    effects: &[Effect::Queues],
    fields: &[ORDER_ID, REQUEST_ID],
    reply: REPLY,
    faults: OF_SERVERS,
};

static REINSTALL: Spec = Spec {
    name: "reinstallOrder",
    section: "4.7",
    about: "Makes a server's system anew, from the image in force. What is on its disk is lost.",
    effects: &[Effect::Destroys, Effect::Queues],
    fields: &[ORDER_ID, REQUEST_ID],
    reply: REPLY,
    faults: OF_SERVERS,
};

impl Writing for PowerCommand {
    fn spec(&self) -> &'static Spec {
        self.spec
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Answer, Failure>> {
        async move {
            let id = order_id(call)?;
            match change_power(tx, call.buyer().customer, id, self.operation).await {
                Ok(change) => Ok(Answer {
                    fields: success().with("orderid", id.to_string()),
                    notice: if change.by_hand { notice(Fault::Manual) } else { None },
                }),
                Err(PowerFailure::UnknownOrder) => Err(Fault::UnknownOrder.into()),
                Err(PowerFailure::Decided(error)) => Err(fault(error).into()),
                Err(PowerFailure::Store(error)) => Err(error.into()),
            }
        }
        .boxed_local()
    }
}

const fn fault(error: PowerError) -> Fault {
    match error {
        PowerError::Unsupported => Fault::Unsupported,
        PowerError::UnpaidInvoice => Fault::UnpaidInvoices,
        PowerError::Overdue => Fault::Overdue,
        PowerError::Suspended => Fault::AlreadySuspended,
        PowerError::Running => Fault::AlreadyRunning,
    }
}
