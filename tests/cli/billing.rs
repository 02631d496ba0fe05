//! The billing run in real processes: killed anywhere, frozen in the middle, held and released.

use super::bed::Bed;
use crate::support::until;

/// So many orders renew by themselves, and as many are past their grace.
const EACH: i64 = 60;

/// A company whose run has all of that to do, and whose interlock does not wonder at it.
async fn company() -> Bed {
    let bed = Bed::new().with("BILLING__INTERLOCK__ENDS_FLOOR", "1000");
    bed.json(&["demo", "load"]).await;
    let found = format!(
        "set search_path to live, catalogue; \
         insert into orders (customer_id, tariff_id, vid, once_only, domain_ascii, domain_unicode, months, state, by_hand, \
             start_day, paid_until, anchor_day, auto_renew) \
           select c.id, 1, 'hosting', false, 'k' || n || '.lt', 'k' || n || '.lt', 1, 'active', false, u - 31, u, \
             extract(day from u), n <= {EACH} \
           from customer c, generate_series(1, 2 * {EACH}) n, \
             lateral (select (live.realm_now() at time zone 'Europe/Vilnius')::date \
               + case when n <= {EACH} then 2 else -5 end as u) d where c.login = 'demo'; \
         insert into invoice (customer_id, order_id, purpose, months, status, currency, total, vat_points, prices, paid_at) \
           select o.customer_id, o.id, 'order', 1, 'paid', 'EUR', 0, 0, 'gross', now() from orders o \
           where domain_ascii ~ '^k'; \
         insert into service_period (order_id, invoice_id, span) \
           select o.id, i.id, daterange(o.start_day, o.paid_until) from orders o join invoice i on i.order_id = o.id \
           where domain_ascii ~ '^k'"
    );
    let serving = bed.serve(&[]).await;
    bed.owner().await.batch_execute(&found).await.unwrap();
    assert_eq!(serving.stop().await.code, Some(0));
    bed
}

/// Renewals and suspensions so far.
const DONE: &str = "select (select count(*) from live.invoice i join live.orders o on o.id = i.order_id \
      where i.purpose = 'renewal' and i.status = 'paid' and o.domain_ascii ~ '^k') \
    + (select count(*) from live.orders where state = 'suspended' and domain_ascii ~ '^k')";

/// The lease of whoever died runs out.
const LAPSE: &str =
    "update live.billing_run set claimed_until = now() - interval '1 second' where claimed_by is not null";

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_at_any_moment_of_the_run_leaves_nothing_half_done_or_done_twice() {
    let seed = std::env::var("VARTAI_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut seed: u64 = seed.unwrap_or_else(|| getrandom::u64().unwrap());
    println!("VARTAI_TEST_SEED={seed}");
    let mut dice = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((seed >> 33) % bound).unwrap()
    };
    let bed = company().await;
    // The cluster is kept running by one that does nothing.
    let serving = bed.serve(&[]).await;
    let owner = bed.owner().await;
    let count = async |sql: &str| owner.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    let mut kills = 0;
    loop {
        let before = count(DONE).await;
        if before == 2 * EACH {
            break;
        }
        let target = (before + 1 + dice(25)).min(2 * EACH);
        owner.batch_execute(LAPSE).await.unwrap();
        let worker = bed.start(&["worker"]);
        until("the run has come so far", async || count(DONE).await >= target).await;
        worker.kill();
        kills += 1;
        assert!(kills <= 2 * EACH, "seed {seed}: each run should have done something");
    }
    println!("{kills} kills");
    assert!(kills > 3, "it was hardly killed");
    owner.batch_execute(LAPSE).await.unwrap();
    let ran = bed.json(&["billing", "run"]).await;
    assert_eq!((&ran["state"], &ran["tally"]["failed"]), (&"through".into(), &0.into()), "{ran}");
    for (what, expected) in [
        (DONE, 2 * EACH),
        (
            "select count(*) from (select order_id from live.invoice where purpose = 'renewal' and status = 'paid' \
            group by order_id having count(*) > 1) twice",
            0,
        ),
        (
            "select count(*) from live.orders where auto_renew and domain_ascii ~ '^k' and paid_until > current_date + 25",
            EACH,
        ),
        (
            "select count(*) from live.task t join live.orders o on o.id = t.order_id \
            where operation = 'server_suspend' and domain_ascii ~ '^k'",
            EACH,
        ),
        (
            "select count(*) from (select order_id from live.invoice where ahead group by order_id having count(*) > 1) twice",
            0,
        ),
        (
            "select 10000000 + 2500 - sum(balance)::bigint from live.account a join live.customer c on c.id = a.customer_id \
            where c.login = 'demo'",
            EACH * 300,
        ),
    ] {
        assert_eq!(count(what).await, expected, "{what}");
    }
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    assert_eq!(serving.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_frozen_for_three_days_suspends_nobody_and_the_doctor_says_what_to_do() {
    let bed = company().await;
    let serving = bed.serve(&[]).await;
    let owner = bed.owner().await;
    let count = async |sql: &str| owner.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    let worker = bed.start(&["worker"]);
    until("the run is in the middle", async || count(DONE).await >= 3).await;
    worker.signal("STOP");
    let frozen = count(DONE).await;
    assert!(frozen < 2 * EACH, "the run was over before: nothing is tested");
    // Three days pass: those who were to be suspended paid meanwhile, others came to be overdue, and who paid for them
    // nobody recorded, for the worker stood still.
    owner
        .batch_execute(
            "create or replace function live.realm_now() returns timestamptz stable \
               return now() + interval '72 hours'; \
             update live.billing_run set last_at = now() - interval '72 hours', \
               claimed_until = now() - interval '70 hours'; \
             update live.orders set paid_until = paid_until - 3 where not auto_renew and state = 'active'",
        )
        .await
        .unwrap();
    let suspended = "select count(*) from live.orders where state = 'suspended' and domain_ascii ~ '^k'";
    let before = count(suspended).await;
    worker.signal("CONT");
    until("the worker has seen that its day is over", async || {
        count("select coalesce(sum(failed), 0)::bigint from live.billing_day").await > 0
            || worker.logged().contains("an order can't be billed")
            || worker.logged().contains("stands still until staff release it")
    })
    .await;
    let held = bed.run(&["billing", "run"]).await;
    assert_eq!(held.code, Some(1), "{held:?}");
    assert!(held.stderr.contains("the last run is 72 hours ago"), "{held:?}");
    // What was under way in that moment was decided before.
    assert!(count(suspended).await <= before + 4, "it suspended after three days without having asked");
    let doctor = bed.run(&["doctor"]).await;
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    let told = doctor.stdout;
    assert!(told.contains("the billing run of the realm live has been held since"), "{told}");
    assert!(told.contains("vartai billing release --realm live --note"), "{told}");

    bed.json(&["billing", "release", "--note", "a host was frozen", "--by", "tom"]).await;
    owner.batch_execute(LAPSE).await.unwrap();
    let ran = bed.json(&["billing", "run"]).await;
    assert_eq!(ran["state"], "through", "{ran}");
    assert_eq!(count(suspended).await, EACH);
    assert_eq!(count("select count(*) from live.orders where state = 'terminated' and domain_ascii ~ '^k'").await, 0);
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    assert_eq!(worker.stop().await.code, Some(0));
    assert_eq!(serving.stop().await.code, Some(0));
}
