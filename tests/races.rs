//! Many at once, through the whole gateway: one effect, and the books balance.

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{App, code, until};

fn successes(answers: &[Value]) -> usize {
    answers.iter().filter(|a| code(a).is_none()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_for_k_orders_pays_for_exactly_k() {
    let app = App::new().await.racing();
    app.db.customer("ten").credit("30.50").key("ten-key").add().await;
    let strict = app.with(crate::support::dialect(gateway_http::faults::Dialect::Rootpanel));
    let names: Vec<String> = (0..24).map(|n| format!("d{n}.example")).collect();
    let answers = join_all(names.iter().map(|domain| {
        let fields =
            crate::support::as_customer("ten", "createOrder", &[("tarifid", "1"), ("period", "1"), ("domain", domain)]);
        let strict = strict.clone();
        async move { crate::support::call(&strict, &fields).await }
    }))
    .await;
    assert_eq!(successes(&answers), 10);
    assert!(answers.iter().filter(|a| code(a).is_some()).all(|a| code(a) == Some(31)));
    assert_eq!(app.by("ten", "getBalance", &[]).await["balance"], "0.50");
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_domain_one_trial_one_requestid() {
    let app = App::new().await.racing();
    let domain = [("tarifid", "1"), ("period", "1"), ("domain", "one.example")];
    let answers = join_all((0..12).map(|_| app.ann("createOrder", &domain))).await;
    assert_eq!(successes(&answers), 1);
    assert!(answers.iter().filter_map(code).all(|code| code == 14), "{answers:?}");

    let domains: Vec<String> = (0..12).map(|n| format!("t{n}.example")).collect();
    let trial =
        async |domain: &String| app.ann("createOrder", &[("tarifid", "2"), ("period", "1"), ("domain", domain)]).await;
    let answers = join_all(domains.iter().map(trial)).await;
    assert_eq!(successes(&answers), 1);
    assert!(answers.iter().filter_map(code).all(|code| code == 27), "{answers:?}");

    let same = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20"), ("requestid", "once")];
    let answers = join_all((0..12).map(|_| app.ann("createOrder", &same))).await;
    assert_eq!(successes(&answers), 12);
    assert!(answers.iter().all(|a| a == &answers[0]), "{answers:?}");
    assert_eq!(app.db.value::<i64>("select count(*) from live.orders where vid = 'vds'").await, 1);

    let order = answers[0]["orderid"].as_str().unwrap();
    let listed = app.ann("getOrders", &[("orderid", order)]).await;
    let day = listed["orders"][0]["todate"].as_str().unwrap();
    let renew = [("orderid", order), ("period", "1"), ("expect_todate", day)];
    let answers = join_all((0..12).map(|_| app.ann("renewOrder", &renew))).await;
    assert_eq!(successes(&answers), 1);
    assert!(answers.iter().filter_map(code).all(|code| code == 103), "{answers:?}");
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once_ends_and_balances() {
    let app = App::new().await.racing();
    let worker = app.worker();
    let orders = join_all((0..6).map(|_| app.running_order())).await;
    let commands = ["suspendOrder", "unSuspendOrder", "restartOrder", "reinstallOrder", "renewOrder", "suspendOrder"];
    let mut calls = Vec::new();
    for (at, order) in orders.iter().enumerate() {
        calls.extend(commands.iter().cycle().skip(at).take(12).map(|command| (*command, order.as_str())));
    }
    let one = async |(command, order): (&str, &str)| app.ann(command, &[("orderid", order), ("period", "1")]).await;
    let answers = join_all(calls.iter().map(|call| one(*call))).await;
    assert!(answers.iter().filter_map(code).all(|code| code == 21 || code == 22), "{answers:?}");
    // What waits for a suspended server is held.
    let left = "select count(*) from live.task t join live.orders o on o.id = t.order_id \
         where t.state <> 'succeeded' and not (t.state = 'queued' and t.rank = 1 and o.state = 'suspended')";
    until("every task has ended", async || app.db.value::<i64>(left).await == 0).await;
    let wrong = "select count(*) from live.simulated_server s join live.orders o on o.id = s.order_id \
         where s.running is distinct from (o.state = 'active')";
    assert_eq!(app.db.value::<i64>(wrong).await, 0, "a machine is not as its order says");
    worker.stop().await.unwrap();
    app.db.verify_books().await;
}
