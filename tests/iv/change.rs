//! server_change: its price by another's arithmetic, charged once or not at all, and what it means for renewal.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::Value;

use super::bed::Bed;
use crate::support::until;

const VDS: [(&str, &str); 4] = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];
/// The demo's periods, with their discounts in hundredths of a percent.
const PERIODS: [(i128, i128); 4] = [(1, 0), (3, 300), (6, 750), (12, 1000)];

/// A size: GHz, MB, GB, Mbps.
type Size = [i128; 4];

const BASE: Size = [2, 2048, 20, 20];

fn sizes() -> impl Strategy<Value = Size> {
    (2..=16_i128, 2048..=16384_i128, 20..=800_i128, 20..=400_i128)
        .prop_map(|(cpu, ram, quota, bandwidth)| [cpu, ram, quota, bandwidth])
}

/// What a change costs, in cents: all in one fraction, rounded half up once.
fn price(from: Size, to: Size, (months, discount): (i128, i128), left: i128, all: i128) -> i128 {
    let [cpu, ram, quota, bandwidth] = [0, 1, 2, 3].map(|at| to[at] - from[at]);
    // A GHz, 1024 MB: 100 cents. 10 GB: 50. 10 Mbps: 20. In 1024ths of a cent:
    let monthly = 1024 * (100 * cpu + 5 * quota + 2 * bandwidth) + 100 * ram;
    let (top, bottom) = (monthly * months * (10_000 - discount) * left, 1024 * 10_000 * all);
    if top <= 0 { 0 } else { (2 * top + bottom) / (2 * bottom) }
}

fn euros(cents: i128) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

async fn credit(bed: &Bed) -> i64 {
    let total = "select sum(balance)::bigint from live.account a join live.customer c on c.id = a.customer_id \
         where c.login = 'ann'";
    bed.app.db.value(total).await
}

/// Moves the paid interval so that `past` days of it are gone and `left` are to come.
async fn move_interval(bed: &Bed, id: &str, past: i128, left: i128) {
    let today = "(now() at time zone 'Europe/Vilnius')::date";
    let orders = format!(
        "update live.orders set start_day = {today} - {past}, paid_until = {today} + {left} where id = {id}; \
         update live.service_period set span = daterange({today} - {past}, {today} + {left}) where order_id = {id}"
    );
    bed.app.db.run_sql(&orders).await;
}

fn asked(id: &str, to: Size) -> Vec<(&'static str, String)> {
    let names = ["cpu", "ram", "quota", "bandwidth"];
    let sizes = names.into_iter().zip(to.map(|size| size.to_string()));
    sizes.chain([("id", id.to_owned())]).collect()
}

