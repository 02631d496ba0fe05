//! What must stop the run does, before anybody is suspended; and a release lets pass what was seen.

use domain::dunning::{Finding, FindingKind};
use provisioner::{Biller, Ran};
use store::{RealmKind::Live, Tx, billing};
use uuid::Uuid;

use crate::bed::Bed;

/// So many orders, each of a month's hosting that nobody will renew; the run has seen them.
async fn company(orders: usize) -> Bed {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").credit("1000.00").add().await;
    for n in 0..orders {
        bed.hosting(Live, &ann, &format!("n{n}.lt"), 1).await;
    }
    bed.through(Live).await;
    bed
}

async fn suspended(bed: &Bed) -> i64 {
    bed.db.value("select count(*) from live.orders where state in ('suspended', 'terminated')").await
}

async fn release(bed: &Bed) {
    let release = async |tx: &mut Tx| billing::release(tx, "tom", "looked at it").await;
    bed.db.database.live.transaction("release", release).await.unwrap();
}

fn held(ran: Ran) -> Vec<FindingKind> {
    match ran {
        Ran::Held(findings) => findings.iter().map(|f| f.kind).collect(),
        other => panic!("not held: {other:?}"),
    }
}

#[tokio::test]
async fn a_process_that_was_frozen_for_three_days_asks_first() {
    let bed = company(2).await;
    bed.db.move_live_clock(40).await;
    bed.db.run_sql("update live.billing_run set last_at = now() - interval '3 days'").await;
    assert_eq!(held(bed.run(Live).await), [FindingKind::LongGap]);
    assert_eq!(held(bed.run(Live).await), [FindingKind::LongGap], "it stays so");
    assert_eq!(suspended(&bed).await, 0);
    release(&bed).await;
    assert_eq!(bed.through(Live).await.suspended, 2);
    assert_eq!(bed.through(Live).await.terminated, 0, "whoever was suspended now is kept from now on");
}

#[tokio::test]
async fn a_clock_a_year_ahead_and_back_suspends_nobody() {
    let bed = company(2).await;
    bed.db.move_live_clock(365).await;
    bed.db.run_sql("update live.billing_run set last_at = last_at - interval '365 days'").await;
    assert_eq!(held(bed.run(Live).await), [FindingKind::LongGap]);
    bed.db.move_live_clock(-365).await;
    bed.db.run_sql("update live.billing_run set last_at = last_at + interval '365 days'").await;
    assert_eq!(held(bed.run(Live).await), [FindingKind::LongGap], "a person looks first");
    release(&bed).await;
    bed.through(Live).await;
    assert_eq!(suspended(&bed).await, 0);
    bed.db.run_sql("update live.billing_run set last_at = now() + interval '1 hour'").await;
    assert_eq!(held(bed.run(Live).await), [FindingKind::ClockBack]);
}

