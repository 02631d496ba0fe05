//! The same thing wanted by many at once: it happens as often as it may, and the books balance.

use std::collections::BTreeSet;

use domain::{
    billing::InvoiceId,
    field::Field,
    orders::{OrderId, PlaceError, PowerOperation, RenewError, RenewRequest, Unpaid},
};
use futures_util::future::join_all;
use store::{
    Database, Error,
    invoices::PaidFrom,
    orders::{Buyer, PlaceFailure, PowerFailure, RenewFailure},
    saved_answers::{self, Claimed, RequestClaim},
};
use testkit::TestDb;

use crate::acts::{
    balance, deposit, deposit_in, hosting, invoices_of, place, power, renewal, trial, try_pay, try_place, try_renew,
    vds,
};

/// So many at once.
const MANY: usize = 12;

/// Counts what was done, and collects why the rest was not.
fn sort<T, E>(outcomes: Vec<Result<T, E>>) -> (usize, Vec<E>) {
    let all = outcomes.len();
    let refusals: Vec<E> = outcomes.into_iter().filter_map(Result::err).collect();
    (all - refusals.len(), refusals)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_balance_for_five_orders_pays_for_five() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("11.50").bonus("5.00").add().await;
    let store = db.open(MANY);
    let place =
        async |at: usize| try_place(&store.live, &ann, &hosting(&format!("example{at}.lt")), Unpaid::Refuse).await;
    let (placed, refusals) = sort(join_all((0..MANY).map(place)).await);
    assert_eq!(placed, 5);
    for refusal in refusals {
        assert!(matches!(refusal, PlaceFailure::Decided(PlaceError::NotEnough)), "{refusal:?}");
    }
    assert_eq!(balance(&store, &ann).await, 150);
    db.verify_books().await;
}

/// The company's own accounts have a line of every journal; no journal may wait for another's there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_s_charges_and_deposits_wait_for_no_other_customer_s() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("10.00").add().await;
    let bob = db.customer("bob").credit("10.00").add().await;
    let store = db.open(2);
    // The company's accounts are there from the first journal on; making them is waited for.
    place(&store, &ann, &hosting("first.lt")).await;
    let unfinished = store.live.transaction("unfinished", async |tx| {
        deposit_in(tx, &ann, 100).await?;
        store::orders::place(tx, &ann, &hosting("example.lt"), Unpaid::Refuse).await?;
        // Each is given up when a row isn't free in time.
        deposit(&store.live, &bob, 200).await?;
        try_place(&store.live, &bob, &hosting("example.com"), Unpaid::Refuse).await
    });
    unfinished.await.unwrap();
    assert_eq!((balance(&store, &ann).await, balance(&store, &bob).await), (500, 900));
    db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_is_ordered_once() {
    let db = TestDb::with_demo_catalogue().await;
    let buyers = [db.customer("ann").credit("100.00").add().await, db.customer("bob").credit("100.00").add().await];
    let store = db.open(MANY);
    let place = async |at: usize| try_place(&store.live, &buyers[at % 2], &hosting("example.lt"), Unpaid::Refuse).await;
    let (placed, refusals) = sort(join_all((0..MANY).map(place)).await);
    assert_eq!(placed, 1);
    for refusal in refusals {
        assert!(matches!(refusal, PlaceFailure::Decided(PlaceError::DomainTaken)), "{refusal:?}");
    }
    assert_eq!(balance(&store, &buyers[0]).await + balance(&store, &buyers[1]).await, 19_700);
    db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tariff_for_once_is_had_once() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").add().await;
    let store = db.open(MANY);
    let place =
        async |at: usize| try_place(&store.live, &ann, &trial(&format!("example{at}.lt")), Unpaid::Refuse).await;
    let (placed, refusals) = sort(join_all((0..MANY).map(place)).await);
    assert_eq!(placed, 1);
    for refusal in refusals {
        assert!(matches!(refusal, PlaceFailure::Decided(PlaceError::HadOnce)), "{refusal:?}");
    }
    db.verify_books().await;
}

