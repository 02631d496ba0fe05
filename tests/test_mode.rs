//! Test mode of a customer's own login: a realm that nobody else sees, whose clock its owner moves (CONTRACT 1.6).

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use serde_json::Value;
use store::{
    clock,
    customers::{self, turn_off},
    db::{migrate, pending_migrations},
};

use crate::support::{App, as_customer, call, code, in_test_mode, until, until_within};

const HOSTING: [(&str, &str); 3] = [("tarifid", "1"), ("period", "1"), ("domain", "mine.example")];
const SERVER: [(&str, &str); 4] = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];

async fn status(app: &App, order: &str) -> Value {
    app.own("ann", "getOrders", &[("orderid", order)]).await["orders"][0]["status"].clone()
}

/// The clock moves on, and the billing run comes up with it.
async fn advance(app: &App, by: &str) {
    let moved = app.own("ann", "advanceClock", &[("advance", by)]).await;
    assert_eq!(code(&moved), None, "{moved}");
    let (patience, pause) = (Duration::from_secs(240), Duration::from_millis(50));
    until_within(patience, "all days are billed", pause, async || {
        let told = app.own("ann", "advanceClock", &[]).await;
        told["billed"] == told["today"]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reseller_lives_through_dunning_in_its_own_realm_and_nobody_else_notices() {
    let app = App::new().await;
    for login in ["ann", "ben"] {
        app.test_mode(login).await;
    }
    let worker = app.worker();
    let placed = app.own("ann", "createOrder", &SERVER).await;
    assert_eq!((code(&placed), &placed["balance"]), (None, &Value::from("1000.00")), "{placed}");
    let order = placed["orderid"].as_str().unwrap().to_owned();
    until("the order runs", async || status(&app, &order).await == "1").await;
    assert_eq!(code(&app.own("ann", "createOrder", &HOSTING).await), None);

    advance(&app, "40d").await;
    assert_eq!(status(&app, &order).await, "2", "a month that nobody renewed, and days of grace");
    assert_eq!(code(&app.own("ann", "renewOrder", &[("orderid", &order), ("period", "3")]).await), None);
    assert_eq!(status(&app, &order).await, "1");
    advance(&app, "150d").await;
    assert_eq!(code(&app.own("ann", "getOrders", &[]).await), Some(26), "both have ended");

    assert_eq!(code(&app.own("ben", "getOrders", &[]).await), Some(26));
    for login in ["ann", "ben", "test"] {
        assert_eq!(code(&app.by(login, "getOrders", &[]).await), Some(26), "{login}");
        assert_eq!(code(&app.by(login, "advanceClock", &[("advance", "1d")]).await), Some(8), "{login}");
        assert_eq!(code(&app.by(login, "advanceClock", &[]).await), Some(8), "{login}");
    }
    let today = |told: &Value| told["today"].as_str().unwrap().parse::<jiff::civil::Date>().unwrap();
    let [ann, ben] = [app.own("ann", "advanceClock", &[]).await, app.own("ben", "advanceClock", &[]).await];
    let ahead = today(&ben).until(today(&ann)).unwrap().get_days();
    assert!((189..=191).contains(&ahead), "{ann} {ben}");
    let test = app.db.database.test.read(async |conn| clock::show(conn).await).await.unwrap();
    assert_eq!(test.ahead_seconds(), 0);
    let untouched = "select (select count(*) from live.orders) + (select count(*) from test.orders) \
                     + (select count(*) from live.task) + (select count(*) from live.journal where kind = 'charge')";
    assert_eq!(app.db.value::<i64>(untouched).await, 0);
    worker.stop().await.unwrap();
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_of_an_own_realm_is_can_do_nothing_in_another() {
    let app = App::new().await;
    let (ann, ben) = (app.test_mode("ann").await.name, app.test_mode("ben").await.name);
    let mut config = app.db.settings.owner.clone();
    config.user("vartai_own");
    let (session, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let refused = async |attempt: &str| {
        let refused = session.batch_execute(attempt).await.unwrap_err();
        assert_eq!(refused.code().map(tokio_postgres::error::SqlState::code), Some("42501"), "{attempt}: {refused:?}");
    };
    // Until it has become somebody it is nobody.
    refused(&format!("select * from {ann}.orders")).await;
    session.batch_execute(&format!("set role vartai_{ann}; select * from {ann}.orders")).await.unwrap();
    for schema in [ben.as_str(), "live", "test"] {
        refused(&format!("select * from {schema}.orders")).await;
        refused(&format!("insert into {schema}.customer (login, currency) values ('x', 'EUR')")).await;
    }
    refused(&format!("select {ann}.post('deposit', 'movement', 1, 0, 1, '', '{{1,2}}', '{{5,-5}}')")).await;
    refused("update catalogue.revision set note = ''").await;
    refused("set role vartai_live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_customer_s_own_key_opens_it_and_only_while_it_is_in_force() {
    let app = App::new().await;
    for login in ["ann", "ben", "closed", "fenced"] {
        app.test_mode(login).await;
    }
    let with = async |login: &str, key: &str| {
        let fields = [("command", "getBalance"), ("login", login), ("apikey", key)];
        code(&call(&app.gateway, &fields.map(|(name, value)| (name, value.to_owned()))).await)
    };
    assert_eq!(with("ann", "test_ann").await, None);
    for (login, key, expected) in [
        ("ann", "test_ben", 7),
        ("ann", "test_", 7),
        ("ann", "test_ ann", 7),
        ("ann", "vk_test_ann", 7),
        ("ben", "test_ann", 7),
        ("poor", "test_ann", 7),
        ("test", "test_ann", 7),
        ("nobody", "test_ann", 4),
        ("closed", "test_closed", 5),
        ("fenced", "test_fenced", 54),
    ] {
        assert_eq!(with(login, key).await, Some(expected), "{login} {key}");
    }
    let as_password = [("command", "getBalance"), ("login", "ann"), ("pass", "test_ann")];
    assert_eq!(code(&call(&app.gateway, &as_password.map(|(n, v)| (n, v.to_owned()))).await), Some(7));

    // A new key takes the old one's place, and the realm stays.
    assert_eq!(code(&app.own("ann", "createOrder", &SERVER).await), None);
    let found = app.db.database.live.read(async |conn| customers::by_login(conn, "ann").await).await.unwrap();
    let digest = gateway_http::auth::keys::digest("test_new");
    let key = customers::NewTestKey { digest: &digest, hint: "test_", days: 1 };
    customers::turn_on(&app.db.database, found.customer(), &key).await.unwrap();
    assert_eq!(with("ann", "test_ann").await, Some(7));
    assert_eq!(with("ann", "test_new").await, None);
    let orders = [("command", "getOrders"), ("login", "ann"), ("apikey", "test_new")];
    let orders = call(&app.gateway, &orders.map(|(n, v)| (n, v.to_owned()))).await;
    assert_eq!(orders["orders"].as_array().map(Vec::len), Some(1), "{orders}");

    app.db.run_sql("update live.own_realm set expires_at = now()").await;
    assert_eq!(with("ann", "test_new").await, Some(7), "it has expired");
    assert_eq!(with("ann", "ann-key").await, None, "which is no concern of the other key");
}

async fn own_schemas(app: &App) -> BTreeSet<String> {
    let names = "select array(select nspname::text from pg_namespace where nspname like 'own\\_%')";
    app.db.value::<Vec<String>>(names).await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_taken_out_and_what_is_old_is_swept() {
    let app = App::new().await;
    let (ann, ben, poor) =
        (app.test_mode("ann").await.name, app.test_mode("ben").await.name, app.test_mode("poor").await.name);
    for login in ["ann", "ben"] {
        assert_eq!(code(&app.own(login, "createOrder", &SERVER).await), None);
        assert_eq!(code(&app.own(login, "createOrder", &HOSTING).await), None);
    }
    let sweep = async || customers::sweep_test_modes(&app.db.database).await.unwrap();
    assert_eq!(sweep().await, 0);
    app.db.run_sql(&format!("update {ann}.orders set entered_at = now() - interval '25 hours' where id = 1")).await;
    assert_eq!(sweep().await, 1);
    assert_eq!(app.own("ann", "getOrders", &[]).await["orders"].as_array().map(Vec::len), Some(1));

    let found = app.db.database.live.read(async |conn| customers::by_login(conn, "ben").await).await.unwrap();
    app.db.database.live.transaction("off", async |tx| turn_off(tx, found.customer()).await).await.unwrap();
    assert_eq!(code(&app.own("ben", "getOrders", &[]).await), Some(7), "at once");
    app.db.run_sql(&format!("update live.own_realm set expires_at = now() where name = '{poor}'")).await;
    assert_eq!(sweep().await, 2);
    assert_eq!(own_schemas(&app).await, BTreeSet::from([ann.clone()]));
    let roles = format!("select count(*) from pg_roles where rolname in ('vartai_{ben}', 'vartai_{poor}')");
    assert_eq!(app.db.value::<i64>(&roles).await, 0);
    // Switched on again it is another one, with nothing in it.
    let again = app.test_mode("ben").await.name;
    assert_ne!(again, ben);
    assert_eq!(code(&app.own("ben", "getOrders", &[]).await), Some(26));
    assert_eq!(code(&app.ann("createOrder", &SERVER).await), None, "the catalogue is not held");
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_switched_on_while_others_are_swept_keeps_what_it_has() {
    let app = App::new().await;
    let database = &app.db.database;
    let logins = ["ann", "ben", "poor"];
    let sweeps = (0..3).map(|_| async {
        for _ in 0..3 {
            customers::sweep_test_modes(database).await.unwrap();
        }
    });
    // Twice each, at once: one realm a customer comes of it.
    let on = logins.iter().chain(&logins).map(|login| app.test_mode(login));
    let (_, modes) = tokio::join!(join_all(sweeps), join_all(on));
    let names: BTreeSet<String> = modes.into_iter().map(|mode| mode.name).collect();
    assert_eq!(names.len(), logins.len());
    customers::sweep_test_modes(database).await.unwrap();
    assert_eq!(own_schemas(&app).await, names);
    for login in logins {
        assert_eq!(code(&app.own(login, "createOrder", &SERVER).await), None, "{login}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_is_moved_within_bounds_however_many_do_it_at_once() {
    let app = App::new().await;
    app.test_mode("ann").await;
    for wrong in ["0d", "-1d", "1", "d", "3661d", "99999999999999999d", "yesterday"] {
        assert_eq!(code(&app.own("ann", "advanceClock", &[("advance", wrong)]).await), Some(102), "{wrong}");
    }
    let moves = (0..8).map(|_| app.own("ann", "advanceClock", &[("advance", "2000d")]));
    let moved = join_all(moves).await;
    assert_eq!(moved.iter().filter(|moved| code(moved).is_none()).count(), 1, "{moved:?}");
    // Sent again under its name it is done once.
    let named = in_test_mode("ann", "advanceClock", &[("advance", "100d"), ("requestid", "a-week")]);
    let told = join_all((0..4).map(|_| call(&app.gateway, &named))).await;
    assert!(told.iter().all(|one| *one == told[0] && code(one).is_none()), "{told:?}");
    let realm: String = app.db.value("select name from live.own_realm").await;
    let ahead = format!("select ahead_seconds from {realm}.clock");
    assert_eq!(app.db.value::<i64>(&ahead).await, 2100 * 86_400);
}

#[tokio::test(flavor = "multi_thread")]
async fn own_realms_are_brought_up_to_date_with_the_others() {
    let app = App::new().await;
    let realm = app.test_mode("ann").await.name;
    assert_eq!(pending_migrations(&app.db.settings).await.unwrap(), Vec::<String>::new());
    app.db
        .run_sql(&format!(
            "drop table {realm}.own_realm; delete from {realm}.__diesel_schema_migrations where version = '0040'; \
             revoke all on {realm}.orders from vartai_{realm}"
        ))
        .await;
    assert_eq!(pending_migrations(&app.db.settings).await.unwrap(), [format!("{realm} 0040_own_realms")]);
    assert_eq!(code(&app.own("ann", "createOrder", &SERVER).await), Some(2));
    migrate(&app.db.settings).await.unwrap();
    assert_eq!(code(&app.own("ann", "createOrder", &SERVER).await), None);
    let strangers = as_customer("ann", "getOrders", &[]);
    assert_eq!(code(&call(&app.gateway, &strangers).await), Some(26));
}
