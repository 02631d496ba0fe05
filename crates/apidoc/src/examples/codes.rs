//! A call for every code that test access can meet, and why for every other.

use domain::{
    catalogue::{Catalogue, Handling, Tariff, Vid},
    language::Language,
};
use gateway_http::faults::Fault;
use iv_json::fault::Fault as IvFault;

use super::{
    Captured,
    cast::{CLOSED, FENCED, POOR, TEST},
    picks::{self, Pick},
    stage::{ELSEWHERE, Pair, Stage},
};
use crate::model::{CodeId, Exchange, Provoked};

impl Captured {
    /// Keeps calls of test access as the way to a code, if that is what the last one answered.
    pub(super) fn provoke(&mut self, id: CodeId, calls: Vec<Exchange>) {
        let answered = calls.last().is_some_and(|last| answers(last, id));
        if answered {
            self.codes.insert(id.anchor(), Provoked::By(calls));
        } else {
            let answer = calls.last().map(|last| last.json.as_str()).unwrap_or_default();
            self.problems.push(format!("{} is not provoked: {answer}", id.label()));
        }
    }

    /// Notes why test access can't meet a code, with the answer that another caller got.
    fn excuse(&mut self, id: CodeId, why: &'static str, seen: Option<Exchange>) {
        let seen = seen.filter(|exchange| answers(exchange, id));
        self.codes.insert(id.anchor(), Provoked::Not(why, seen));
    }
}

fn answers(exchange: &Exchange, id: CodeId) -> bool {
    match id {
        CodeId::Apih(fault) => exchange.told("errorCode") == Some(fault.code().to_string()),
        // A parameter's text goes on with its name.
        CodeId::Json(fault) => {
            let error = exchange.told("error").unwrap_or_default();
            let is = |language| error.starts_with(fault.text(language).trim_end_matches(": "));
            exchange.status == fault.status() && Language::ALL.into_iter().any(is)
        }
    }
}

const ORDER: &str = "createOrder";

/// The codes of `/apih.php`.
pub(super) async fn apih(stage: &Stage, catalogue: &Catalogue, server: Option<&str>, captured: &mut Captured) {
    of_every_request(stage, captured).await;
    of_orders(stage, catalogue, captured).await;
    of_one_order(stage, catalogue, server, captured).await;
    of_payment(stage, catalogue, captured).await;
    let apih = CodeId::Apih;
    captured.excuse(apih(Fault::NoDatabase), "why_outage", None);
    captured.excuse(apih(Fault::NotSaved), "why_outage", None);
    captured.excuse(apih(Fault::Overdue), "why_swept", None);
    captured.excuse(apih(Fault::TooManyRequests), "why_shared", None);
}

