//! What staff do with orders and invoices.

use domain::{
    billing::InvoiceId,
    orders::{Payment, PlaceError, Unpaid},
};
use store::{
    Error,
    invoices::{self, PaidFrom},
    ledger,
    orders::{self, OrderFilter, OrderState, Overrule, PasswordSet, PlaceFailure, Processed, RenewFailure},
};
use testkit::TestDb;

use crate::acts::{
    balance, cancel, deposit, hosting, invoices_of, place, renewal, state, terminate, try_pay, try_place, try_renew,
    vds, vds_by_hand, wallets,
};

#[tokio::test]
async fn an_order_is_charged_bonus_first_and_starts() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("20.00").bonus("2.00").add().await;
    let placed = try_place(&db.database.live, &ann, &vds(), Unpaid::Refuse).await.unwrap_or_else(|e| panic!("{e:?}"));
    assert!(matches!(placed.placement.payment, Payment::Charged(_)));
    assert_eq!((placed.login.as_str(), placed.password.is_some()), ("root", true));
    let left = wallets(&db.database, &ann).await;
    assert_eq!((left.credit.in_minor(), left.bonus.in_minor()), (2_000 - 1_290, 0));
    assert_eq!(state(&db, placed.id).await, "provisioning");
    let invoice = &invoices_of(&db.database, placed.id).await[0];
    assert_eq!((invoice.status.as_str(), invoice.total), ("paid", 1_490));
    let lines = db.database.live.read(async |c| invoices::lines(c, InvoiceId(invoice.id)).await).await.unwrap();
    let lines: Vec<_> = lines.iter().map(|line| (line.item.as_str(), line.title.as_str(), line.gross)).collect();
    assert_eq!(lines, [("tariff_setup", "VDS-2", 500), ("tariff", "VDS-2", 990), ("addon", "Debian 12", 0)]);
    let statement = db.database.live.read(async |c| ledger::statement(c, ann.customer, None, 10).await).await.unwrap();
    let statement: Vec<_> =
        statement.iter().map(|line| (line.wallet.as_str(), line.amount, line.balance_after)).collect();
    assert_eq!(statement.len(), 4);
    assert!(statement.contains(&("credit", -1_290, 710)) && statement.contains(&("bonus", -200, 0)), "{statement:?}");
    db.verify_books().await;
}

#[tokio::test]
async fn an_unpaid_order_starts_once_it_is_paid() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").add().await;
    let refused = try_place(&db.database.live, &ann, &hosting("example.lt"), Unpaid::Refuse).await;
    assert!(matches!(refused.err(), Some(PlaceFailure::Decided(PlaceError::NotEnough))));
    assert_eq!(db.value::<i64>("select count(*) from live.orders").await, 0);
    let id = place(&db.database, &ann, &hosting("example.lt")).await;
    assert_eq!(state(&db, id).await, "awaiting_payment");
    let invoice = InvoiceId(invoices_of(&db.database, id).await[0].id);
    assert!(matches!(try_pay(&db.database, invoice, PaidFrom::Balance).await, Err(Error::Refused(_))));
    db.verify_books().await;
    assert_eq!(try_pay(&db.database, invoice, PaidFrom::Outside).await.unwrap().status, "paid");
    assert_eq!(state(&db, id).await, "provisioning");
    assert_eq!(balance(&db.database, &ann).await, 0);
    db.verify_books().await;
}

#[tokio::test]
async fn an_order_that_staff_make_waits_for_them() {
    let db = TestDb::with_demo_catalogue().await;
    let store = &db.database;
    let ann = db.customer("ann").credit("100.00").add().await;
    let id = place(store, &ann, &vds_by_hand()).await;
    let waiting = OrderFilter { manual: true, ..OrderFilter::default() };
    let listed = store.live.read(async |c| orders::list(c, &waiting).await).await.unwrap();
    assert_eq!((listed.len(), listed[0].state().unwrap()), (1, OrderState::Manual));
    let done = Processed {
        login: Some("root".to_owned()),
        password: PasswordSet::New("made by hand".to_owned().into()),
        remark: Some("Rack 7".to_owned()),
    };
    let process = async || store.live.transaction("process", async |tx| orders::process(tx, id, &done).await).await;
    assert_eq!(process().await.unwrap(), OrderState::Active);
    assert!(matches!(process().await, Err(Error::Refused(_))));
    let listed = store.live.read(async |c| orders::list(c, &OrderFilter::default()).await).await.unwrap();
    assert_eq!((listed[0].server_login.as_str(), listed[0].remark.as_str()), ("root", "Rack 7"));
    let sealed: Vec<u8> = db.value("select server_password from live.orders").await;
    assert!(!sealed.windows(4).any(|bytes| bytes == b"made"));
    assert_eq!(db.value::<i64>("select count(*) from live.task where state <> 'succeeded'").await, 0);
    db.verify_books().await;
}

