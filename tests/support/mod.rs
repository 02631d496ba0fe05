//! A gateway to test: a database of its own with the demo's catalogue, and a few customers.

mod http;
mod wait;

use std::{net::IpAddr, sync::Arc};

use gateway_http::{
    Gateway, GatewaySettings,
    auth::{AuthSettings, keys},
    faults::Dialect,
    http::{Bound, Given, HttpSettings, Serving, Sharing, serve},
    metrics::Metrics,
    request::Fields,
};
use provisioner::{Provisioner, WorkerSettings};
use serde_json::Value;
use store::{
    Database, RealmKind,
    customers::{self, NewTestKey, TestMode},
};
use testkit::TestDb;

pub use http::{Response, raw};
pub use wait::{until, until_within};

/// The address that requests come from.
pub const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A gateway on a database of its own.
pub struct App {
    pub db: TestDb,
    pub gateway: Arc<Gateway>,
}

/// Settings with a dialect.
pub fn dialect(dialect: Dialect) -> GatewaySettings {
    GatewaySettings { dialect, ..GatewaySettings::default() }
}

impl App {
    /// With `ann` (1000.00 EUR, bonus 5.00), `poor` (1.00), `closed`, `fenced` and test access.
    pub async fn new() -> Self {
        let db = TestDb::with_demo_catalogue().await;
        let ann = db.customer("ann").credit("1000.00").bonus("5.00").key("ann-key").password("ann-password");
        ann.api_user("ann-api", "ann-api-password").add().await;
        let ben = db.customer("ben").credit("1000.00").key("ben-key").password("ben-password");
        ben.api_user("ben-api", "ben-api-password").add().await;
        db.customer("poor").credit("1.00").key("poor-key").api_user("poor-api", "poor-api-password").add().await;
        db.customer("closed").closed().key("closed-key").password("closed-password").add().await;
        db.customer("fenced").network("203.0.113.0/24").key("fenced-key").add().await;
        db.customer("test").of(RealmKind::Test).password("test").api_user("test", "test").add().await;
        let gateway = Self::gateway_on(db.database.clone(), GatewaySettings::default());
        Self { db, gateway }
    }

    /// Another gateway on a database.
    pub fn gateway_on(database: Database, settings: GatewaySettings) -> Arc<Gateway> {
        Arc::new(Gateway::new(database, settings).unwrap())
    }

    /// Another gateway on the same database.
    pub fn with(&self, settings: GatewaySettings) -> Arc<Gateway> {
        Self::gateway_on(self.db.database.clone(), settings)
    }

    /// With a gateway that lets all of a customer's requests in at once: they meet in the database.
    pub fn racing(self) -> Self {
        let all = std::num::NonZeroU16::MAX;
        let auth = AuthSettings { customer_at_once: all, ..AuthSettings::default() };
        Self { gateway: self.with(GatewaySettings { auth, ..GatewaySettings::default() }), db: self.db }
    }

    /// A gateway on the same database that gives up on passwords at once.
    pub fn impatient(&self) -> Arc<Gateway> {
        let one = std::num::NonZeroU32::MIN;
        let auth = AuthSettings { login_failures_per_minute: one, ..AuthSettings::default() };
        self.with(GatewaySettings { auth, ..GatewaySettings::default() })
    }

    /// A worker with a quick simulated hypervisor.
    pub fn worker(&self) -> Provisioner {
        let settings = WorkerSettings {
            poll: std::time::Duration::from_millis(20),
            operation_time: std::time::Duration::from_millis(1),
            ..WorkerSettings::default()
        };
        provisioner::spawn(self.db.database.clone(), settings).unwrap()
    }

    /// The gateway on HTTP, at a free port.
    pub fn serve(&self) -> Serving {
        let bound = free_ports();
        serve(self.gateway.clone(), Arc::new(Metrics::new().unwrap()), bound, 2, |_| {}).unwrap()
    }

    /// A call by `ann`, with her key.
    pub async fn ann(&self, command: &str, fields: &[(&str, &str)]) -> Value {
        self.by("ann", command, fields).await
    }