/// Orders a server under a requestid; the answer names the order.
async fn order_once(store: &Database, buyer: &Buyer, claim: &RequestClaim) -> Result<(bool, Vec<u8>), PlaceFailure> {
    store
        .live
        .transaction("order once", async |tx| match saved_answers::claim(tx, claim).await? {
            Claimed::First => {
                let placed = store::orders::place(tx, buyer, &vds(), Unpaid::Refuse).await?;
                let answer = format!("order {}", placed.id).into_bytes();
                saved_answers::save(tx, claim, &answer).await?;
                Ok((true, answer))
            }
            Claimed::Answered(answer) => Ok((false, answer)),
            Claimed::OtherParameters => panic!("the parameters are the same"),
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_requestid_is_answered_once_and_repeated_to_the_byte() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("1000.00").add().await;
    let store = db.open(MANY);
    let claim = RequestClaim { customer: ann.customer, request_id: "r-1".to_owned(), hash: [7; 32] };
    let answers = join_all((0..MANY).map(|_| order_once(&store, &ann, &claim))).await;
    let answers: Vec<(bool, Vec<u8>)> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|(first, _)| *first).count(), 1);
    assert_eq!(answers.iter().map(|(_, answer)| answer).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(db.value::<i64>("select count(*) from live.orders").await, 1);
    assert_eq!(balance(&store, &ann).await, 100_000 - 1_490);

    let other = RequestClaim { hash: [8; 32], ..claim.clone() };
    let claimed = store.live.transaction("claim", async |tx| saved_answers::claim(tx, &other).await).await.unwrap();
    assert_eq!(claimed, Claimed::OtherParameters);
    // Another customer's requestids are their own.
    let bob = db.customer("bob").add().await;
    let of_bob = RequestClaim { customer: bob.customer, ..claim.clone() };
    let of_bob =
        store.live.transaction("claim", async |tx| Ok::<_, Error>(saved_answers::claim(tx, &of_bob).await?)).await;
    assert_eq!(of_bob.unwrap(), Claimed::First);
    // After a day it is free again.
    db.run_sql("update live.saved_answer set created_at = now() - interval '25 hours'").await;
    assert!(order_once(&store, &ann, &claim).await.unwrap().0);
    db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_expects_a_day_is_made_once() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").add().await;
    let store = db.open(MANY);
    let order = place(&store, &ann, &hosting("example.lt")).await;
    let loaded = store.live.read(async |c| store::orders::load(c, ann.customer, order).await).await.unwrap();
    let until = loaded.unwrap().paid_until.unwrap();
    let request = RenewRequest { expect_todate: Field::Given(until), ..renewal(1) };
    let renewals = (0..MANY).map(|_| try_renew(&store, &ann, order, &request, Unpaid::Refuse));
    let (renewed, refusals) = sort(join_all(renewals).await);
    assert_eq!(renewed, 1);
    for refusal in refusals {
        let RenewFailure::Decided(RenewError::OtherDay(Some(day))) = refusal else { panic!("{refusal:?}") };
        assert!(day > until);
    }
    assert_eq!(balance(&store, &ann).await, 10_000 - 600);
    db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_is_paid_once_wherever_the_money_comes_from() {
    for from in [vec![PaidFrom::Outside], vec![PaidFrom::Balance], vec![PaidFrom::Outside, PaidFrom::Balance]] {
        let db = TestDb::with_demo_catalogue().await;
        let ann = db.customer("ann").add().await;
        let store = db.open(MANY);
        let order = place(&store, &ann, &hosting("example.lt")).await;
        let invoice = InvoiceId(invoices_of(&store, order).await[0].id);
        deposit(&store.live, &ann, 10_000).await.unwrap();
        let pay = async |at: usize| try_pay(&store, invoice, from[at % from.len()]).await;
        let (paid, refusals) = sort(join_all((0..MANY).map(pay)).await);
        assert_eq!(paid, 1, "{from:?}");
        assert!(refusals.iter().all(|refusal| matches!(refusal, Error::Refused(_))), "{refusals:?}");
        let charged = 10_000 - balance(&store, &ann).await;
        match from[..] {
            [PaidFrom::Outside] => assert_eq!(charged, 0),
            [PaidFrom::Balance] => assert_eq!(charged, 300),
            _ => assert!([0, 300].contains(&charged), "{charged}"),
        }
        assert_eq!(db.value::<i64>("select count(*) from live.task").await, 1);
        db.verify_books().await;
    }
}

/// Renews two orders in one transaction, in the order given.
async fn renew_both(store: &Database, buyer: &Buyer, both: [OrderId; 2]) -> Result<(), RenewFailure> {
    store
        .live
        .transaction("renew both", async |tx| {
            for id in both {
                store::orders::renew(tx, buyer, id, &renewal(1), Unpaid::Refuse).await?;
            }
            Ok(())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_lock_crosswise_all_come_through() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("500.00").add().await;
    let bob = db.customer("bob").credit("500.00").add().await;
    let store = db.open(MANY);
    let one = place(&store, &ann, &hosting("one.lt")).await;
    let other = place(&store, &ann, &hosting("other.lt")).await;
    let crosswise = async |at: usize| match at % 2 {
        0 => renew_both(&store, &ann, [one, other]).await,
        _ => renew_both(&store, &ann, [other, one]).await,
    };
    for outcome in join_all((0..4).map(crosswise)).await {
        outcome.unwrap();
    }
    assert_eq!(balance(&store, &ann).await, 50_000 - 600 - 4 * 600);
    // All that customers and staff do, at once, on the same rows.
    let medley = async |at: usize| match at % 4 {
        0 => try_renew(&store, &ann, one, &renewal(1), Unpaid::Refuse).await.map(drop).map_err(|e| format!("{e:?}")),
        1 => deposit(&store.live, &ann, 100).await.map_err(|e| format!("{e:?}")),
        2 => {
            let wanted = if at % 8 < 4 { PowerOperation::Suspend } else { PowerOperation::Unsuspend };
            match power(&store, &ann, other, wanted).await {
                // It may be so already.
                Ok(_) | Err(PowerFailure::Decided(_)) => Ok(()),
                Err(error) => Err(format!("{error:?}")),
            }
        }
        _ => {
            let request = hosting(&format!("medley{at}.lt"));
            try_place(&store.live, &bob, &request, Unpaid::Refuse).await.map(drop).map_err(|e| format!("{e:?}"))
        }
    };
    let outcomes: Result<Vec<()>, String> = join_all((0..24).map(medley)).await.into_iter().collect();
    outcomes.unwrap();
    assert_eq!(balance(&store, &ann).await, 50_000 - 600 - 4 * 600 - 6 * 300 + 6 * 100);
    assert_eq!(balance(&store, &bob).await, 50_000 - 6 * 300);
    db.verify_books().await;
}