#[tokio::test]
async fn staff_overrule_the_day_and_the_price() {
    let db = TestDb::with_demo_catalogue().await;
    let store = &db.database;
    let ann = db.customer("ann").credit("1.00").add().await;
    let id = place(store, &ann, &hosting("example.lt")).await;
    let day = jiff::civil::date(2030, 1, 31);
    let change = Overrule {
        paid_until: Some(day),
        fixed_monthly: Some(Some(250)),
        domain_reg: Some(3),
        remark: Some("moved".to_owned()),
    };
    let overrule =
        async || store.live.transaction("overrule", async |tx| orders::overrule(tx, id, &change).await).await;
    assert!(matches!(overrule().await, Err(Error::Refused(_))), "it was never paid");
    try_pay(store, InvoiceId(invoices_of(store, id).await[0].id), PaidFrom::Outside).await.unwrap();
    overrule().await.unwrap();
    deposit(&store.live, &ann, 10_000).await.unwrap();
    let renewed = try_renew(store, &ann, id, &renewal(1), Unpaid::Refuse).await.unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(renewed.renewal.paid.unwrap().until, jiff::civil::date(2030, 2, 28));
    assert_eq!(renewed.renewal.invoice.total.in_minor(), 250);
    let again = try_renew(store, &ann, id, &renewal(1), Unpaid::Refuse).await.unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(again.renewal.paid.unwrap().until, jiff::civil::date(2030, 3, 31));
    terminate(store, id).await.unwrap();
    assert!(matches!(overrule().await, Err(Error::Refused(_))), "it is terminated");
    db.verify_books().await;
}

#[tokio::test]
async fn a_cancelled_invoice_ends_an_order_that_waits_for_it() {
    let db = TestDb::with_demo_catalogue().await;
    let store = &db.database;
    let ann = db.customer("ann").add().await;
    let id = place(store, &ann, &hosting("example.lt")).await;
    let taken = try_place(&store.live, &ann, &hosting("example.lt"), Unpaid::Accept).await;
    assert!(matches!(taken.err(), Some(PlaceFailure::Decided(PlaceError::DomainTaken))));
    let invoice = InvoiceId(invoices_of(store, id).await[0].id);
    cancel(store, invoice).await.unwrap();
    assert_eq!(state(&db, id).await, "terminated");
    assert!(matches!(cancel(store, invoice).await, Err(Error::Refused(_))));
    assert!(matches!(try_pay(store, invoice, PaidFrom::Outside).await, Err(Error::Refused(_))));
    // The domain is free again; nothing was made that would have to be removed.
    place(store, &ann, &hosting("example.lt")).await;
    assert_eq!(db.value::<i64>("select count(*) from live.task").await, 0);
    db.verify_books().await;
}

#[tokio::test]
async fn a_paid_invoice_is_not_cancelled_and_an_unpaid_renewal_s_leaves_the_order() {
    let db = TestDb::with_demo_catalogue().await;
    let store = &db.database;
    let ann = db.customer("ann").credit("3.00").add().await;
    let id = place(store, &ann, &hosting("example.lt")).await;
    assert!(try_renew(store, &ann, id, &renewal(1), Unpaid::Accept).await.is_ok());
    let [paid, owed] = &invoices_of(store, id).await[..] else { panic!("two invoices") };
    assert!(matches!(cancel(store, InvoiceId(paid.id)).await, Err(Error::Refused(_))));
    cancel(store, InvoiceId(owed.id)).await.unwrap();
    assert_eq!(state(&db, id).await, "provisioning");
    db.verify_books().await;
}

#[tokio::test]
async fn a_terminated_order_frees_its_domain_and_owes_nothing() {
    let db = TestDb::with_demo_catalogue().await;
    let store = &db.database;
    let ann = db.customer("ann").credit("3.00").add().await;
    let id = place(store, &ann, &hosting("example.lt")).await;
    assert!(try_renew(store, &ann, id, &renewal(1), Unpaid::Accept).await.is_ok());
    terminate(store, id).await.unwrap();
    assert!(matches!(terminate(store, id).await, Err(Error::Refused(_))));
    let tasks = "select string_agg(operation || ' ' || state, ', ' order by id) from live.task";
    assert_eq!(db.value::<String>(tasks).await, "server_create cancelled, server_destroy queued");
    // Its renewal can't be paid any more: there is nothing left to renew.
    let owed = InvoiceId(invoices_of(store, id).await[1].id);
    for from in [PaidFrom::Outside, PaidFrom::Balance] {
        assert!(matches!(try_pay(store, owed, from).await, Err(Error::Refused(_))));
    }
    assert!(matches!(
        try_renew(store, &ann, id, &renewal(1), Unpaid::Accept).await.err(),
        Some(RenewFailure::UnknownOrder)
    ));
    let unpaid = place(store, &ann, &hosting("example.lt")).await;
    terminate(store, unpaid).await.unwrap();
    let owed = InvoiceId(invoices_of(store, unpaid).await[0].id);
    assert!(matches!(try_pay(store, owed, PaidFrom::Outside).await, Err(Error::Refused(_))));
    db.verify_books().await;
}

#[tokio::test]
async fn another_customer_s_order_is_not_there() {
    let db = TestDb::with_demo_catalogue().await;
    let store = &db.database;
    let ann = db.customer("ann").credit("100.00").add().await;
    let bob = db.customer("bob").credit("100.00").add().await;
    let id = place(store, &ann, &hosting("example.lt")).await;
    let renewed = try_renew(store, &bob, id, &renewal(1), Unpaid::Accept).await;
    assert!(matches!(renewed.err(), Some(RenewFailure::UnknownOrder)));
    let loaded = store.live.read(async |c| orders::load(c, bob.customer, id).await).await.unwrap();
    assert!(loaded.is_none());
    db.verify_books().await;
}
