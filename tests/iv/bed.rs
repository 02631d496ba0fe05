//! The account and server API to test.

use std::net::IpAddr;

use actix_web::web::Data;
use gateway_http::{
    auth::AuthSettings,
    http::{Serving, serve},
    metrics::Metrics,
    request::Fields,
};
use iv_json::{
    Answered, Api, ApiSettings,
    command::{About, Command},
};
use serde_json::Value;
use store::Database;

use crate::support::{App, HERE, Response, free_ports, raw, until};

/// What links in answers begin with.
pub const URL: &str = "https://panel.example";

/// The order of [`Bed::with_target`].
pub const TARGET: &str = "1";

/// The API on the database of an [`App`], with its customers' API users: `ann-api`, `ben-api`, `poor-api`, `test`.
pub struct Bed {
    pub app: App,
    pub api: Data<Api>,
}

/// An answer as tests look at it: the HTTP status, and the body.
pub type Said = (u16, Value);

impl Bed {
    pub async fn new() -> Self {
        let app = App::new().await;
        let api = api_on(&app, app.db.database.clone(), settings());
        Self { app, api }
    }

    /// The same with other settings.
    pub fn with(&self, settings: ApiSettings) -> Data<Api> {
        api_on(&self.app, self.app.db.database.clone(), settings)
    }

    /// A call by `ann`.
    pub async fn ann(&self, command: &str, fields: &[(&str, &str)]) -> Said {
        self.by("ann-api", command, fields).await
    }

    /// A call by an API user.
    pub async fn by(&self, nick: &str, command: &str, fields: &[(&str, &str)]) -> Said {
        said(&self.api.answer(&as_nick(nick, command, fields), HERE).await)
    }

    /// A call by `ann` that must succeed.
    pub async fn done(&self, command: &str, fields: &[(&str, &str)]) -> Value {
        let (status, body) = self.ann(command, fields).await;
        assert_eq!(status, 200, "{command} {fields:?}: {body}");
        body
    }

    /// A call by `ann` that queues a task: its id.
    pub async fn queued(&self, command: &str, fields: &[(&str, &str)]) -> String {
        self.done(command, fields).await["task_id"].as_str().unwrap().to_owned()
    }

    /// Waits until no task of the live realm is left to be done.
    pub async fn until_idle(&self) {
        let left = "select count(*) from live.task where completed_at is null";
        until("all tasks are done", async || self.app.db.value::<i64>(left).await == 0).await;
    }

    /// An order of `ann`'s, made by a worker.
    pub async fn made(&self, fields: &[(&str, &str)]) -> String {
        let worker = self.app.worker();
        let id = self.app.order_by("ann", fields).await;
        self.until_idle().await;
        worker.stop().await.unwrap();
        id
    }

    /// A service of `ann`'s that runs, of the kind that a command is about; a server with addresses.
    pub async fn service_for(&self, command: Command) -> String {
        if About::of(command) != Some(About::Hosting) {
            let id = self.app.running_order().await;
            self.app.with_addresses(&id).await;
            return id;
        }
        let domain = format!("h{}.example", self.app.db.value::<i64>("select count(*) from live.orders").await);
        let fields = [("tarifid", "1"), ("period", "1"), ("domain", domain.as_str()), ("addons", "1:2")];
        let id = self.app.order_by("ann", &fields).await;
        self.app.db.run_sql(&format!("update live.orders set state = 'active' where id = {id}")).await;
        id
    }

    /// The server that addresses are moved to: [`TARGET`], the first order of all.
    pub async fn with_target(self) -> Self {
        assert_eq!(self.app.running_order().await, TARGET);
        self
    }

    /// The API on HTTP, at a free port.
    pub fn serve(&self, api: &Data<Api>) -> Serving {
        let bound = free_ports();
        let api = api.clone();
        let public = move |config: &mut actix_web::web::ServiceConfig| {
            config.app_data(api.clone()).configure(iv_json::http::routes);
        };
        serve(self.app.gateway.clone(), std::sync::Arc::new(Metrics::new().unwrap()), bound, 2, public).unwrap()
    }
}

/// Open to loopback alone.
pub fn settings() -> ApiSettings {
    ApiSettings {
        allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
        public_url: URL.to_owned(),
        auth: AuthSettings::default(),
    }
}

/// The API on a database.
pub fn api_on(app: &App, database: Database, settings: ApiSettings) -> Data<Api> {
    let gateway = App::gateway_on(
        app.db.database.clone(),
        gateway_http::GatewaySettings { auth: settings.auth.clone(), ..gateway_http::GatewaySettings::default() },
    );
    Data::new(Api::new(database, gateway.protection().clone(), settings))
}

/// The fields of an API user's call.
pub fn as_nick(nick: &str, command: &str, fields: &[(&str, &str)]) -> Fields {
    let password = if nick == "test" { "test".to_owned() } else { format!("{nick}-password") };
    let own = [("command", command), ("nick", nick), ("password", &password)];
    own.into_iter().chain(fields.iter().copied()).collect()
}

/// An answer, once it is known to be one that this surface may give.
pub fn said(answered: &Answered) -> Said {
    let body: Value = serde_json::from_slice(&answered.body).unwrap();
    if answered.status != 200 {
        let text = body["error"].as_str().unwrap();
        assert_eq!(body, serde_json::json!({ "error": text }));
        assert!(!text.is_empty());
    }
    (answered.status, body)
}

/// A GET from an address, told by a proxy.
pub async fn get_from(serving: &Serving, path: &str, ip: Option<IpAddr>, headers: &str) -> Response {
    let forwarded = ip.map(|ip| format!("X-Forwarded-For: {ip}\r\n")).unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{forwarded}{headers}\r\n");
    raw(serving.address, request.as_bytes()).await
}

/// What of a link comes after [`URL`].
pub fn path(link: &Value) -> String {
    link.as_str().unwrap().strip_prefix(URL).unwrap().to_owned()
}
