//! A run that dies anywhere, and many at once: the next completes it, and nothing is done twice.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use domain::{
    calendar::Months,
    field::Field,
    orders::{RenewRequest, Unpaid},
};
use futures_util::future::join_all;
use provisioner::{Biller, Ran};
use store::{RealmKind::Live, Tx, orders};
use tokio_postgres::Client;

use crate::bed::Bed;

/// Polls a future so often and then drops it, as a process that is killed there does. True when it ended before.
async fn killed_after<T>(polls: usize, work: impl Future<Output = T>) -> bool {
    let mut work = pin!(work);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        work.as_mut().poll(context).map(|_| true)
    })
    .await
}

/// A run of a process that is killed after so many polls, and whatever it held has been let go of. True when the run
/// ended before.
pub async fn killed_run(bed: &Bed, owner: &Client, polls: usize) -> bool {
    let biller = Biller::new(bed.live(), None);
    let ended = killed_after(polls, biller.run()).await;
    let open = "select count(*) from pg_stat_activity where datname = current_database() and xact_start is not null \
                and pid <> pg_backend_pid() and backend_type = 'client backend'";
    let deadline = Instant::now() + Duration::from_secs(20);
    while owner.query_one(open, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(Instant::now() < deadline, "the transactions of what was killed are still open");
        tokio::task::yield_now().await;
    }
    // Its lease runs out.
    let lapse = "update live.billing_run set claimed_until = now() - interval '1 second' where claimed_by is not null";
    owner.batch_execute(lapse).await.unwrap();
    ended
}

const ORDERS: usize = 12;

/// Six orders that renew by themselves, with the money for it, and six that nobody pays for; a month is over.
async fn company() -> Bed {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").credit("36.00").add().await;
    let eve = bed.db.customer("eve").credit("18.00").add().await;
    for n in 0..ORDERS / 2 {
        let id = bed.hosting(Live, &ann, &format!("ann{n}.lt"), 1).await;
        bed.auto_renew(id).await;
        bed.hosting(Live, &eve, &format!("eve{n}.lt"), 1).await;
    }
    bed.through(Live).await;
    bed.db.move_live_clock(36).await;
    bed
}

/// Each order was attended to exactly once.
async fn check(bed: &Bed) {
    for (what, expected) in [
        ("select count(*) from live.orders where state = 'suspended'", "6"),
        ("select count(*) from live.invoice where purpose = 'renewal' and status = 'paid' and total = 300", "6"),
        ("select count(*) from live.invoice where ahead and status = 'unpaid'", "6"),
        ("select count(*) from live.task where operation = 'server_suspend'", "6"),
        ("select sum(balance) from live.account where customer_id = 1", "0"),
        ("select count(*) from live.service_period", "18"),
    ] {
        assert_eq!(bed.text(what).await, expected, "{what}");
    }
    bed.db.verify_books().await;
}

#[tokio::test]
async fn a_run_that_is_killed_anywhere_is_completed_by_the_next_and_nothing_is_done_twice() {
    let bed = company().await;
    let (owner, mut polls) = (bed.db.owner().await, 1);
    while !killed_run(&bed, &owner, polls).await {
        polls += 1 + polls / 8;
    }
    assert!(polls > 20, "it was killed often: {polls}");
    bed.through(Live).await;
    check(&bed).await;
}

#[tokio::test]
async fn many_workers_and_customers_at_once_pay_for_no_day_twice() {
    let bed = company().await;
    let live = &bed.db.database.live;
    let runs = (0..6).map(|_| async { Biller::new(live, None).run().await.unwrap() });
    let buyer = orders::Buyer {
        customer: domain::customers::CustomerId(1),
        currency: domain::money::Currency::EUR,
        vat: domain::vat::VatStanding::fixed(domain::money::Percent::ZERO),
    };
    // The customer asks for the same month as the run, with the day that it believes to be paid for.
    let until: String = bed.text("select min(paid_until) from live.orders").await;
    let request = RenewRequest {
        period: Field::Given(Months::new(1).unwrap()),
        expect_todate: Field::Given(until.parse().unwrap()),
    };
    let ids: Vec<i64> = (0..ORDERS / 2).map(|n| i64::try_from(2 * n + 1).unwrap()).collect();
    let renewals = ids.into_iter().map(|id| {
        let request = request.clone();
        async move {
            let id = domain::orders::OrderId(id);
            let renew = async |tx: &mut Tx| orders::renew(tx, &buyer, id, &request, Unpaid::Refuse).await;
            drop(live.transaction("renew", renew).await);
        }
    });
    let (ran, _) = tokio::join!(join_all(runs), join_all(renewals));
    assert!(ran.iter().any(|ran| matches!(ran, Ran::Through { .. })), "{ran:?}");
    // What a customer held just then is left to the next run.
    bed.through(Live).await;
    check(&bed).await;
}
