//! Suspending, resuming, restarting and reinstalling an order (CONTRACT 1.5).

use jiff::civil::Date;

use super::order::{Order, OrderState, SuspendedBy};
use crate::tasks::Operation;

/// What a customer can ask of a running order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PowerOperation {
    /// suspendOrder.
    Suspend,
    /// unSuspendOrder.
    Unsuspend,
    /// restartOrder.
    Restart,
    /// reinstallOrder.
    Reinstall,
}

impl PowerOperation {
    /// The task that does it.
    #[must_use]
    pub const fn operation(self) -> Operation {
        match self {
            Self::Suspend => Operation::Suspend,
            Self::Unsuspend => Operation::Unsuspend,
            Self::Restart => Operation::Restart,
            Self::Reinstall => Operation::Reinstall,
        }
    }

    /// Whether there is nothing that does it but a server.
    #[must_use]
    pub const fn needs_server(self) -> bool {
        matches!(self, Self::Restart | Self::Reinstall)
    }
}

/// Why it is not done. In the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerError {
    /// Not a server, or one whose driver can't do it.
    Unsupported,
    /// An invoice of the order is unpaid.
    UnpaidInvoice,
    /// The order's paid time is over.
    Overdue,
    /// It is suspended.
    Suspended,
    /// It is not suspended.
    Running,
}

/// What is to become true, beside the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerChange {
    /// The task.
    pub operation: Operation,
    /// The order's state then, where it changes at once.
    pub state: Option<(OrderState, Option<SuspendedBy>)>,
    /// Whether staff do it by hand (code 30).
    pub by_hand: bool,
}

/// Decides on an operation that the customer asks for.
///
/// # Errors
/// The first [`PowerError`] in the contract's order of checks.
pub fn change_power(order: &Order, wanted: PowerOperation, today: Date) -> Result<PowerChange, PowerError> {
    if wanted.needs_server() && !order.vid.is_server() {
        return Err(PowerError::Unsupported);
    }
    if order.has_unpaid_invoice {
        return Err(PowerError::UnpaidInvoice);
    }
    if order.is_overdue(today) {
        return Err(PowerError::Overdue);
    }
    let suspended = order.state == OrderState::Suspended;
    let in_manual_handling = order.state == OrderState::Manual;
    match wanted {
        PowerOperation::Suspend | PowerOperation::Restart | PowerOperation::Reinstall if suspended => {
            return Err(PowerError::Suspended);
        }
        PowerOperation::Unsuspend if !suspended && !in_manual_handling => return Err(PowerError::Running),
        _ => {}
    }
    let state = match wanted {
        _ if in_manual_handling => None,
        PowerOperation::Suspend => Some((OrderState::Suspended, Some(SuspendedBy::Customer))),
        PowerOperation::Unsuspend => Some((OrderState::Active, None)),
        PowerOperation::Restart | PowerOperation::Reinstall => None,
    };
    Ok(PowerChange { operation: wanted.operation(), state, by_hand: order.by_hand })
}
