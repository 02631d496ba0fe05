//! What staff do to an order: say that it is done, and set it against the rules.

use clap::Args;
use domain::{money::Money, orders::OrderId};
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::{
    RealmKind, customers,
    orders::{self, Overrule, PasswordSet, Processed},
};

use super::{one, show};
use crate::{
    cli::{balance::currency, day::day, report::Report, secret},
    failure::Failure,
    installation::Installation,
};

/// Arguments of `vartai order process`.
#[derive(Debug, Args)]
pub struct ProcessArguments {
    /// The order
    id: i64,
    /// The service's login; without it the login stays
    #[arg(long, value_name = "LOGIN")]
    server_login: Option<String>,
    /// The service's password. Every user of this machine can read it while the command runs, and the shell keeps it:
    /// where that matters, use --server-password-stdin
    #[arg(long, value_name = "PASSWORD", conflicts_with_all = ["server_password_stdin", "server_password_kept"])]
    server_password: Option<SecretString>,
    /// Take the service's password from the first line of stdin
    #[arg(long, conflicts_with = "server_password_kept")]
    server_password_stdin: bool,
    /// The service has the password that `vartai order password` shows
    #[arg(long)]
    server_password_kept: bool,
    /// What the customer is told of the service
    #[arg(long, value_name = "TEXT")]
    remark: Option<String>,
}

/// Arguments of `vartai order override`.
#[derive(Debug, Args)]
pub struct OverrideArguments {
    /// The order
    id: i64,
    /// The day it is paid until, YYYY-MM-DD; renewals keep its day of month from then on
    #[arg(long, value_name = "DAY", value_parser = day)]
    paid_until: Option<Date>,
    /// The domain's registration: 0 without, 1 with, 3 with transfer
    #[arg(long, value_parser = registration)]
    domain_reg: Option<i16>,
    /// A monthly price for its renewals, in the customer's currency
    #[arg(long, value_name = "AMOUNT", conflicts_with = "catalogue_price")]
    fixed_monthly: Option<String>,
    /// Renew it at the catalogue's prices again
    #[arg(long)]
    catalogue_price: bool,
    /// What the customer is told of it
    #[arg(long, value_name = "TEXT")]
    remark: Option<String>,
}

/// Arguments of `vartai order set`.
#[derive(Debug, Args)]
pub struct SetArguments {
    /// The order
    id: i64,
    /// Whether it is renewed from the balance before its paid time ends
    #[arg(long, value_name = "on|off", required = true, action = clap::ArgAction::Set, value_parser = on_or_off)]
    auto_renew: bool,
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("it is on or off".to_owned()),
    }
}

fn registration(text: &str) -> Result<i16, String> {
    match text {
        "0" => Ok(0),
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("it is 0 (without), 1 (with) or 3 (with transfer)".to_owned()),
    }
}

/// What waited for staff is done.
pub async fn process(kind: RealmKind, of: ProcessArguments, installation: &Installation) -> Result<Report, Failure> {
    let password = match (of.server_password, of.server_password_stdin, of.server_password_kept) {
        (Some(password), _, _) => PasswordSet::New(password),
        (None, true, _) => PasswordSet::New(secret::from_stdin().await?),
        (None, false, true) => PasswordSet::Kept,
        (None, false, false) => PasswordSet::Unsaid,
    };
    let done = Processed { login: of.server_login, password, remark: of.remark };
    let processing = async |tx: &mut store::Tx| orders::process(tx, OrderId(of.id), &done).await;
    installation.realm(kind).transaction("process order", processing).await?;
    show(kind, of.id, installation).await
}

/// Sets how an order goes on by itself.
pub async fn set(kind: RealmKind, of: SetArguments, installation: &Installation) -> Result<Report, Failure> {
    let setting = async |tx: &mut store::Tx| orders::set_auto_renew(tx, OrderId(of.id), of.auto_renew).await;
    installation.realm(kind).transaction("set order", setting).await?;
    show(kind, of.id, installation).await
}

/// Shows an order's password.
pub async fn password(kind: RealmKind, id: i64, installation: &Installation) -> Result<Report, Failure> {
    let opening = async |tx: &mut store::Tx| orders::password(tx, OrderId(id)).await;
    let password = installation.realm(kind).transaction("show password", opening).await?;
    let password = password.ok_or_else(|| Failure::failed(format!("order {id} has no password yet")))?;
    let shown = password.expose_secret();
    Ok(Report::new(format!("{shown}\n"), json!({ "id": id, "password": shown })))
}

/// Sets what goes against the rules.
pub async fn overrule(kind: RealmKind, of: OverrideArguments, installation: &Installation) -> Result<Report, Failure> {
    let nothing = of.paid_until.is_none() && of.domain_reg.is_none() && of.fixed_monthly.is_none();
    if nothing && !of.catalogue_price && of.remark.is_none() {
        let options = "--paid-until, --domain-reg, --fixed-monthly, --catalogue-price or --remark";
        return Err(Failure::usage(format!("nothing to set: give {options}")));
    }
    let fixed = match (&of.fixed_monthly, of.catalogue_price) {
        (Some(amount), _) => Some(Some(fixed_price(kind, of.id, amount, installation).await?)),
        (None, true) => Some(None),
        (None, false) => None,
    };
    let change =
        Overrule { paid_until: of.paid_until, domain_reg: of.domain_reg, fixed_monthly: fixed, remark: of.remark };
    let setting = async |tx: &mut store::Tx| orders::overrule(tx, OrderId(of.id), &change).await;
    installation.realm(kind).transaction("override order", setting).await?;
    show(kind, of.id, installation).await
}

/// A price in minor units of the currency of the order's customer.
async fn fixed_price(kind: RealmKind, id: i64, amount: &str, installation: &Installation) -> Result<i64, Failure> {
    let login = one(kind, id, installation).await?.login;
    let reading = installation.realm(kind).read(async |connection| customers::by_login(connection, &login).await);
    let price = Money::parse(amount, currency(&reading.await?)?).map_err(Failure::usage)?;
    if price.in_minor() < 0 {
        return Err(Failure::usage(format!("{amount} can't be a price")));
    }
    Ok(price.in_minor())
}
