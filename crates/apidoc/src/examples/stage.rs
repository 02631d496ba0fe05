//! Both surfaces on a scratch realm, called as a client calls them.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use domain::{calendar::parse_digits, orders::OrderId};
use gateway_http::{Gateway, GatewaySettings, auth::AuthSettings, commands, request::Fields};
use ipnetwork::IpNetwork;
use iv_json::{Api, ApiSettings};
use store::{Database, Tx, addresses};
use tokio::time::{Instant, sleep};

use super::{
    NoExamples,
    cast::{TEST, key_of, test_key_of},
};
use crate::model::{Exchange, Facts, Surface};

/// How long a task may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked whether it is done.
const POLL: Duration = Duration::from_millis(10);
/// Where calls come from.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Where no call is let in from.
pub(super) const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

/// A field and its value.
pub(super) type Pair<'a> = (&'a str, &'a str);

/// Both surfaces on a scratch realm.
pub(super) struct Stage {
    gateway: Gateway,
    api: Api,
    database: Database,
}

impl Stage {
    /// The surfaces as they are configured, on another database.
    pub(super) fn new(database: Database, facts: &Facts, auth: AuthSettings) -> Result<Self, NoExamples> {
        let settings = GatewaySettings { dialect: facts.dialect, auth: auth.clone() };
        let gateway =
            Gateway::new(database.clone(), settings).map_err(|error| NoExamples::Secret(error.to_string()))?;
        let settings =
            ApiSettings { allowed_networks: vec![IpNetwork::from(HERE)], public_url: facts.public_url.clone(), auth };
        let api = Api::new(database.clone(), gateway.protection().clone(), settings);
        Ok(Self { gateway, api, database })
    }

    /// A call of a command by test access.
    pub(super) async fn test(&self, command: &str, fields: &[Pair<'_>]) -> Exchange {
        self.apih(&[&[("command", command), ("login", TEST), ("pass", TEST)], fields].concat()).await
    }

    /// A call of a command by a customer of the scratch live realm.
    pub(super) async fn by(&self, login: &str, command: &str, fields: &[Pair<'_>]) -> Exchange {
        let key = key_of(login);
        self.apih(&[&[("command", command), ("login", login), ("apikey", &key)], fields].concat()).await
    }

    /// A call of a command by a customer in test mode.
    pub(super) async fn own(&self, login: &str, command: &str, fields: &[Pair<'_>]) -> Exchange {
        let key = test_key_of(login);
        self.apih(&[&[("command", command), ("login", login), ("apikey", &key)], fields].concat()).await
    }

    /// A call of `/apih.php`, made for both formats. A writing command that is to succeed has a `requestid`, so that the
    /// second call is told what the first did.
    pub(super) async fn apih(&self, fields: &[Pair<'_>]) -> Exchange {
        let php = Box::pin(self.gateway.answer(&fields.iter().copied().collect::<Fields>(), HERE)).await;
        let json = fields.iter().copied().chain([("json", "1")]);
        let json = Box::pin(self.gateway.answer(&json.collect::<Fields>(), HERE)).await;
        let status = if json.retry_after.is_some() { 429 } else { 200 };
        let text = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
        let (php, json) = (Some(text(php.body)), text(json.body));
        Exchange { surface: Surface::Apih, fields: owned(fields), status, php, json }
    }

    /// A call of a command of `/json.php` by an API user whose password is its nick.
    pub(super) async fn iv(&self, nick: &str, command: &str, fields: &[Pair<'_>]) -> Exchange {
        self.json(&[&[("command", command), ("nick", nick), ("password", nick)], fields].concat()).await
    }

    /// A call of `/json.php`.
    pub(super) async fn json(&self, fields: &[Pair<'_>]) -> Exchange {
        self.json_from(HERE, fields).await
    }

    /// The same from another address.
    pub(super) async fn json_from(&self, address: IpAddr, fields: &[Pair<'_>]) -> Exchange {
        let answered = Box::pin(self.api.answer(&fields.iter().copied().collect::<Fields>(), address)).await;
        let json = String::from_utf8_lossy(&answered.body).into_owned();
        Exchange { surface: Surface::Json, fields: owned(fields), status: answered.status, php: None, json }
    }

    /// Gives a server of test access one more address, as staff do.
    pub(super) async fn give_address(&self, server: &str) -> Result<(), NoExamples> {
        let Some(order) = parse_digits(server).map(OrderId) else { return Ok(()) };
        let giving = async |tx: &mut Tx| addresses::give(tx, order, None).await;
        self.database.test.transaction("give an address", giving).await?;
        Ok(())
    }

    /// Waits until an order of test access runs.
    pub(super) async fn until_running(&self, order: &str) -> Result<(), NoExamples> {
        let runs = async || self.test("getOrders", &[("orderid", order)]).await.json.contains(r#""status":"1""#);
        until("an order", runs).await
    }

    /// Waits until a server of test access has nothing left to be done.
    pub(super) async fn until_idle(&self, server: &str) -> Result<(), NoExamples> {
        let idle = async || {
            let tasks = self.iv(TEST, "server_tasks", &[("id", server)]).await;
            tasks.status == 200 && !tasks.json.contains(r#""ta_completed":null"#)
        };
        until("a task", idle).await
    }

    /// Waits a while for a server's usage to be measured: it is shown unmeasured otherwise.
    pub(super) async fn until_measured(&self, server: &str) {
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end {
            let info = self.iv(TEST, "server_info", &[("id", server)]).await;
            if !info.json.contains(r#""in_bw_in":null"#) {
                return;
            }
            sleep(POLL).await;
        }
    }
}

async fn until(what: &'static str, mut is_so: impl AsyncFnMut() -> bool) -> Result<(), NoExamples> {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        if Instant::now() >= end {
            return Err(NoExamples::TooSlow(what));
        }
        sleep(POLL).await;
    }
    Ok(())
}

fn owned(fields: &[Pair<'_>]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The name of a command of the registry, as the registry has it.
pub(super) fn name_of(surface: Surface, name: &str) -> Option<&'static str> {
    match surface {
        Surface::Apih => commands::find(name).map(|command| command.spec().name),
        Surface::Json => iv_json::commands::find(name).map(|command| command.spec().name),
    }
}
