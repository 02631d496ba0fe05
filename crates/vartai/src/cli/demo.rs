//! `vartai demo`: data for trying Vartai out (CONTRACT 5).

mod data;

use ::catalogue::{applied, plan, read};
use clap::{Args, Subcommand};
use domain::{
    calendar::Months,
    catalogue::Catalogue,
    customers::CustomerId,
    domain_name::DomainName,
    field::Field,
    language::Language,
    money::{Currency, Money},
    orders::{PlaceRequest, Unpaid, parse_addons},
    vat::{VatAddress, VatStanding},
};
use gateway_http::auth::keys;
use serde_json::{Value, json};
use store::{
    Error, Tx, catalogue as stored,
    customers::{self, CustomerChange, NewCustomer},
    ledger::{self, Movement},
    orders::{self, Buyer, PlaceFailure},
};

use self::data::{Amount, CUSTOMERS, DemoCustomer, DemoOrder, ENTRIES, HISTORY_OF, ORDERS};
use super::report::{Report, table};
use crate::{
    failure::Failure,
    installation::{Installation, password_hash},
};

/// What is for sale in the demo.
const CATALOGUE: &str = include_str!("../../../../deploy/catalogue.demo.toml");

/// The budget of destructive operations of each customer of the demo (CONTRACT 5).
const DESTRUCTIVE_PER_HOUR: i32 = 1000;

/// What to do with the demo's data.
#[derive(Debug, Subcommand)]
pub enum DemoCommand {
    /// Load the demo's catalogue and customers into an empty database
    Load(LoadArguments),
}

/// Arguments of `vartai demo load`.
#[derive(Debug, Args)]
pub struct LoadArguments {
    /// Do nothing, and call that success, where the database is not empty
    #[arg(long)]
    if_empty: bool,
}

/// Does it.
pub async fn run(command: DemoCommand, installation: &Installation) -> Result<Report, Failure> {
    let DemoCommand::Load(LoadArguments { if_empty }) = command;
    if let Some(why) = why_not_empty(installation).await? {
        return not_loaded(&why, if_empty);
    }
    let outcome = load(installation).await;
    if outcome.is_err()
        // Another may have loaded it at the same time, and come first.
        && let Some(why) = why_not_empty(installation).await?
    {
        return not_loaded(&why, if_empty);
    }
    outcome
}

/// Why nothing is loaded: as the answer where that was allowed for.
fn not_loaded(why: &str, if_empty: bool) -> Result<Report, Failure> {
    match if_empty {
        true => Ok(Report::new(format!("{why}: nothing is loaded"), json!({ "loaded": false }))),
        false => Err(Failure::failed(format!("{why}: the demo is loaded into an empty database only"))),
    }
}

/// The demo's catalogue as it is in force once applied.
fn demo_catalogue(old: &Catalogue) -> Result<(Catalogue, bool), Failure> {
    let new = read(CATALOGUE).map_err(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Failure::failed(format!("the demo's catalogue: {}", told.join("; ")))
    })?;
    let changes = !plan(old, &new).is_empty();
    Ok((applied(old, &new), changes))
}

/// What is in the database, if anything is. The demo's catalogue alone is nothing: loading may have been cut off.
async fn why_not_empty(installation: &Installation) -> Result<Option<String>, Failure> {
    let there = installation.database.live.read(async |connection| customers::list(connection).await).await?;
    if !there.is_empty() {
        return Ok(Some(format!("the database has {} customers", there.len())));
    }
    let old = stored::in_force(&installation.connect).await?;
    let (_, differs) = demo_catalogue(&old)?;
    Ok((!old.tariffs.is_empty() && differs).then(|| "the database has another catalogue".to_owned()))
}

async fn load(installation: &Installation) -> Result<Report, Failure> {
    let old = stored::in_force(&installation.connect).await?;
    let (catalogue, differs) = demo_catalogue(&old)?;
    let mut hashed = Vec::with_capacity(CUSTOMERS.len());
    for customer in &CUSTOMERS {
        let api_user = match customer.api_user {
            Some((nick, password)) => Some((nick, password_hash(password.into()).await?)),
            None => None,
        };
        hashed.push((customer, password_hash(customer.password.into()).await?, api_user));
    }
    if differs {
        stored::apply(&installation.connect, &catalogue, "the demo").await?;
    }
    // All customers with all that they have in one transaction: never half a demo.
    let loading = installation.database.live.transaction("load demo", async |tx| {
        for (customer, hash, api_user) in &hashed {
            let id = add(tx, customer, hash).await?;
            if let Some((nick, hash)) = api_user {
                customers::add_sub_user(tx, id, nick, customers::API, hash).await?;
            }
        }
        Ok::<_, Error>(())
    });
    loading.await?;
    Ok(told())
}

