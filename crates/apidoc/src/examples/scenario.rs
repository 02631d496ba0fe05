//! The life of a server, from its order on: an example of every command.

use domain::catalogue::Catalogue;
use iv_json::fault::Fault;

use super::{
    Captured, NoExamples,
    cast::{RESELLER, TEST},
    picks::{self, Pick},
    stage::{Pair, Stage, name_of},
};
use crate::model::{CodeId, Exchange, Surface, Worked};

impl Captured {
    /// Keeps a success as its command's example.
    fn keep(&mut self, exchange: Exchange) {
        let refused = match exchange.surface {
            Surface::Apih => exchange.told("status").as_deref() != Some("SUCCESS"),
            Surface::Json => exchange.status != 200,
        };
        let command = exchange.field("command").and_then(|name| name_of(exchange.surface, name));
        let Some(command) = command.filter(|_| !refused) else {
            self.problems.push(format!("{:?} is refused: {}", exchange.fields, exchange.json));
            return;
        };
        self.commands.insert((exchange.surface, command), exchange);
    }
}

/// Calls every command of `/apih.php`; returns the server that was ordered, running, if there is any to order.
pub(super) async fn apih(
    stage: &Stage,
    catalogue: &Catalogue,
    captured: &mut Captured,
) -> Result<Option<String>, NoExamples> {
    captured.keep(stage.test("getBalance", &[]).await);
    let Some(pick) = picks::server(catalogue).or_else(|| picks::hosting(catalogue)) else { return Ok(None) };
    let vid = pick.tariff.vid;
    captured.keep(stage.test("getTarifs", &[("vid", vid.name())]).await);
    let pick = pick.more(catalogue);
    let mut fields = pick.fields("example.com");
    fields.push(("requestid", "order-2041".into()));
    let fields: Vec<Pair<'_>> = fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    let placed = stage.test("createOrder", &fields).await;
    let worked = Worked::out(catalogue, pick.tariff, pick.period, &pick.addons);
    // What is worked out is shown only where it is what was answered.
    captured.worked = worked.filter(|worked| placed.told("cost").as_deref() == Some(&worked.cost));
    let order = placed.told("orderid");
    captured.keep(placed);
    let Some(order) = order else { return Ok(None) };
    stage.until_running(&order).await?;
    let one = ("orderid", order.as_str());
    captured.keep(stage.test("getOrders", &[one]).await);
    let until = captured
        .command(Surface::Apih, "getOrders")
        .and_then(|e| e.answer().get("orders")?.get(0)?.get("todate")?.as_str().map(str::to_owned));
    let renewal = pick.tariff.periods.iter().find(|period| period.for_renewal).map(|p| p.months.to_string());
    if let (Some(until), Some(months)) = (until, renewal) {
        let fields = [one, ("period", &months), ("expect_todate", &until), ("requestid", "renewal-2042")];
        captured.keep(stage.test("renewOrder", &fields).await);
    }
    captured.keep(stage.test("suspendOrder", &[one, ("requestid", "suspend-2043")]).await);
    captured.keep(stage.test("unSuspendOrder", &[one, ("requestid", "resume-2044")]).await);
    if !vid.is_server() {
        return Ok(None);
    }
    captured.keep(stage.test("restartOrder", &[one, ("requestid", "restart-2045")]).await);
    captured.keep(stage.test("reinstallOrder", &[one, ("requestid", "reinstall-2046")]).await);
    stage.until_idle(&order).await?;
    Ok(Some(order))
}

/// Time passes in a test realm of the customer's own. Here that is the one of test access, so it comes last.
pub(super) async fn clock(stage: &Stage, captured: &mut Captured) {
    captured.keep(stage.own(RESELLER, "advanceClock", &[("advance", "400d"), ("requestid", "advance-2053")]).await);
}

