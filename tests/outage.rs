//! The database goes away and comes back.

use std::time::{Duration, Instant};

use gateway_http::{GatewaySettings, faults::Fault};

use crate::support::{App, as_customer, call, code, until};

#[tokio::test(flavor = "multi_thread")]
async fn code_1_within_two_seconds_and_everything_again_once_it_is_back() {
    let app = App::new().await;
    let (proxy, database) = app.db.behind_proxy().await;
    let gateway = App::gateway_on(database, GatewaySettings::default());
    let balance = as_customer("ann", "getBalance", &[]);
    let order =
        as_customer("ann", "createOrder", &[("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")]);
    assert_eq!(code(&call(&gateway, &balance).await), None);
    for how in ["refused", "silent"] {
        match how {
            "refused" => proxy.refuse(),
            _ => proxy.go_silent(),
        }
        for fields in [&balance, &order] {
            let asked = Instant::now();
            let answer = call(&gateway, fields).await;
            assert_eq!(code(&answer), Some(Fault::NoDatabase.code()), "{how}: {answer}");
            assert!(asked.elapsed() < Duration::from_secs(2), "{how}: {:?}", asked.elapsed());
        }
        proxy.recover();
        until("the gateway has healed", async || code(&call(&gateway, &balance).await).is_none()).await;
    }
    assert_eq!(app.db.value::<i64>("select count(*) from live.orders").await, 0, "a refused order was written");
    assert_eq!(code(&call(&gateway, &order).await), None);
    app.db.verify_books().await;
}
