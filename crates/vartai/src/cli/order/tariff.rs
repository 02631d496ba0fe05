//! `vartai order change-tariff`, `vartai order quote`: other tariffs and addons, and what things would cost.

use clap::Args;
use domain::{
    calendar::Months,
    catalogue::TariffId,
    money::Money,
    orders::{AddonChoice, OrderId, Payment, TariffRequest, echo_addons, parse_addons},
};
use serde_json::{Value, json};
use store::{
    RealmKind, Tx, customers, invoices,
    orders::{self, Asked, RetariffFailure, Retariffed},
};

use crate::{
    cli::{
        explain::{steps, text},
        report::{Report, listing},
    },
    failure::Failure,
    installation::Installation,
};

/// Arguments of `vartai order change-tariff`.
#[derive(Debug, Args)]
pub struct ChangeTariffArguments {
    /// The order
    id: i64,
    /// The tariff from today on; that of the order for other addons alone
    tariff: i64,
    /// The addons from today on, as in createOrder (20,22:2); without it those that the tariff has, too
    #[arg(long, value_name = "ADDONS")]
    addons: Option<String>,
    /// Only tell what would be
    #[arg(long)]
    dry_run: bool,
    /// Why
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

/// Arguments of `vartai order quote`.
#[derive(Debug, Args)]
pub struct QuoteArguments {
    /// The order that would be renewed; without it a new one's price is told
    #[arg(conflicts_with_all = ["login", "tariff", "addons"])]
    id: Option<i64>,
    /// The customer that would order
    #[arg(long, requires = "tariff")]
    login: Option<String>,
    /// The tariff that would be ordered
    #[arg(long)]
    tariff: Option<i64>,
    /// The addons that would be ordered, as in createOrder (20,22:2)
    #[arg(long, value_name = "ADDONS")]
    addons: Option<String>,
    /// The period
    #[arg(long, value_parser = months)]
    months: Months,
}

fn months(text: &str) -> Result<Months, String> {
    Months::parse(text).ok_or_else(|| "it is a number of months from 1 to 120".to_owned())
}

fn chosen(addons: Option<&str>) -> Option<Vec<AddonChoice>> {
    addons.map(|text| if text.is_empty() { Vec::new() } else { parse_addons(text) })
}

/// Changes an order's tariff, or tells what that would be.
pub async fn change(
    kind: RealmKind,
    of: ChangeTariffArguments,
    installation: &Installation,
) -> Result<Report, Failure> {
    let request = TariffRequest { tariff: TariffId(of.tariff), addons: chosen(of.addons.as_deref()) };
    let changing = async |tx: &mut Tx| orders::change_tariff(tx, OrderId(of.id), &request, &of.note, of.dry_run).await;
    let done = match installation.realm(kind).transaction("change tariff", changing).await {
        Ok(done) => done,
        Err(RetariffFailure::Tried(would_be)) => *would_be,
        Err(RetariffFailure::Store(error)) => return Err(error.into()),
    };
    told(kind, &of, &done, installation).await
}

async fn told(
    kind: RealmKind,
    of: &ChangeTariffArguments,
    done: &Retariffed,
    installation: &Installation,
) -> Result<Report, Failure> {
    let change = &done.change;
    let currency = change.charged.currency();
    let with = |amount: Money| format!("{amount} {currency}");
    let (credit, bonus) = match &done.payment {
        Payment::Charged(charge) => (charge.credit, charge.bonus),
        Payment::Free | Payment::Owed => (Money::zero(currency), Money::zero(currency)),
    };
    let told = listing(&[
        ("order", of.id.to_string()),
        ("tariff", change.tariff.to_string()),
        ("addons", echo_addons(&change.addons)),
        ("was charged", with(change.charged)),
        ("consumed of that", with(change.consumed)),
        ("given back", with(change.refund)),
        ("costs now", with(change.cost)),
        ("out of credit", with(credit)),
        ("out of the bonus", with(bonus)),
        ("done", if of.dry_run { "no: this is what would be".to_owned() } else { "yes".to_owned() }),
    ]);
    let new = change.invoice.clone();
    let explaining = async |tx: &mut Tx| match &new {
        Some(new) => invoices::explain_new(&tx.catalogue(), new),
        None => Ok(Vec::new()),
    };
    let how = installation.realm(kind).transaction("explain", explaining).await?;
    let json = json!({
        "order": of.id, "tariff": change.tariff.0, "addons": echo_addons(&change.addons), "currency": currency.code(),
        "charged": change.charged.to_string(), "consumed": change.consumed.to_string(),
        "refund": change.refund.to_string(), "cost": change.cost.to_string(), "credit": credit.to_string(),
        "bonus": bonus.to_string(), "invoice": done.invoice.filter(|_| !of.dry_run).map(|id| id.0),
        "task": done.task.filter(|_| !of.dry_run).map(|id| id.0), "done": !of.dry_run, "steps": steps(&how),
    });
    Ok(Report::new(told + &text(&how), json))
}

/// Tells what an order or a renewal would cost, step by step. Nothing is written.
pub async fn quote(kind: RealmKind, of: QuoteArguments, installation: &Installation) -> Result<Report, Failure> {
    let asked = match (of.id, &of.login, of.tariff) {
        (Some(id), _, _) => Asked::Renewal(OrderId(id)),
        (None, Some(login), Some(tariff)) => {
            let reading =
                installation.realm(kind).read(async |connection| customers::by_login(connection, login).await);
            let customer = reading.await?.customer();
            Asked::Order {
                customer,
                tariff: TariffId(tariff),
                addons: chosen(of.addons.as_deref()).unwrap_or_default(),
            }
        }
        (None, _, _) => return Err(Failure::usage("name an order to renew, or --login and --tariff of a new one")),
    };
    let quoting = async |tx: &mut Tx| orders::quote(tx, &asked, of.months).await;
    let quoted = installation.realm(kind).transaction("quote", quoting).await?;
    let (total, currency) = (quoted.total, quoted.total.currency());
    let json: Value = json!({ "cost": total.to_string(), "currency": currency.code(), "steps": steps(&quoted.steps) });
    Ok(Report::new(format!("{}cost: {total} {currency}\n", text(&quoted.steps)), json))
}