async fn ask(bed: &Bed, fields: &[(&'static str, String)], dry_run: bool) -> (u16, Value) {
    let mut all: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if dry_run {
        all.push(("dry_run", "1"));
    }
    bed.ann("server_change", &all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_price_is_that_of_the_contract() {
    let bed = Bed::new().await;
    let mut runner = TestRunner::deterministic();
    for period in PERIODS {
        let months = period.0.to_string();
        let order = [("vid", "vds"), ("tarifid", "10"), ("period", months.as_str()), ("addons", "20")];
        let id = bed.app.order_by("ann", &order).await;
        bed.app.db.run_sql(&format!("update live.orders set state = 'active' where id = {id}")).await;
        for _ in 0..40 {
            let inputs = (sizes(), sizes(), 0..400_i128, 1..400_i128);
            let (from, to, past, left) = inputs.new_tree(&mut runner).unwrap().current();
            let to = [to[0], to[1], to[2].max(from[2]), to[3]];
            let now = format!(
                "update live.server set cpu_ghz = {}, ram_mb = {}, disk_gb = {}, bandwidth_mbps = {} where order_id = {id}",
                from[0], from[1], from[2], from[3]
            );
            bed.app.db.run_sql(&now).await;
            move_interval(&bed, &id, past, left).await;
            let (status, body) = ask(&bed, &asked(&id, to), true).await;
            let cost = price(from, to, period, left, past + left);
            let shown = format!("{from:?} to {to:?}, {period:?}, {left} days of {} left", past + left);
            if cost > i128::from(credit(&bed).await) {
                assert_eq!(status, 409, "{shown}: {body}");
            } else {
                assert_eq!(body, serde_json::json!({ "cost": euros(cost), "currency": "EUR" }), "{shown}");
            }
        }
    }
    let written = "select count(*) from live.task where operation = 'server_change'";
    assert_eq!(bed.app.db.value::<i64>(written).await, 0, "a price was asked for, and something was done");
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_charged_once_and_what_it_costs_is_what_was_told() {
    let bed = Bed::new().await;
    let id = bed.app.running_order().await;
    move_interval(&bed, &id, 10, 20).await;
    let to = [5, 3000, 33, 47];
    let cost = price(BASE, to, PERIODS[0], 20, 30);
    let before = credit(&bed).await;
    let (_, told) = ask(&bed, &asked(&id, to), true).await;
    assert_eq!(told["cost"].as_str(), Some(&*euros(cost)));
    assert_eq!(credit(&bed).await, before, "a price was asked for, and something was charged");
    let (status, done) = ask(&bed, &asked(&id, to), false).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(i128::from(before - credit(&bed).await), cost);
    let (_, again) = ask(&bed, &asked(&id, to), false).await;
    assert_eq!(again, done, "the same again is the same task");
    assert_eq!(i128::from(before - credit(&bed).await), cost, "charged twice");
    let invoice = "select count(*), max(total) from live.invoice where purpose = 'change' and status = 'paid'";
    let row = bed.app.db.owner().await.query_one(invoice, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), i128::from(row.get::<_, i64>(1))), (1, cost));

    // A smaller plan costs nothing and brings nothing back; a disk can't shrink.
    let smaller = asked(&id, [2, 2048, 33, 20]);
    assert_eq!(ask(&bed, &smaller, true).await.1["cost"], "0.00");
    assert_eq!(ask(&bed, &smaller, false).await.0, 200);
    assert_eq!(i128::from(before - credit(&bed).await), cost);
    for dry_run in [true, false] {
        assert_eq!(ask(&bed, &asked(&id, [2, 2048, 32, 20]), dry_run).await.0, 400, "below the last accepted disk");
    }
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_balance_does_not_cover_is_not_done() {
    let bed = Bed::new().await;
    bed.app.db.customer("cara").credit("20.00").key("cara-key").api_user("cara-api", "cara-api-password").add().await;
    let id = bed.app.order_by("cara", &VDS).await;
    bed.app.db.run_sql(&format!("update live.orders set state = 'active' where id = {id}")).await;
    let all = "select (select string_agg(t::text, '|' order by id) from live.task t) || \
         (select string_agg(i::text, '|' order by id) from live.invoice i) || \
         (select string_agg(s::text, '|' order by order_id) from live.server s) || \
         (select string_agg(a::text, '|' order by a::text) from live.account a)";
    let before = bed.app.db.value::<String>(all).await;
    // The price is told also to whom it is too high.
    for (dry_run, expected) in [("0", 409), ("1", 200)] {
        let fields = [("id", id.as_str()), ("cpu", "16"), ("quota", "100"), ("dry_run", dry_run)];
        let (status, body) = bed.by("cara-api", "server_change", &fields).await;
        assert_eq!((status, body.get("cost").is_some()), (expected, dry_run == "1"), "{body}");
    }
    assert_eq!(bed.app.db.value::<String>(all).await, before);
    let within = [("id", id.as_str()), ("cpu", "4")];
    assert_eq!(bed.by("cara-api", "server_change", &within).await.0, 200);
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_once_from_many_it_is_charged_once() {
    let bed = Bed::new().await;
    let id = bed.app.running_order().await;
    move_interval(&bed, &id, 0, 30).await;
    let before = credit(&bed).await;
    let fields = asked(&id, [4, 2048, 20, 20]);
    let answers = futures_util::future::join_all((0..12).map(|_| ask(&bed, &fields, false))).await;
    assert!(answers.iter().all(|answer| answer == &answers[0] && answer.0 == 200), "{answers:?}");
    assert_eq!(before - credit(&bed).await, 200);
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_costs_what_the_changed_server_costs() {
    let bed = Bed::new().await;
    let id = bed.app.running_order().await;
    assert_eq!(bed.done("server_info", &[("id", &id)]).await["se_price"], "9.90");
    bed.queued("server_change", &[("id", &id), ("cpu", "5"), ("ram", "4096"), ("quota", "30"), ("bandwidth", "30")])
        .await;
    // 9.90 and 3.00, 2.00, 0.50, 0.20 more.
    assert_eq!(bed.done("server_info", &[("id", &id)]).await["se_price"], "15.60");
    let renewed = bed.app.ann("renewOrder", &[("orderid", &id), ("period", "1")]).await;
    assert_eq!(renewed["cost"], "15.60", "{renewed}");
    let renewed = bed.app.ann("renewOrder", &[("orderid", &id), ("period", "12")]).await;
    assert_eq!(renewed["cost"], "168.48", "{renewed}");
    bed.queued("server_change", &[("id", &id), ("cpu", "2"), ("ram", "2048")]).await;
    let renewed = bed.app.ann("renewOrder", &[("orderid", &id), ("period", "1")]).await;
    assert_eq!(renewed["cost"], "10.60", "{renewed}");
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_to_and_fro_are_done_in_their_order_and_end_as_asked() {
    let bed = Bed::new().await;
    let id = bed.made(&VDS).await;
    let mut queued = Vec::new();
    for cpu in ["4", "2", "4", "2"] {
        queued.push(bed.queued("server_change", &[("id", &id), ("cpu", cpu)]).await);
    }
    let mut distinct = queued.clone();
    distinct.dedup();
    assert_eq!(distinct.len(), 4, "each is a change of its own: {queued:?}");
    let worker = bed.app.worker();
    let size = format!("select cpu_ghz from live.simulated_server where order_id = {id}");
    let last = format!("select state = 'succeeded' from live.task where id = {}", queued[3]);
    until("the last change is done", async || bed.app.db.value::<bool>(&last).await).await;
    bed.until_idle().await;
    worker.stop().await.unwrap();
    assert_eq!(bed.app.db.value::<i32>(&size).await, 2);
    let order =
        "select string_agg(id::text, ',' order by completed_at) from live.task where operation = 'server_change'";
    assert_eq!(bed.app.db.value::<String>(order).await, queued.join(","));
    assert_eq!(bed.done("server_info", &[("id", &id)]).await["se_cpu"], "2");
    bed.app.db.verify_books().await;
}