#[tokio::test]
async fn a_clock_that_differs_from_what_the_process_counted_asks_first() {
    let bed = company(1).await;
    let live = &bed.db.database.live;
    let expected = |hours| {
        live.transaction("begin", async move |tx: &mut Tx| {
            let now = tx.now().checked_add(jiff::SignedDuration::from_hours(hours)).unwrap();
            billing::begin(tx, Uuid::nil(), Some(now)).await
        })
    };
    assert!(matches!(expected(0).await.unwrap(), billing::Begun::Round { .. }));
    match expected(-1).await.unwrap() {
        billing::Begun::Held { findings, new, .. } => {
            assert!(new);
            assert_eq!(findings.iter().map(|f| f.kind).collect::<Vec<_>>(), [FindingKind::ClockJump]);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn payments_that_stopped_ask_first_and_a_release_is_for_that_day_only() {
    let bed = company(2).await;
    let deposits = "do $$ begin for n in 1..150 loop perform live.post('deposit', 'movement', nextval('live.movement_id'), \
        0, 1, '', array[live.open_account(1, 'credit', 'EUR'), live.open_account(null, 'cash', 'EUR')], array[1, -1]); \
        end loop; end $$";
    bed.db.run_sql(&format!("set search_path to live, catalogue; {deposits}")).await;
    bed.db.move_live_clock(28).await;
    // Deposits of 28 days ago are in the weeks before the span.
    assert_eq!(held(bed.run(Live).await), [FindingKind::PaymentsStopped]);
    assert_eq!(suspended(&bed).await, 0);
    release(&bed).await;
    bed.through(Live).await;
    bed.db.move_live_clock(1).await;
    assert_eq!(held(bed.run(Live).await), [FindingKind::PaymentsStopped], "it is another day");
    assert_eq!(bed.text("select count(*) from live.billing_release").await, "1");
}

#[tokio::test]
async fn many_ends_on_one_day_ask_first_and_more_than_was_released_asks_again() {
    let bed = company(30).await;
    bed.db.run_sql("update live.orders set paid_until = paid_until + 10 where id > 24").await;
    bed.db.move_live_clock(36).await;
    assert_eq!(bed.run(Live).await, Ran::Held(vec![Finding { kind: FindingKind::TooManyEnds, extent: 24 }]));
    assert_eq!(suspended(&bed).await, 0);
    release(&bed).await;
    bed.db.run_sql("update live.orders set paid_until = paid_until - 10 where id > 24").await;
    assert_eq!(bed.run(Live).await, Ran::Held(vec![Finding { kind: FindingKind::TooManyEnds, extent: 30 }]));
    release(&bed).await;
    assert_eq!(bed.through(Live).await.suspended, 30);
    assert_eq!(bed.through(Live).await.suspended, 0, "what was done counts, and nothing is left to be stopped");
}

#[tokio::test]
async fn failing_tasks_ask_first() {
    let bed = company(8).await;
    bed.db.move_live_clock(40).await;
    bed.db.run_sql("update live.task set state = 'failed', completed_at = now()").await;
    assert_eq!(held(bed.run(Live).await), [FindingKind::TasksFail]);
    assert_eq!(suspended(&bed).await, 0, "a hypervisor that can't suspend can't resume either");
    // They were mended meanwhile: it is for a person to say so all the same.
    bed.db.run_sql("update live.task set state = 'succeeded'").await;
    assert_eq!(held(bed.run(Live).await), [FindingKind::TasksFail]);
    assert_eq!(suspended(&bed).await, 0);
    release(&bed).await;
    assert_eq!(bed.through(Live).await.suspended, 8);
}

#[tokio::test]
async fn hooks_that_fail_until_staff_have_them_ask_first() {
    let bed = company(8).await;
    bed.db.move_live_clock(40).await;
    bed.db.run_sql("update live.task set state = 'manual', attempt = max_attempts, run_at = now()").await;
    assert_eq!(held(bed.run(Live).await), [FindingKind::TasksFail]);
    assert_eq!(suspended(&bed).await, 0);
}

#[tokio::test]
async fn staff_stop_it_and_a_round_under_way_ends_soon() {
    let bed = company(2).await;
    let worker = Uuid::from_u128(1);
    let live = &bed.db.database.live;
    let begun = live.transaction("begin", async |tx| billing::begin(tx, worker, None).await).await.unwrap();
    let billing::Begun::Round { round, .. } = begun else { panic!("{begun:?}") };
    assert_eq!(Biller::new(live, None).run().await.unwrap(), Ran::Elsewhere, "a worker has it in hand");
    live.transaction("hold", async |tx| billing::hold(tx).await).await.unwrap();
    let progress = live.transaction("progress", async |tx| billing::progress(tx, &round, &Default::default()).await);
    assert!(!progress.await.unwrap());
    live.transaction("leave", async |tx| billing::leave(tx, &round).await).await.unwrap();
    assert_eq!(held(bed.run(Live).await), [FindingKind::Staff]);
    release(&bed).await;
    bed.through(Live).await;
    let again = live.transaction("release", async |tx| billing::release(tx, "tom", "again").await).await;
    assert!(matches!(again, Err(store::Error::Refused(_))), "there is nothing to release");
}
