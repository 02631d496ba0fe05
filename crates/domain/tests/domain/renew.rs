//! renewOrder: the order of its checks, the days it pays for, and who starts again.

use domain::{
    field::Field,
    orders::{Order, OrderState, Payment, RenewError, RenewRequest, Renewal, SuspendedBy, Unpaid, renew},
};
use jiff::civil::date;
use proptest::prelude::*;

use crate::build::{TODAY, catalogue, euro, months, order, payment, terms};

fn request(count: u16) -> RenewRequest {
    RenewRequest { period: Field::Given(months(count)), expect_todate: Field::Absent }
}

fn decide(order: &Order, request: &RenewRequest, credit: i64, unpaid: Unpaid) -> Result<Renewal, RenewError> {
    renew(order, request, &catalogue(), &terms(), &payment(credit, 0, unpaid), TODAY)
}

#[test]
fn it_pays_from_the_old_day_on_the_orders_day_of_month() {
    let renewal = decide(&order(), &request(1), 990, Unpaid::Refuse).unwrap();
    let paid = renewal.paid.unwrap();
    assert_eq!((paid.from, paid.until), (date(2027, 2, 28), date(2027, 3, 31)));
    assert_eq!((renewal.invoice.total, renewal.balance), (euro(990), euro(0)));
    assert!(!renewal.resumes);
}

#[test]
fn a_renewal_that_is_owed_extends_nothing() {
    let owed = decide(&order(), &request(1), 989, Unpaid::Accept).unwrap();
    assert_eq!((owed.payment, owed.paid), (Payment::Owed, None));
    assert_eq!(decide(&order(), &request(1), 989, Unpaid::Refuse), Err(RenewError::NotEnough));
}

#[test]
fn only_the_systems_suspension_ends_by_paying() {
    let late = |by| Order {
        state: OrderState::Suspended,
        suspended_by: Some(by),
        paid_until: Some(date(2026, 11, 30)),
        ..order()
    };
    let resumes = |order: &Order, count| decide(order, &request(count), 100_000, Unpaid::Refuse).unwrap().resumes;
    assert!(resumes(&late(SuspendedBy::System), 3));
    assert!(!resumes(&late(SuspendedBy::System), 1), "it is overdue still");
    assert!(!resumes(&late(SuspendedBy::Customer), 3));
    assert!(!resumes(&order(), 3));
}

proptest! {
    #[test]
    fn the_first_failed_check_answers(malformed in any::<bool>(), other in any::<bool>(), unpaid in any::<bool>(), absent in any::<bool>(), period in any::<bool>()) {
        let order = Order { has_unpaid_invoice: unpaid, ..order() };
        let expect_todate = match (malformed, other) {
            (true, _) => Field::Malformed,
            (false, true) => Field::Given(date(2001, 1, 1)),
            (false, false) => Field::Given(date(2027, 2, 28)),
        };
        let period = if absent { Field::Absent } else if period { Field::Given(months(6)) } else { Field::Given(months(1)) };
        let expected = [
            (malformed, RenewError::ExpectedDay),
            (other, RenewError::OtherDay(order.paid_until)),
            (unpaid, RenewError::UnpaidInvoice),
            (absent, RenewError::NoPeriod),
            (period == Field::Given(months(6)), RenewError::Period),
        ];
        let expected = expected.into_iter().find(|(fails, _)| *fails).map(|(_, error)| error);
        let outcome = decide(&order, &RenewRequest { period, expect_todate }, 100_000, Unpaid::Refuse);
        prop_assert_eq!(outcome.err(), expected);
    }
}