fn told() -> Report {
    let mut rows = Vec::with_capacity(CUSTOMERS.len());
    let mut json = Vec::with_capacity(CUSTOMERS.len());
    for DemoCustomer { login, password, key, currency, .. } in &CUSTOMERS {
        rows.push([*login, *password, *key, currency.code()].map(str::to_owned));
        json.push(json!({ "login": login, "password": password, "key": key, "currency": currency.code() }));
    }
    let text = table(["LOGIN", "PASSWORD", "API KEY", "CURRENCY"], &rows, "no customers");
    Report::new(text, json!({ "loaded": true, "customers": Value::from(json) }))
}

async fn add(tx: &mut Tx, of: &DemoCustomer, hash: &str) -> Result<CustomerId, Error> {
    let new = NewCustomer {
        login: of.login.to_owned(),
        currency: of.currency,
        language: Language::Ru,
        vat: None,
        api: of.api,
        password_hash: Some(hash.to_owned()),
        demo: true,
    };
    let customer = customers::add(tx, &new).await?;
    let budget = CustomerChange { destructive_per_hour: Some(Some(DESTRUCTIVE_PER_HOUR)), ..CustomerChange::default() };
    customers::set(tx, of.login, &budget).await?;
    let hint: String = of.key.chars().take(4).collect();
    customers::issue_key(tx, customer, &keys::digest(of.key), &hint).await?;
    if let Some(network) = of.network {
        customers::allow(tx, customer, network.parse().map_err(Error::corrupt)?).await?;
    }
    let buyer = Buyer { customer, currency: of.currency, vat: VatStanding::of(new.vat, VatAddress::default()) };
    if of.login == HISTORY_OF {
        history(tx, &buyer).await?;
    }
    settle(tx, &buyer, of).await?;
    Ok(customer)
}

/// What a customer bought and was given before.
async fn history(tx: &mut Tx, of: &Buyer) -> Result<(), Error> {
    for (movement, amount, note) in ENTRIES {
        ledger::move_money(tx, of.customer, movement, money(amount, of.currency)?, note).await?;
    }
    for order in &ORDERS {
        let request = request(order).ok_or_else(|| Error::corrupt(format!("the demo's order {order:?}")))?;
        match orders::place(tx, of, &request, Unpaid::Refuse).await {
            Ok(_) => {}
            Err(PlaceFailure::Store(error)) => return Err(error),
            Err(PlaceFailure::Decided(why)) => {
                return Err(Error::Refused(format!("the demo's order {order:?} is not taken: {why:?}")));
            }
        }
    }
    Ok(())
}

/// Brings the wallets to what the demo promises, whatever was bought.
async fn settle(tx: &mut Tx, of: &Buyer, wanted: &DemoCustomer) -> Result<(), Error> {
    let wallets = ledger::lock_wallets(tx, of.customer, of.currency).await?;
    for (movement, amount, has, note) in [
        (Movement::Deposit, wanted.credit, wallets.credit, "bank transfer"),
        (Movement::Bonus, wanted.bonus, wallets.bonus, "welcome"),
    ] {
        let missing = money(amount, of.currency)?.minus(has).map_err(Error::corrupt)?;
        if !missing.is_zero() {
            ledger::move_money(tx, of.customer, movement, missing, note).await?;
        }
    }
    Ok(())
}

fn money(Amount(amount): Amount, currency: Currency) -> Result<Money, Error> {
    Money::parse(amount, currency).map_err(Error::corrupt)
}

fn request(of: &DemoOrder) -> Option<PlaceRequest> {
    let domain = match of.domain {
        "" => Field::Absent,
        name => Field::Given(DomainName::parse(name).ok()?),
    };
    Some(PlaceRequest {
        vid: Field::Given(of.vid),
        tariff: Field::Given(of.tariff),
        period: Field::Given(Months::new(of.months)?),
        domain,
        addons: if of.addons.is_empty() { Vec::new() } else { parse_addons(of.addons) },
    })
}

#[cfg(test)]
mod tests;