async fn of_every_request(stage: &Stage, captured: &mut Captured) {
    let command = ("command", "getBalance");
    let (login, pass) = (("login", TEST), ("pass", TEST));
    let calls: [(Fault, &[Pair<'_>]); 6] = [
        (Fault::NoLogin, &[command, pass]),
        (Fault::UnknownLogin, &[command, ("login", "nobody"), pass]),
        (Fault::NoSecret, &[command, login]),
        (Fault::WrongSecret, &[command, login, ("pass", "wrong")]),
        (Fault::UnknownCommand, &[("command", "getbalance"), login, pass]),
        (Fault::TwoSecrets, &[command, login, pass, ("apikey", TEST)]),
    ];
    for (fault, fields) in calls {
        let call = stage.apih(fields).await;
        match fault {
            // Hidden logins are answered as wrong secrets.
            Fault::UnknownLogin if !answers(&call, CodeId::Apih(fault)) => {
                captured.excuse(CodeId::Apih(fault), "why_hidden", None);
            }
            _ => captured.provoke(CodeId::Apih(fault), vec![call]),
        }
    }
    let closed = stage.by(CLOSED, "getBalance", &[]).await;
    captured.excuse(CodeId::Apih(Fault::ApiOff), "why_account", Some(closed));
    let fenced = stage.by(FENCED, "getBalance", &[]).await;
    captured.excuse(CodeId::Apih(Fault::AddressRefused), "why_account", Some(fenced));
    let bad = stage.test("getOrders", &[("limit", "0")]).await;
    captured.provoke(CodeId::Apih(Fault::BadField), vec![bad]);
    let none = stage.test("getOrders", &[("after", "999999999")]).await;
    captured.provoke(CodeId::Apih(Fault::NoOrders), vec![none]);
    let vid = stage.test("getTarifs", &[("vid", "cloud")]).await;
    captured.provoke(CodeId::Apih(Fault::BadVid), vec![vid]);
}

/// A pick's fields with one of them changed or left out.
async fn changed(stage: &Stage, pick: &Pick<'_>, domain: &str, field: &str, value: Option<&str>) -> Exchange {
    let fields = pick.fields(domain);
    let mut changed: Vec<Pair<'_>> =
        fields.iter().map(|(name, value)| (*name, value.as_ref())).filter(|(name, _)| *name != field).collect();
    changed.extend(value.map(|value| (field, value)));
    stage.test(ORDER, &changed).await
}

async fn of_orders(stage: &Stage, catalogue: &Catalogue, captured: &mut Captured) {
    let apih = CodeId::Apih;
    match Vid::ALL.into_iter().find(|vid| catalogue.for_sale(*vid).next().is_none()) {
        Some(vid) => {
            let call = stage.test("getTarifs", &[("vid", vid.name())]).await;
            captured.provoke(apih(Fault::NoTariffs), vec![call]);
        }
        None => captured.excuse(apih(Fault::NoTariffs), "why_all_sold", None),
    }
    let missing = stage.test(ORDER, &[("vid", "hosting")]).await;
    captured.provoke(apih(Fault::NoTariffId), vec![missing]);
    let unknown = stage.test(ORDER, &[("vid", "hosting"), ("tarifid", "999999")]).await;
    captured.provoke(apih(Fault::UnknownTariff), vec![unknown]);
    match picks::hosting(catalogue) {
        Some(pick) => {
            captured.provoke(apih(Fault::BadDomain), vec![changed(stage, &pick, "", "domain", None).await]);
            let domain = Some("taken.example");
            let first = changed(stage, &pick, "", "domain", domain).await;
            captured.provoke(apih(Fault::AlreadyOrdered), vec![first.clone(), first]);
        }
        None => {
            captured.excuse(apih(Fault::BadDomain), "why_not_sold", None);
            captured.excuse(apih(Fault::AlreadyOrdered), "why_not_sold", None);
        }
    }
    match picks::hosting(catalogue).or_else(|| picks::server(catalogue)) {
        Some(pick) => {
            let free = "free.example";
            captured.provoke(apih(Fault::NoPeriod), vec![changed(stage, &pick, free, "period", None).await]);
            captured.provoke(apih(Fault::BadPeriod), vec![changed(stage, &pick, free, "period", Some("999")).await]);
            captured.provoke(apih(Fault::BadAddon), vec![changed(stage, &pick, free, "addons", Some("999999")).await]);
        }
        None => {
            for fault in [Fault::NoPeriod, Fault::BadPeriod, Fault::BadAddon] {
                captured.excuse(apih(fault), "why_not_sold", None);
            }
        }
    }
    of_special_tariffs(stage, catalogue, captured).await;
}

async fn of_special_tariffs(stage: &Stage, catalogue: &Catalogue, captured: &mut Captured) {
    let apih = CodeId::Apih;
    let any = |is: &dyn Fn(&Tariff) -> bool| picks::first(catalogue, &Vid::ALL, is);
    match any(&|tariff| tariff.once_per_customer) {
        Some(pick) => {
            let first = changed(stage, &pick, "", "domain", Some("first.example")).await;
            let second = changed(stage, &pick, "", "domain", Some("second.example")).await;
            captured.provoke(apih(Fault::OncePerCustomer), vec![first, second]);
        }
        None => captured.excuse(apih(Fault::OncePerCustomer), "why_not_sold", None),
    }
    match any(&|tariff| tariff.handling == Handling::Manual) {
        Some(pick) => {
            let call = changed(stage, &pick, "manual.example", "requestid", Some("manual-2048")).await;
            captured.provoke(apih(Fault::Manual), vec![call]);
        }
        None => captured.excuse(apih(Fault::Manual), "why_not_sold", None),
    }
    let bounded = any(&|tariff| catalogue.addons_of(tariff).next().is_some());
    let addon = bounded.as_ref().and_then(|pick| catalogue.addons_of(pick.tariff).last());
    match (bounded.as_ref(), addon) {
        (Some(pick), Some(addon)) => {
            let too_many = format!("{}:{}", addon.id.0, u64::from(addon.max_quantity) + 1);
            let call = changed(stage, pick, "free.example", "addons", Some(&too_many)).await;
            captured.provoke(apih(Fault::BadQuantity), vec![call]);
        }
        (_, _) => captured.excuse(apih(Fault::BadQuantity), "why_not_sold", None),
    }
    match any(&|tariff| !picks::required(catalogue, tariff).is_empty()) {
        Some(pick) => {
            let call = changed(stage, &pick, "free.example", "addons", None).await;
            captured.provoke(apih(Fault::GroupRequired), vec![call]);
        }
        None => captured.excuse(apih(Fault::GroupRequired), "why_not_sold", None),
    }
}

async fn of_one_order(stage: &Stage, catalogue: &Catalogue, server: Option<&str>, captured: &mut Captured) {
    let apih = CodeId::Apih;
    captured.provoke(apih(Fault::NoOrderId), vec![stage.test("suspendOrder", &[]).await]);
    let unknown = stage.test("suspendOrder", &[("orderid", "999999999")]).await;
    captured.provoke(apih(Fault::UnknownOrder), vec![unknown]);
    let hosting = match picks::hosting(catalogue) {
        Some(pick) => changed(stage, &pick, "one.example", "requestid", Some("order-2047")).await.told("orderid"),
        None => None,
    };
    match hosting.as_deref() {
        Some(id) => {
            captured.provoke(apih(Fault::Unsupported), vec![stage.test("restartOrder", &[("orderid", id)]).await])
        }
        None => captured.excuse(apih(Fault::Unsupported), "why_not_sold", None),
    }
    let Some(order) = server.or(hosting.as_deref()) else {
        for fault in [Fault::AlreadySuspended, Fault::AlreadyRunning, Fault::OtherToDate, Fault::RequestIdReused] {
            captured.excuse(apih(fault), "why_not_sold", None);
        }
        return;
    };
    let one = ("orderid", order);
    let running = stage.test("unSuspendOrder", &[one]).await;
    captured.provoke(apih(Fault::AlreadyRunning), vec![running]);
    let first = stage.test("suspendOrder", &[one, ("requestid", "suspend-2049")]).await;
    let second = stage.test("suspendOrder", &[one]).await;
    captured.provoke(apih(Fault::AlreadySuspended), vec![first, second]);
    let reused = stage.test("unSuspendOrder", &[one, ("requestid", "suspend-2049")]).await;
    captured.provoke(apih(Fault::RequestIdReused), vec![reused]);
    let other = stage.test("renewOrder", &[one, ("period", "1"), ("expect_todate", "2001-01-01")]).await;
    captured.provoke(apih(Fault::OtherToDate), vec![other]);
}

/// 31 and 20 by a customer who can't pay: test access always can, unless something costs more than it has.
async fn of_payment(stage: &Stage, catalogue: &Catalogue, captured: &mut Captured) {
    let apih = CodeId::Apih;
    let pick = picks::server(catalogue).or_else(|| picks::hosting(catalogue));
    let Some(pick) = pick else {
        captured.excuse(apih(Fault::AwaitingPayment), "why_not_sold", None);
        return captured.excuse(apih(Fault::UnpaidInvoices), "why_not_sold", None);
    };
    let mut fields = pick.fields("unpaid.example");
    fields.push(("requestid", "unpaid-2050".into()));
    let fields: Vec<Pair<'_>> = fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
    let owed = stage.by(POOR, ORDER, &fields).await;
    let order = owed.told("orderid");
    captured.excuse(apih(Fault::AwaitingPayment), "why_rich", Some(owed));
    let unpaid = match &order {
        Some(order) => Some(stage.by(POOR, "suspendOrder", &[("orderid", order)]).await),
        None => None,
    };
    captured.excuse(apih(Fault::UnpaidInvoices), "why_rich", unpaid);
}

/// The codes of `/json.php`. The server is suspended by now.
pub(super) async fn json(stage: &Stage, server: Option<&str>, captured: &mut Captured) {
    let id = CodeId::Json;
    let version = [("command", "version"), ("nick", TEST), ("password", TEST)];
    let from_elsewhere = stage.json_from(ELSEWHERE, &version).await;
    captured.excuse(id(IvFault::Network), "why_network", Some(from_elsewhere));
    let wrong = stage.json(&[("command", "version"), ("nick", TEST), ("password", "wrong")]).await;
    captured.provoke(id(IvFault::Credentials), vec![wrong]);
    captured.provoke(id(IvFault::Command), vec![stage.iv(TEST, "Version", &[]).await]);
    captured.provoke(id(IvFault::Id), vec![stage.iv(TEST, "server_info", &[]).await]);
    captured.provoke(id(IvFault::Service), vec![stage.iv(TEST, "server_info", &[("id", "999999999")]).await]);
    captured.provoke(id(IvFault::Parameter("")), vec![stage.iv(TEST, "account_credits", &[("count", "0")]).await]);
    match server {
        Some(server) => {
            captured.provoke(id(IvFault::Suspended), vec![stage.iv(TEST, "server_reboot", &[("id", server)]).await]);
        }
        None => captured.excuse(id(IvFault::Suspended), "why_not_sold", None),
    }
    captured.excuse(id(IvFault::Overdue), "why_swept", None);
    captured.excuse(id(IvFault::Unpaid), "why_rich", None);
    captured.excuse(id(IvFault::Balance), "why_rich", None);
    captured.excuse(id(IvFault::Unchangeable), "why_not_sold", None);
    captured.excuse(id(IvFault::Undoable), "why_not_sold", None);
    captured.codes.entry(id(IvFault::Immovable).anchor()).or_insert(Provoked::Not("why_not_sold", None));
    captured.excuse(id(IvFault::TooMany), "why_shared", None);
    captured.excuse(id(IvFault::Database), "why_outage", None);
}
