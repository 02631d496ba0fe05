//! What the API costs the machine: processor time of a server_info and of a graph, on a thousand servers with a year of
//! measured usage behind them.
//!
//! ```sh
//! cargo run --release -p iv-json --example measure
//! ```
//!
//! Requests come one after the other. The database's processor time is that of the connections' own processes.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a measurement, run by hand")]

use std::{
    fmt::Write,
    fs,
    time::{Duration, Instant},
};

use actix_web::{
    App,
    test::{TestRequest, call_service, init_service, read_body},
    web::Data,
};
use domain::usage::{Resolution, Rollup, Rollups, Series};
use gateway_http::{Gateway, GatewaySettings, metrics::Metrics, request::Fields};
use iv_json::{Api, ApiSettings};
use testkit::TestDb;

const SERVERS: usize = 1000;
/// Servers that have rows of all resolutions, as many as are kept.
const FULL: usize = 50;
const INFOS: usize = 3000;
const GRAPHS: usize = 100;
const WIDTH: &str = "600";
const URL: &str = "https://panel.example";
/// The kernel counts processor time in these.
const TICKS_PER_SECOND: u32 = 100;

#[actix_web::main]
async fn main() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("20000.00").key("ann-key").api_user("ann-api", "ann-api-password");
    ann.add().await;
    let gateway = Gateway::new(db.database.clone(), GatewaySettings::default()).unwrap();
    let servers = order(&gateway).await;
    fill(&db).await;
    let settings = ApiSettings {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        public_url: URL.to_owned(),
        auth: GatewaySettings::default().auth,
    };
    let api = Data::new(Api::new(db.database.clone(), gateway.protection().clone(), settings));
    let metrics = Data::new(Metrics::new().unwrap());
    let service = init_service(App::new().app_data(api).app_data(metrics).configure(iv_json::http::routes)).await;

    // The connections of the pool; the one that asks has none of the work.
    let serve =
        "select array_agg(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    let ask = async |uri: &str| {
        let request = TestRequest::get().uri(uri).peer_addr("127.0.0.1:9".parse().unwrap()).to_request();
        let response = call_service(&service, request).await;
        assert_eq!(response.status(), 200, "{uri}");
        read_body(response).await.to_vec()
    };
    let info = |id: &str| format!("/json.php?nick=ann-api&password=ann-api-password&command=server_info&id={id}");
    let uris: Vec<String> = servers.iter().cycle().take(INFOS).map(|id| info(id)).collect();
    ask(&info("1")).await;
    let processes = db.value::<Vec<i32>>(serve).await;
    let report = async |what: &str, uris: &[String]| report(what, &ask, uris, &processes).await;
    report("server_info", &uris).await;
    for span in ["daily", "weekly", "monthly", "yearly"] {
        let mut uris = Vec::new();
        for (at, id) in servers.iter().take(FULL).cycle().take(GRAPHS).enumerate() {
            let graph = ["traffic", "memory", "storage", "load", "io", "cpu"][at % 6];
            uris.push(link(&ask, id, &format!("{graph}_{span}")).await);
        }
        report(&format!("graph, {span}, {WIDTH} px"), &uris).await;
    }
}

/// A thousand servers, by the way that customers order them.
async fn order(gateway: &Gateway) -> Vec<String> {
    let fields = "command=createOrder&login=ann&apikey=ann-key&json=1&vid=vds&tarifid=10&period=1&addons=20";
    let here = "127.0.0.1".parse().unwrap();
    let mut servers = Vec::new();
    for _ in 0..SERVERS {
        let fields: Fields = fields.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let answer: serde_json::Value = serde_json::from_slice(&gateway.answer(&fields, here).await.body).unwrap();
        servers.push(answer["orderid"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned());
    }
    servers
}

/// A year of days for every server, and all else that is kept for some of them.
async fn fill(db: &TestDb) {
    let mut row = Rollups::default();
    for (at, series) in (1_i64..).zip(Series::ALL) {
        row.set(series, Rollup { sum: 288_000 * at, count: 288, max: 4_321 * at });
    }
    let row = serde_json::to_string(&row).unwrap();
    let mut sql = "update live.orders set state = 'active';".to_owned();
    for resolution in Resolution::ALL {
        let (seconds, rows) = (resolution.seconds(), resolution.rows());
        let of = if resolution == Resolution::Day { SERVERS } else { FULL };
        write!(
            sql,
            "insert into live.usage_rollup select o.id, {seconds}, to_timestamp( \
               floor(extract(epoch from now()) / {seconds}) * {seconds} - n * {seconds}), '{row}' \
             from (select id from live.orders order by id limit {of}) o, generate_series(0, {rows} - 1) n;"
        )
        .unwrap();
    }
    sql.push_str(
        "insert into live.usage_reading select id, now(), '{\"inodes_used\": 5}', '{\"memory\": 7}' from live.orders;",
    );
    sql.push_str("analyze live.usage_rollup; analyze live.usage_reading; analyze live.orders");
    db.run_sql(&sql).await;
}

async fn link(ask: &impl AsyncFn(&str) -> Vec<u8>, id: &str, graph: &str) -> String {
    let command = "nick=ann-api&password=ann-api-password&command=server_graphs&ip=127.0.0.1";
    let uri = format!("/json.php?{command}&width={WIDTH}&id={id}");
    let links: serde_json::Value = serde_json::from_slice(&ask(&uri).await).unwrap();
    links[graph].as_str().unwrap().strip_prefix(URL).unwrap().to_owned()
}

/// Processor time of a process so far, in user and kernel mode.
fn cpu(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks: u32 = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u32>().unwrap()).sum();
    Duration::from_secs(1) * ticks / TICKS_PER_SECOND
}

async fn report(what: &str, ask: &impl AsyncFn(&str) -> Vec<u8>, uris: &[String], databases: &[i32]) {
    let database = || databases.iter().map(|pid| cpu(&pid.to_string())).sum::<Duration>();
    let (began, ours, theirs) = (Instant::now(), cpu("self"), database());
    let mut bytes = 0;
    for uri in uris {
        bytes += ask(uri).await.len();
    }
    let each = u32::try_from(uris.len()).unwrap();
    let (clock, ours, theirs) = (began.elapsed() / each, (cpu("self") - ours) / each, (database() - theirs) / each);
    println!(
        "{what:<24} {each:>5} times: {ours:>8.0?} of processor here, {theirs:>8.0?} in PostgreSQL, \
         {clock:>8.0?} on the clock, {} bytes",
        bytes / uris.len()
    );
}
