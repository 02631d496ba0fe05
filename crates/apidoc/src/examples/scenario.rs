//! The life of a server, from its order on: an example of every command.

use domain::catalogue::Catalogue;

use super::{
    Captured, NoExamples,
    cast::{RESELLER, TEST},
    picks,
    stage::{Pair, Stage, name_of},
};
use crate::model::{Exchange, Surface, Worked};

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

/// Calls every command of `/json.php`.
pub(super) async fn json(stage: &Stage, server: Option<&str>, captured: &mut Captured) -> Result<(), NoExamples> {
    captured.keep(stage.iv(TEST, "version", &[]).await);
    // Test access has neither a profile nor money that moves: a customer who has.
    captured.keep(stage.iv(RESELLER, "account_info", &[]).await);
    captured.keep(stage.iv(RESELLER, "account_credits", &[("count", "2")]).await);
    captured.keep(stage.iv(RESELLER, "account_bonuses", &[("count", "2")]).await);
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
