//! `vartai order`

mod staff;
mod tariff;

use clap::{Args, Subcommand};
use domain::{
    firewall::{Firewall, Limit},
    orders::OrderId,
};
use jiff::civil::Date;
use serde_json::{Value, json};
use store::{
    RealmKind,
    addresses::{self, HeldAddress},
    customers,
    orders::{self, OrderFilter, OrderRow},
    servers,
    tasks::TaskFilter,
};

use self::{
    staff::{OverrideArguments, ProcessArguments, SetArguments},
    tariff::{ChangeTariffArguments, QuoteArguments},
};
use super::{
    realm::RealmOption,
    report::{Report, listing, or_null, table, yes_no},
    task,
};
use crate::{failure::Failure, installation::Installation};

/// Arguments of `vartai order`.
#[derive(Debug, Args)]
pub struct OrderArguments {
    #[command(flatten)]
    realm: RealmOption,
    #[command(subcommand)]
    command: OrderCommand,
}

/// What to do with orders.
#[derive(Debug, Subcommand)]
enum OrderCommand {
    /// List orders, by id
    List {
        /// Of this customer only
        login: Option<String>,
        /// Those with something that waits for staff only
        #[arg(long)]
        manual: bool,
        /// Terminated ones, too
        #[arg(long)]
        all: bool,
    },
    /// Show an order with its tasks
    Show {
        /// The order
        id: i64,
    },
    /// Show the password that an order's service has, or is to have
    Password {
        /// The order
        id: i64,
    },
    /// An order in manual handling is done: what waited for staff is closed
    Process(ProcessArguments),
    /// Set what of an order goes against the rules
    #[command(arg_required_else_help = true)]
    Override(OverrideArguments),
    /// Set how an order goes on by itself
    #[command(arg_required_else_help = true)]
    Set(SetArguments),
    /// Change an order's tariff or addons from today on: what is left of the old is given back, the new is charged
    #[command(arg_required_else_help = true)]
    ChangeTariff(ChangeTariffArguments),
    /// Tell what a new order or a renewal would cost, step by step; nothing is charged
    #[command(arg_required_else_help = true)]
    Quote(QuoteArguments),
    /// End an order: its domain is free, its server is off, and removed after the days of grace
    Terminate {
        /// The order
        id: i64,
        /// What the customer is told of it
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// Take an order's end back while its server is still there
    Restore {
        /// The order
        id: i64,
    },
}

/// Does it.
pub async fn run(arguments: OrderArguments, installation: &Installation) -> Result<Report, Failure> {
    let kind = arguments.realm.kind();
    match arguments.command {
        OrderCommand::List { login, manual, all } => list(kind, login.as_deref(), manual, all, installation).await,
        OrderCommand::Show { id } => show(kind, id, installation).await,
        OrderCommand::Password { id } => staff::password(kind, id, installation).await,
        OrderCommand::Process(of) => staff::process(kind, of, installation).await,
        OrderCommand::Override(of) => staff::overrule(kind, of, installation).await,
        OrderCommand::Set(of) => staff::set(kind, of, installation).await,
        OrderCommand::ChangeTariff(of) => tariff::change(kind, of, installation).await,
        OrderCommand::Quote(of) => tariff::quote(kind, of, installation).await,
        OrderCommand::Restore { id } => {
            let restoring = async |tx: &mut store::Tx| orders::restore(tx, OrderId(id)).await;
            installation.realm(kind).transaction("restore order", restoring).await?;
            show(kind, id, installation).await
        }
        OrderCommand::Terminate { id, note } => {
            let ending = async |tx: &mut store::Tx| orders::terminate(tx, OrderId(id), note.as_deref()).await;
            installation.realm(kind).transaction("terminate order", ending).await?;
            show(kind, id, installation).await
        }
    }
}

async fn list(
    kind: RealmKind,
    login: Option<&str>,
    manual: bool,
    with_terminated: bool,
    installation: &Installation,
) -> Result<Report, Failure> {
    let reading = installation.realm(kind).read(async |connection| {
        let customer = match login {
            Some(login) => Some(customers::by_login(connection, login).await?.customer()),
            None => None,
        };
        orders::list(connection, &OrderFilter { customer, manual, with_terminated, ..OrderFilter::default() }).await
    });
    let all = reading.await?;
    let mut rows = Vec::with_capacity(all.len());
    for order in &all {
        rows.push([
            order.id.to_string(),
            order.login.clone(),
            order.vid.clone(),
            order.tariff_id.to_string(),
            order.domain.clone().unwrap_or_default(),
            order.state()?.name().to_owned(),
            day(order.start()),
            day(order.paid_until()),
        ]);
    }
    let head = ["ID", "LOGIN", "KIND", "TARIFF", "DOMAIN", "STATE", "START", "PAID UNTIL"];
    let json = all.iter().map(json_of).collect::<Result<Value, Failure>>()?;
    Ok(Report::new(table(head, &rows, "no orders"), json))
}

fn day(of: Option<Date>) -> String {
    of.map(|day| day.to_string()).unwrap_or_default()
}

/// An order of a realm, terminated or not.
async fn one(kind: RealmKind, id: i64, installation: &Installation) -> Result<OrderRow, Failure> {
    let filter = OrderFilter { id: Some(OrderId(id)), with_terminated: true, ..OrderFilter::default() };
    let reading = installation.realm(kind).read(async |connection| orders::list(connection, &filter).await);
    let found = reading.await?.into_iter().next();
    found.ok_or_else(|| Failure::failed(format!("there is no order {id}")))
}

async fn show(kind: RealmKind, id: i64, installation: &Installation) -> Result<Report, Failure> {
    let order = one(kind, id, installation).await?;
    let filter = TaskFilter { order: Some(id), most: 1000, ..TaskFilter::default() };
    let tasks = task::read(kind, &filter, installation).await?;
    let server = async |tx: &mut store::Tx| network(tx, id).await;
    let (addresses, firewall) = installation.realm(kind).transaction("show order", server).await?;
    let name = |of: &HeldAddress| of.ptr.as_ref().map_or_else(|| of.ip.to_string(), |ptr| format!("{} ({ptr})", of.ip));
    let limits = Limit::ALL.map(|limit| format!("{} {}", limit.name(), firewall.get(limit)));
    let mut text = listing(&[
        ("id", order.id.to_string()),
        ("customer", order.login.clone()),
        ("tariff", format!("{} {}", order.vid, order.tariff_id)),
        ("domain", order.domain.clone().unwrap_or_default()),
        ("registration", order.domain_reg.to_string()),
        ("state", order.state()?.name().to_owned()),
        ("ordered", installation.moment(order.created_at)),
        ("start", day(order.start())),
        ("paid until", day(order.paid_until())),
        ("renews by itself", yes_no(order.auto_renew)),
        ("suspended for being overdue", day(order.lapsed_on())),
        ("server login", order.server_login.clone()),
        ("addresses", addresses.iter().map(name).collect::<Vec<_>>().join(", ")),
        ("packet filter", limits.join(", ")),
        ("remark", order.remark.clone()),
        ("attention", order.attention.clone().unwrap_or_default()),
    ]);
    text.push_str(&task::rows(&tasks, installation));
    let mut json = json_of(&order)?;
    if let Some(fields) = json.as_object_mut() {
        let address = |of: &HeldAddress| json!({ "ip": of.ip.to_string(), "ptr": or_null(of.ptr.as_ref()) });
        fields.insert("addresses".to_owned(), addresses.iter().map(address).collect());
        let limits = Limit::ALL.into_iter().map(|limit| (limit.name().to_owned(), firewall.get(limit).into()));
        fields.insert("firewall".to_owned(), Value::Object(limits.collect()));
        fields.insert("tasks".to_owned(), tasks.iter().map(task::json_of).collect());
    }
    Ok(Report::new(text, json))
}

/// What connects an order's server.
async fn network(tx: &mut store::Tx, id: i64) -> Result<(Vec<HeldAddress>, Firewall), store::Error> {
    let addresses = addresses::of(tx, OrderId(id)).await?;
    Ok((addresses, servers::limits_in_force(tx, OrderId(id)).await?))
}

fn json_of(of: &OrderRow) -> Result<Value, Failure> {
    let state = of.state()?;
    Ok(json!({
        "id": of.id, "login": of.login, "vid": of.vid, "tariff_id": of.tariff_id, "domain": of.domain,
        "domain_reg": of.domain_reg, "state": state.name(), "status": state.wire(),
        "created": of.created_at.to_string(), "start": or_null(of.start()), "paid_until": or_null(of.paid_until()),
        "auto_renew": of.auto_renew, "lapsed_on": or_null(of.lapsed_on()),
        "server_login": of.server_login, "remark": of.remark, "attention": of.attention,
    }))
}