/// Calls every command of `/json.php`.
pub(super) async fn json(
    stage: &Stage,
    catalogue: &Catalogue,
    server: Option<&str>,
    captured: &mut Captured,
) -> Result<(), NoExamples> {
    captured.keep(stage.iv(TEST, "version", &[]).await);
    // Test access has neither a profile nor money that moves: a customer who has.
    captured.keep(stage.iv(RESELLER, "account_info", &[]).await);
    captured.keep(stage.iv(RESELLER, "account_credits", &[("count", "2")]).await);
    captured.keep(stage.iv(RESELLER, "account_bonuses", &[("count", "2")]).await);
    hosting(stage, catalogue, captured).await?;
    let Some(id) = server else { return Ok(()) };
    let server = ("id", id);
    captured.keep(stage.iv(TEST, "account_services", &[]).await);
    captured.keep(stage.iv(TEST, "account_orders", &[]).await);
    captured.keep(stage.iv(TEST, "server_os", &[server]).await);
    let images = captured.command(Surface::Json, "server_os").map(Exchange::answer).unwrap_or_default();
    let image = images.as_object().into_iter().flatten().find(|(_, image)| image.get("min_ram").is_none());
    if let Some((os, _)) = image {
        captured.keep(stage.iv(TEST, "server_recreate", &[server, ("os", os.as_str())]).await);
        stage.until_idle(id).await?;
    }
    captured.keep(stage.iv(TEST, "server_reset_password", &[server]).await);
    stage.until_idle(id).await?;
    let hostname = [server, ("domain", "vps.example.com")];
    captured.keep(stage.iv(TEST, "server_domain", &hostname).await);
    stage.until_idle(id).await?;
    if let Some(changed) = larger(stage, server).await {
        captured.keep(changed);
        stage.until_idle(id).await?;
    }
    network(stage, catalogue, id, captured).await?;
    captured.keep(stage.iv(TEST, "server_reboot", &[server]).await);
    stage.until_idle(id).await?;
    captured.keep(stage.iv(TEST, "server_tasks", &[server, ("count", "2")]).await);
    captured.keep(stage.iv(TEST, "server_graphs", &[server, ("width", "600"), ("ip", "198.51.100.7")]).await);
    stage.until_measured(id).await;
    captured.keep(stage.iv(TEST, "server_info", &[server]).await);
    Ok(())
}

/// A change of a server that its tariff allows: the first that is accepted, or the last that is refused.
async fn larger(stage: &Stage, server: Pair<'_>) -> Option<Exchange> {
    let info = stage.iv(TEST, "server_info", &[server]).await;
    let mut last = None;
    for (field, now, more) in [("ram", "se_ram", 1024), ("quota", "se_quota", 10), ("bandwidth", "se_bandwidth", 10)] {
        let Some(size) = info.told(now).and_then(|size| size.parse::<u32>().ok()) else { continue };
        let size = size.saturating_add(more).to_string();
        let changed = stage.iv(TEST, "server_change", &[server, (field, &size)]).await;
        if changed.status == 200 {
            return Some(changed);
        }
        last = Some(changed);
    }
    last
}

/// Orders the pick and waits until it runs.
async fn running(stage: &Stage, pick: &Pick<'_>, domain: &str, requestid: &str) -> Result<Option<String>, NoExamples> {
    let mut fields = pick.fields(domain);
    fields.push(("requestid", requestid.into()));
    let fields: Vec<Pair<'_>> = fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    let order = stage.test("createOrder", &fields).await.told("orderid");
    if let Some(order) = &order {
        stage.until_running(order).await?;
    }
    Ok(order)
}

/// A web hosting.
async fn hosting(stage: &Stage, catalogue: &Catalogue, captured: &mut Captured) -> Result<(), NoExamples> {
    let Some(pick) = picks::hosting(catalogue) else { return Ok(()) };
    if let Some(order) = running(stage, &pick, "hosting.example", "hosting-2051").await? {
        captured.keep(stage.iv(TEST, "hosting_info", &[("id", &order)]).await);
    }
    Ok(())
}

/// A server's addresses and packet filter; its second address moves to another server.
async fn network(stage: &Stage, catalogue: &Catalogue, id: &str, captured: &mut Captured) -> Result<(), NoExamples> {
    let server = ("id", id);
    captured.keep(stage.iv(TEST, "server_flush_iptables", &[server]).await);
    captured.keep(stage.iv(TEST, "server_firewall", &[server, ("pps", "2000"), ("pps_syn", "20")]).await);
    stage.until_idle(id).await?;
    let addresses = async || {
        let info = stage.iv(TEST, "server_info", &[server]).await.answer();
        let told = info.get("se_info").and_then(|info| info.get("in_ips")?.as_str()).unwrap_or_default();
        told.split(',').filter(|ip| !ip.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = addresses().await;
    let Some(first) = before.first() else { return Ok(()) };
    captured.keep(stage.iv(TEST, "server_ptr", &[server, ("ip", first), ("domain", "vps.example.com")]).await);
    stage.until_idle(id).await?;
    let Some(pick) = picks::server(catalogue) else { return Ok(()) };
    let Some(other) = running(stage, &pick, "other.example", "server-2052").await? else { return Ok(()) };
    if let [last] = before.as_slice() {
        let stays = [server, ("ip", last.as_str()), ("target_id", other.as_str())];
        captured.provoke(CodeId::Json(Fault::Immovable), vec![stage.iv(TEST, "server_move_ip", &stays).await]);
    }
    stage.give_address(id).await?;
    stage.until_idle(id).await?;
    let after = addresses().await;
    if let Some(second) = after.iter().find(|ip| !before.contains(ip)) {
        let moves = [server, ("ip", second.as_str()), ("target_id", other.as_str())];
        captured.keep(stage.iv(TEST, "server_move_ip", &moves).await);
        stage.until_idle(id).await?;
    }
    Ok(())
}