    /// A call by a customer, with its key (`test` with its password).
    pub async fn by(&self, login: &str, command: &str, fields: &[(&str, &str)]) -> Value {
        call(&self.gateway, &as_customer(login, command, fields)).await
    }

    /// Switches a customer's test mode on, with the key `test_LOGIN`.
    pub async fn test_mode(&self, login: &str) -> TestMode {
        let database = &self.db.database;
        let found = database.live.read(async |conn| customers::by_login(conn, login).await).await.unwrap();
        let digest = keys::digest(&format!("test_{login}"));
        let key = NewTestKey { digest: &digest, hint: "test_", days: 30 };
        customers::turn_on(database, found.customer(), &key).await.unwrap()
    }

    /// A call by a customer in test mode, with its test key.
    pub async fn own(&self, login: &str, command: &str, fields: &[(&str, &str)]) -> Value {
        call(&self.gateway, &in_test_mode(login, command, fields)).await
    }

    /// An order of `ann`'s that runs: vds 10, one month.
    pub async fn running_order(&self) -> String {
        let id = self.order_by("ann", &[("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")]).await;
        self.db.run_sql(&format!("update live.orders set state = 'active' where id = {id}")).await;
        id
    }

    /// Two addresses more for an order, beside those that it has: an IPv4 and an IPv6 after its number.
    pub async fn with_addresses(&self, id: &str) {
        let [v4, v6] = addresses(id);
        let hold = "insert into live.address (ip, order_id) values";
        self.db.run_sql(&format!("{hold} ('{v4}', {id}), ('{v6}', {id})")).await;
    }

    /// An order by a customer, as it is once placed: paid, or waiting for its invoice to be.
    pub async fn order_by(&self, login: &str, fields: &[(&str, &str)]) -> String {
        let placed = self.by(login, "createOrder", fields).await;
        assert_eq!(placed["status"], "SUCCESS", "{placed}");
        placed["orderid"].as_str().unwrap().to_owned()
    }
}

/// Sockets at any ports that are free.
pub fn free_ports() -> Bound {
    let free = "127.0.0.1:0".parse().unwrap();
    let settings = HttpSettings { bind: free, admin_bind: free, sharing: Sharing::Alone };
    Bound::to(&settings, Given::default()).unwrap()
}

/// The addresses that [`App::with_addresses`] gives an order.
pub fn addresses(id: &str) -> [String; 2] {
    let number: u32 = id.parse().unwrap();
    [std::net::Ipv4Addr::from_bits(0xCB00_7100 + number).to_string(), format!("2001:db8::{number:x}")]
}

/// The fields of a customer's call.
pub fn as_customer<'a>(login: &'a str, command: &'a str, fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
    let secret = match login {
        "test" => ("pass", "test".to_owned()),
        login => ("apikey", format!("{login}-key")),
    };
    let mut all = vec![("command", command.to_owned()), ("login", login.to_owned()), secret];
    all.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
    all
}

/// The fields of a call with a customer's test key.
pub fn in_test_mode<'a>(login: &'a str, command: &'a str, fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, String)> {
    let mut all = as_customer(login, command, fields);
    for (_, value) in all.iter_mut().filter(|(name, _)| *name == "apikey") {
        *value = format!("test_{login}");
    }
    all
}

/// Calls a gateway for JSON.
pub async fn call(gateway: &Gateway, fields: &[(&str, String)]) -> Value {
    let json = fields.iter().cloned().chain([("json", "1".to_owned())]);
    let answered = gateway.answer(&json.collect::<Fields>(), HERE).await;
    serde_json::from_slice(&answered.body).unwrap()
}

/// The code of an answer, if it has one.
pub fn code(answer: &Value) -> Option<u16> {
    answer.get("errorCode").map(|code| code.as_str().unwrap().parse().unwrap())
}

/// The names of an object's fields, in order.
pub fn names(answer: &Value) -> Vec<&str> {
    answer.as_object().unwrap().keys().map(String::as_str).collect()
}
