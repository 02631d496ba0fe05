//! No password and no key is in a log, a trace, an error or the database, on any path.

use std::{
    io,
    sync::{Arc, Mutex},
};

use gateway_http::GatewaySettings;
use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt};

use crate::{
    iv::bed::{Bed, api_on, settings},
    support::{App, raw},
};

/// What a secret in these tests looks like, so that it is found wherever it comes out.
const CANARY: &str = "cAnAry";

/// Keeps everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Requests that end in every way there is, each with the canary for a secret.
fn targets() -> Vec<String> {
    let mut targets = vec![
        format!("command=getBalance&pass={CANARY}1"),
        format!("command=getBalance&login=ann&pass={CANARY}2&apikey={CANARY}3"),
        format!("command=getBalance&login=nobody&apikey={CANARY}4"),
        format!("command=getBalance&login=nobody&pass={CANARY}5"),
        format!("command=getBalance&login=an%00n&pass={CANARY}6"),
        format!("command=getBalance&login=fenced&apikey={CANARY}7"),
        format!("command=getBalance&login=closed&apikey={CANARY}8"),
        format!("command=getBalance&login=test&pass={CANARY}9"),
        format!("command=dropTables&login=cara&apikey={CANARY}-key"),
        format!("command=getBalance&login=cara&apikey={CANARY}-key"),
        format!("command=getBalance&login=cara&pass={CANARY}-password"),
        format!(
            "command=createOrder&login=cara&apikey={CANARY}-key&vid=vds&tarifid=10&period=1&addons=20&requestid=kept"
        ),
        format!(
            "command=createOrder&login=cara&apikey={CANARY}-key&vid=vds&tarifid=10&period=2&addons=20&requestid=kept"
        ),
        format!("command=createOrder&login=cara&apikey={CANARY}-key&domain=%ff&tarifid=1&period=1"),
    ];
    // Enough wrong passwords for code 100.
    targets.extend((0..25).map(|n| format!("command=getBalance&login=ann&pass={CANARY}-wrong-{n}")));
    targets
}

/// The same on the account and server API.
fn iv_targets() -> Vec<String> {
    let own = format!("nick=cara-api&password={CANARY}-nick&id=1");
    vec![
        format!("command=version&nick=nobody&password={CANARY}10"),
        format!("command=version&nick=cara-api&password={CANARY}11"),
        format!("command=version&{own}"),
        format!("command=nope&{own}"),
        format!("command=server_reset_password&{own}&new_password={CANARY}12"),
        format!("command=server_reset_password&{own}&new_password={CANARY}%00"),
        format!("command=server_reset_password&{own}&id=2&new_password={CANARY}13"),
        format!("command=server_recreate&{own}&os=x&new_password={CANARY}14"),
        format!("command=server_recreate&{own}&os=debian-12-x86_64&new_password={CANARY}15"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_comes_out_anywhere() {
    let log = Log::default();
    let everything = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    // Fails when another test of this process has one; then this one has no log to look at.
    everything.try_init().expect("the only test that logs");
    let mut bed = Bed::new().await;
    let cara = bed.app.db.customer("cara").credit("100.00").key(&format!("{CANARY}-key"));
    let cara = cara.password(&format!("{CANARY}-password")).api_user("cara-api", &format!("{CANARY}-nick"));
    cara.add().await;

    requests(&bed).await;
    let resets = "select count(*) from live.task where operation = 'server_reset_password' and secret is not null";
    assert!(bed.app.db.value::<i64>(resets).await > 0, "no password was set: the test looks at the wrong server");
    let (proxy, database) = bed.app.db.behind_proxy().await;
    bed.app.gateway = App::gateway_on(database.clone(), GatewaySettings::default());
    bed.api = api_on(&bed.app, database, settings());
    proxy.refuse();
    requests(&bed).await;
    proxy.recover();
    let app = &bed.app;

    let password = app.db.value::<Vec<u8>>("select server_password from live.orders limit 1").await;
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("not authenticated"), "nothing was logged: the test looks at the wrong place");
    let tables = "select string_agg(table_schema || '.' || table_name, ' ') from information_schema.tables \
         where table_schema in ('live', 'test', 'catalogue') and table_type = 'BASE TABLE'";
    let mut stored = String::new();
    for table in app.db.value::<String>(tables).await.split(' ') {
        stored += &app
            .db
            .value::<Option<String>>(&format!("select string_agg(t::text, ' ') from {table} t"))
            .await
            .unwrap_or_default();
    }
    assert!(stored.contains("cara"), "the dump is not one");
    assert!(!password.is_empty());
    let server_log = std::fs::read(testkit::data_dir().join("postgres.log")).unwrap_or_default();
    for (place, text) in [
        ("the log", &logged),
        ("the database", &stored),
        ("PostgreSQL's log", &String::from_utf8_lossy(&server_log).into_owned()),
    ] {
        let at = text.find(CANARY).map(|at| text[at.saturating_sub(200)..].chars().take(400).collect::<String>());
        assert_eq!(at, None, "a secret in {place}");
    }
}

async fn requests(bed: &Bed) {
    let serving = bed.serve(&bed.api);
    let of = |path: &'static str, targets: Vec<String>| targets.into_iter().map(move |target| (path, target));
    for (path, target) in of("/apih.php", targets()).chain(of("/json.php", iv_targets())) {
        let get = format!("GET {path}?{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let form = "Content-Type: application/x-www-form-urlencoded";
        let length = target.len();
        let post = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{form}\r\nContent-Length: {length}\r\n\r\n{target}"
        );
        let broken = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: multipart/form-data\r\nContent-Length: {length}\r\n\r\n{target}"
        );
        let other = format!("DELETE {path}?{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        for request in [get, post, broken, other] {
            let response = raw(serving.address, request.as_bytes()).await;
            let body = String::from_utf8_lossy(&response.body).into_owned();
            assert!(!body.contains(CANARY) && !response.head.contains(CANARY), "{target}: {body}");
        }
    }
    serving.stop().await;
}
