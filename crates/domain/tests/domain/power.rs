//! Suspending, resuming, restarting, reinstalling: all states and flaws, against the contract's lists of checks.

use domain::{
    catalogue::Vid,
    orders::{Order, OrderState, PowerError, PowerOperation, SuspendedBy, change_power},
};
use jiff::civil::date;

use crate::build::{TODAY, order};

const OPERATIONS: [PowerOperation; 4] =
    [PowerOperation::Suspend, PowerOperation::Unsuspend, PowerOperation::Restart, PowerOperation::Reinstall];

#[test]
fn every_state_and_flaw_is_answered_as_the_contract_lists_them() {
    let states = [OrderState::Manual, OrderState::Provisioning, OrderState::Active, OrderState::Suspended];
    for wanted in OPERATIONS {
        for state in states {
            for bits in 0..8_u8 {
                let (hosting, unpaid, overdue) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
                let suspended = state == OrderState::Suspended;
                let order = Order {
                    vid: if hosting { Vid::Hosting } else { Vid::Dedicated },
                    has_unpaid_invoice: unpaid,
                    paid_until: Some(if overdue { date(2027, 1, 30) } else { TODAY }),
                    state,
                    suspended_by: suspended.then_some(SuspendedBy::Customer),
                    by_hand: state == OrderState::Manual,
                    ..order()
                };
                let server = matches!(wanted, PowerOperation::Restart | PowerOperation::Reinstall);
                let resume = wanted == PowerOperation::Unsuspend;
                let running = matches!(state, OrderState::Provisioning | OrderState::Active);
                let checks = [
                    (server && hosting, PowerError::Unsupported),
                    (unpaid, PowerError::UnpaidInvoice),
                    (overdue, PowerError::Overdue),
                    (!resume && suspended, PowerError::Suspended),
                    (resume && running, PowerError::Running),
                ];
                let expected = checks.into_iter().find(|(fails, _)| *fails).map(|(_, error)| error);
                let outcome = change_power(&order, wanted, TODAY);
                assert_eq!(outcome.err(), expected, "{wanted:?} {order:?}");
            }
        }
    }
}

#[test]
fn suspending_and_resuming_change_the_state_at_once_and_restarting_does_not() {
    let change = |order: &Order, wanted| change_power(order, wanted, TODAY).unwrap().state;
    let suspended = Order { state: OrderState::Suspended, suspended_by: Some(SuspendedBy::System), ..order() };
    let by_customer = Some((OrderState::Suspended, Some(SuspendedBy::Customer)));
    assert_eq!(change(&order(), PowerOperation::Suspend), by_customer);
    assert_eq!(change(&Order { state: OrderState::Provisioning, ..order() }, PowerOperation::Suspend), by_customer);
    assert_eq!(change(&suspended, PowerOperation::Unsuspend), Some((OrderState::Active, None)));
    assert_eq!(change(&order(), PowerOperation::Restart), None);
    assert_eq!(change(&order(), PowerOperation::Reinstall), None);
}

#[test]
fn in_manual_handling_everything_is_accepted_and_nothing_changes_by_itself() {
    let manual = Order { state: OrderState::Manual, by_hand: true, ..order() };
    for wanted in OPERATIONS {
        let change = change_power(&manual, wanted, TODAY).unwrap();
        assert!(change.by_hand && change.state.is_none(), "{wanted:?}");
    }
}
