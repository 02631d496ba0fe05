//! login=test: the same commands, another world (CONTRACT 1.6).

use crate::support::{App, code, until};

#[tokio::test(flavor = "multi_thread")]
async fn costs_are_shown_and_nothing_is_charged() {
    let app = App::new().await;
    let worker = app.worker();
    let balance = async || app.by("test", "getBalance", &[]).await["balance"].clone();
    assert_eq!(balance().await, "1000.00");
    let fields =
        [("vid", "vds"), ("tarifid", "10"), ("period", "12"), ("addons", "20,22:8"), ("domain", "same.example")];
    let placed = app.by("test", "createOrder", &fields).await;
    assert_eq!(
        (code(&placed), placed["cost"].as_str(), placed["balance"].as_str()),
        (None, Some("241.52"), Some("1000.00"))
    );
    let order = placed["orderid"].as_str().unwrap().to_owned();
    until("the test order runs", async || {
        app.by("test", "getOrders", &[("orderid", &order)]).await["orders"][0]["status"] == "1"
    })
    .await;
    assert_eq!(code(&app.by("test", "renewOrder", &[("orderid", &order), ("period", "24")]).await), None);
    assert_eq!(balance().await, "1000.00");

    let dear = [("vid", "dedicated"), ("tarifid", "30"), ("period", "12")];
    let catalogue = {
        let mut catalogue = testkit::TestDb::demo_catalogue();
        let dear = catalogue.tariffs.iter_mut().find(|t| t.id.0 == 30).unwrap();
        dear.monthly = domain::money::Money::parse("200.00", catalogue.base).unwrap();
        catalogue
    };
    app.db.apply_catalogue(&catalogue).await;
    assert_eq!(code(&app.by("test", "createOrder", &dear).await), Some(31));

    // The same domain is free in the other world, and nothing of this one is seen there.
    assert_eq!(code(&app.ann("createOrder", &fields).await), None);
    let theirs = app.ann("getOrders", &[]).await["orders"].as_array().unwrap().len();
    assert_eq!(theirs, 1);
    assert_eq!(app.db.value::<i64>("select count(*) from test.journal").await, 0);
    assert_eq!(app.db.value::<i64>("select count(*) from live.journal where kind = 'charge'").await, 1);
    worker.stop().await.unwrap();
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_test_realms_role_can_do_nothing_to_the_live_one() {
    let app = App::new().await;
    let role = app.db.role(store::RealmKind::Test).await;
    for attempt in [
        "select * from live.customer",
        "select * from live.orders",
        "update live.account set balance = 1",
        "insert into live.task (order_id, operation, state) values (1, 'server_destroy', 'queued')",
        "select live.post('deposit', 'movement', 1, 0, 1, '', '{1,2}', '{5,-5}')",
        "select test.post('deposit', 'movement', 1, 0, 1, '', '{1,2}', '{5,-5}')",
        "set role vartai_live",
        "set session authorization vartai_live",
        "update catalogue.revision set note = ''",
        "create table test.mine ()",
    ] {
        let refused = role.batch_execute(attempt).await.unwrap_err();
        let state = refused.code().map(tokio_postgres::error::SqlState::code);
        assert!(matches!(state, Some("42501" | "LD001")), "{attempt}: {refused:?}");
    }
}
