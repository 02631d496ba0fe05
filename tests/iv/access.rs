//! Who is let in, in which language the rest is refused, and what happens without a database.

use std::time::{Duration, Instant};

use domain::language::Language;
use gateway_http::{auth::AuthSettings, request::Fields};
use iv_json::{ApiSettings, fault::Fault};

use super::bed::{Bed, Said, api_on, as_nick, get_from, said, settings};
use crate::support::{HERE, until};

async fn version(bed: &Bed, nick: &str, password: &str) -> Said {
    let fields: Fields = [("command", "version"), ("nick", nick), ("password", password)].into_iter().collect();
    said(&bed.api.answer(&fields, HERE).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_api_users_are_let_in() {
    let bed = Bed::new().await;
    let cara = bed.app.db.customer("cara").password("cara-password").sub_user("helper", "Helper", "helper-password");
    let cara = cara.sub_user("lower", "api", "lower-password").api_user("cara-api", "cara-api-password").add().await;
    assert_eq!(version(&bed, "cara-api", "cara-api-password").await.0, 200);
    assert_eq!(version(&bed, "test", "test").await.0, 200);
    let refused = [
        ("cara", "cara-password"),
        ("helper", "helper-password"),
        ("lower", "lower-password"),
        ("cara-api", "wrong"),
        ("cara-api", "ann-api-password"),
        ("Cara-api", "cara-api-password"),
        ("nobody", "cara-api-password"),
        ("cara-api", ""),
        ("", "cara-api-password"),
        ("cara\u{0}-api", "cara-api-password"),
        ("test", "wrong"),
    ];
    for (nick, password) in refused {
        let (status, body) = version(&bed, nick, password).await;
        assert_eq!((status, body["error"].as_str()), (401, Some(&*Fault::Credentials.text(Language::Lt))), "{nick:?}");
    }
    let realm = &bed.app.db.database.live;
    for closed in [true, false] {
        let set = async |tx: &mut store::Tx| {
            store::customers::set_sub_user_inactive(tx, cara.customer, "cara-api", closed).await
        };
        realm.transaction("close", set).await.unwrap();
        let status = if closed { 401 } else { 200 };
        assert_eq!(version(&bed, "cara-api", "cara-api-password").await.0, status, "closed: {closed}");
    }
    for disabled in ["true", "false"] {
        bed.app.db.run_sql(&format!("update live.customer set disabled = {disabled} where login = 'cara'")).await;
        let status = if disabled == "true" { 401 } else { 200 };
        assert_eq!(version(&bed, "cara-api", "cara-api-password").await.0, status, "disabled: {disabled}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_counts_at_once() {
    let bed = Bed::new().await;
    assert_eq!(version(&bed, "ann-api", "ann-api-password").await.0, 200);
    let copy = "update live.sub_user set credential_version = credential_version + 1, \
         password_hash = (select password_hash from live.sub_user where nick = 'ben-api') where nick = 'ann-api'";
    bed.app.db.run_sql(copy).await;
    assert_eq!(version(&bed, "ann-api", "ann-api-password").await.0, 401);
    assert_eq!(version(&bed, "ann-api", "ben-api-password").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_user_opens_nothing_else_and_a_main_login_not_this() {
    let bed = Bed::new().await;
    let fields = [("command", "getBalance"), ("login", "ann-api"), ("pass", "ann-api-password"), ("json", "1")];
    let answer = bed.app.gateway.answer(&fields.into_iter().collect(), HERE).await;
    let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(crate::support::code(&answer), Some(4));
    assert_eq!(version(&bed, "ann", "ann-password").await.0, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_throttled_and_working_clients_are_not() {
    let bed = Bed::new().await;
    let one = std::num::NonZeroU32::MIN;
    let auth = AuthSettings { login_failures_per_minute: one, ..AuthSettings::default() };
    let api = bed.with(ApiSettings { auth, ..settings() });
    let serving = bed.serve(&api);
    let ask = async |nick: &str, password: &str| {
        get_from(&serving, &format!("/json.php?command=version&nick={nick}&password={password}"), None, "").await
    };
    assert_eq!(ask("ben-api", "ben-api-password").await.status, 200);
    assert_eq!(ask("ben-api", "wrong").await.status, 401);
    let stopped = ask("ben-api", "wronger").await;
    assert_eq!(stopped.status, 429);
    assert!(stopped.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(stopped.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(stopped.header("cache-control"), Some("no-store"));
    let body: serde_json::Value = serde_json::from_slice(&stopped.body).unwrap();
    assert_eq!(body, serde_json::json!({ "error": Fault::TooMany.text(Language::Lt) }));
    assert_eq!(ask("ben-api", "ben-api-password").await.status, 200, "a working client is not locked out");
    assert_eq!(ask("ann-api", "ann-api-password").await.status, 200);
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_speak_the_customers_language_once_it_is_known() {
    let bed = Bed::new().await;
    for (login, language) in [("olga", Language::Ru), ("ona", Language::Lt), ("owen", Language::En)] {
        let nick = format!("{login}-api");
        bed.app.db.customer(login).language(language).api_user(&nick, &format!("{nick}-password")).add().await;
        let faults = [
            ("nope", vec![], Fault::Command),
            ("server_info", vec![], Fault::Id),
            ("server_info", vec![("id", "999999")], Fault::Service),
            ("account_credits", vec![("count", "0")], Fault::Parameter("count")),
        ];
        for (command, fields, fault) in faults {
            let (status, body) = bed.by(&nick, command, &fields).await;
            let text = fault.text(language);
            assert_eq!((status, body["error"].as_str()), (fault.status(), Some(&*text)), "{login}: {command}");
        }
        let (_, body) = version(&bed, &nick, "wrong").await;
        assert_eq!(body["error"].as_str(), Some(&*Fault::Credentials.text(Language::Lt)), "{login}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_503_within_two_seconds_and_everything_again_once_it_is_back() {
    let bed = Bed::new().await;
    let server = bed.app.running_order().await;
    let (proxy, database) = bed.app.db.behind_proxy().await;
    let api = api_on(&bed.app, database, settings());
    let calls = [
        as_nick("ann-api", "version", &[]),
        as_nick("ann-api", "server_info", &[("id", &server)]),
        as_nick("ann-api", "server_reboot", &[("id", &server)]),
        as_nick("nobody", "version", &[]),
    ];
    assert_eq!(said(&api.answer(&calls[0], HERE).await).0, 200);
    for how in ["refused", "silent"] {
        match how {
            "refused" => proxy.refuse(),
            _ => proxy.go_silent(),
        }
        for fields in &calls {
            let asked = Instant::now();
            let (status, body) = said(&api.answer(fields, HERE).await);
            assert_eq!((status, body["error"].as_str()), (503, Some(&*Fault::Database.text(Language::Lt))), "{how}");
            assert!(asked.elapsed() < Duration::from_secs(2), "{how}: {:?}", asked.elapsed());
        }
        proxy.recover();
        until("the API has healed", async || api.answer(&calls[0], HERE).await.status == 200).await;
    }
    let reboots = "select count(*) from live.task where operation = 'server_reboot'";
    assert_eq!(bed.app.db.value::<i64>(reboots).await, 0, "a refused request was written");
}
