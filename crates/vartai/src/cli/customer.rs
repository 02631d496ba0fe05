//! `vartai customer`

mod test_mode;

use clap::{Args, Subcommand, ValueEnum};
use domain::{
    language::Language,
    money::{Currency, Percent, PercentError},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::{
    RealmKind, catalogue as stored,
    customers::{self, CustomerChange, CustomerRow, NewCustomer},
};

use super::{
    balance::{Balances, balances},
    catalogue::unpriced,
    profile::{self, ProfileArguments},
    report::{Report, listing, table, yes_no},
    secret::{NewPassword, PasswordSource},
};
use crate::{
    failure::Failure,
    installation::{Installation, TEST_ACCESS, password_hash},
};

/// What to do with customers.
#[derive(Debug, Subcommand)]
pub enum CustomerCommand {
    /// Add a customer with empty wallets
    Add(AddArguments),
    /// Show a customer with its balance, keys and networks
    Show {
        /// The customer
        login: String,
    },
    /// List the customers
    List,
    /// Change a customer's language, VAT rate or access
    Set(SetArguments),
    /// Close the gateway to a customer
    Disable {
        /// The customer
        login: String,
    },
    /// Open the gateway to a customer again
    Enable {
        /// The customer
        login: String,
    },
    /// Set or show who a customer is on paper: on invoices and in account_info
    Profile(Box<ProfileArguments>),
    /// Test mode of a customer's own login: a test key, and a test realm that only this key opens
    #[command(subcommand, arg_required_else_help = true)]
    TestMode(test_mode::TestModeCommand),
    /// Set a customer's password; whatever was verified before counts no more
    Password {
        /// The customer
        login: String,
        #[command(flatten)]
        password: PasswordSource,
    },
}

/// A switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Open
    On,
    /// Closed
    Off,
}

/// Arguments of `vartai customer add`.
#[derive(Debug, Args)]
pub struct AddArguments {
    /// What the customer logs in as: 1 to 64 characters without white space
    login: String,
    /// Its currency, by ISO 4217 code; it never changes
    #[arg(long, default_value = "EUR")]
    currency: Currency,
    /// Its language: ru, en or lt
    #[arg(long, default_value = "ru")]
    language: Language,
    /// The VAT rate of its invoices, in percent; without it, or with `rules`, the rules of VAT decide ([billing.vat])
    #[arg(long, value_name = "PERCENT", value_parser = vat_rate)]
    vat: Option<VatRate>,
    /// Whether the gateway is open to it
    #[arg(long, value_enum, default_value = "on")]
    api: Switch,
    #[command(flatten)]
    password: PasswordSource,
}

/// Arguments of `vartai customer set`.
#[derive(Debug, Args)]
#[group(multiple = true)]
pub struct SetArguments {
    /// The customer
    login: String,
    /// Its language: ru, en or lt
    #[arg(long)]
    language: Option<Language>,
    /// The VAT rate of its new invoices, in percent; `rules`: the rules of VAT decide ([billing.vat])
    #[arg(long, value_name = "PERCENT", value_parser = vat_rate)]
    vat: Option<VatRate>,
    /// Whether the gateway is open to it
    #[arg(long, value_enum)]
    api: Option<Switch>,
    /// So many of its reinstallations and removals an hour run by themselves, more wait for staff; `default`: as the
    /// configuration says
    #[arg(long, value_name = "NUMBER", value_parser = budget)]
    destructive_per_hour: Option<Budget>,
}

/// A customer's own budget of destructive operations; none: the installation's.
type Budget = Option<i32>;

fn budget(text: &str) -> Result<Budget, String> {
    let number = || text.parse().ok().filter(|number| *number >= 0).map(Some);
    match text {
        "default" => Ok(None),
        _ => number().ok_or_else(|| "write a whole number, or default".to_owned()),
    }
}

/// A VAT rate that staff set; none: the rules of VAT decide.
type VatRate = Option<Percent>;

fn vat_rate(text: &str) -> Result<VatRate, String> {
    if text == "rules" { Ok(None) } else { text.parse().map(Some).map_err(|error: PercentError| error.to_string()) }
}

/// Does it.
pub async fn run(command: CustomerCommand, installation: &Installation) -> Result<Report, Failure> {
    match command {
        CustomerCommand::Add(arguments) => add(arguments, installation).await,
        CustomerCommand::Show { login } => show(&login, installation).await,
        CustomerCommand::List => list(installation).await,
        CustomerCommand::Set(arguments) => set(arguments, installation).await,
        CustomerCommand::Disable { login } => {
            let disabled = CustomerChange { disabled: Some(true), ..CustomerChange::default() };
            change(&login, disabled, installation).await
        }
        CustomerCommand::Enable { login } => {
            let enabled = CustomerChange { disabled: Some(false), ..CustomerChange::default() };
            change(&login, enabled, installation).await
        }
        CustomerCommand::Profile(arguments) => profile::run(*arguments, installation).await,
        CustomerCommand::TestMode(command) => test_mode::run(command, installation).await,
        CustomerCommand::Password { login, password } => set_password(&login, password, installation).await,
    }
}

async fn add(arguments: AddArguments, installation: &Installation) -> Result<Report, Failure> {
    if arguments.login == TEST_ACCESS {
        return Err(Failure::failed("the login test is that of test access, and can't be a customer's"));
    }
    let password = arguments.password.get().await?;
    let new = NewCustomer {
        login: arguments.login,
        currency: arguments.currency,
        language: arguments.language,
        vat: arguments.vat.flatten(),
        api: arguments.api == Switch::On,
        password_hash: Some(password_hash(password.password.clone()).await?),
        demo: false,
    };
    let live = &installation.database.live;
    live.transaction("add customer", async |tx| customers::add(tx, &new).await).await?;
    let report = with_password(&installation.customer(&new.login).await?, &password, installation)?;
    let unpriced = unpriced(&stored::in_force(&installation.connect).await?, installation).await?;
    Ok(match unpriced.contains(&new.currency) {
        true => report.with_note("the catalogue has no exchange rate for the currency yet: nothing can be ordered"),
        false => report,
    })
}

async fn set_password(login: &str, source: PasswordSource, installation: &Installation) -> Result<Report, Failure> {
    installation.customer(login).await?;
    let password = source.get().await?;
    let hash = password_hash(password.password.clone()).await?;
    let change = CustomerChange { password_hash: Some(hash), ..CustomerChange::default() };
    let live = &installation.database.live;
    live.transaction("set password", async |tx| customers::set(tx, login, &change).await).await?;
    with_password(&installation.customer(login).await?, &password, installation)
}

async fn set(arguments: SetArguments, installation: &Installation) -> Result<Report, Failure> {
    let SetArguments { login, language, vat, api, destructive_per_hour } = arguments;
    if language.is_none() && vat.is_none() && api.is_none() && destructive_per_hour.is_none() {
        return Err(Failure::usage("nothing to set: give --language, --vat, --api or --destructive-per-hour"));
    }
    let api = api.map(|api| api == Switch::On);
    let wanted = CustomerChange { language, vat, api, destructive_per_hour, ..CustomerChange::default() };
    change(&login, wanted, installation).await
}

async fn change(login: &str, change: CustomerChange, installation: &Installation) -> Result<Report, Failure> {
    let live = &installation.database.live;
    live.transaction("change customer", async |tx| customers::set(tx, login, &change).await).await?;
    let changed = installation.customer(login).await?;
    Ok(Report::new(listing(&lines(&changed, installation)?), json_of(&changed)?))
}

/// A customer, with its password where that was made here: the only time that it is told.
fn with_password(of: &CustomerRow, password: &NewPassword, installation: &Installation) -> Result<Report, Failure> {
    let mut json = json_of(of)?;
    let mut told = lines(of, installation)?;
    if password.made {
        let password = password.password.expose_secret();
        told.push(("password", format!("{password} (shown this once)")));
        if let Some(fields) = json.as_object_mut() {
            fields.insert("password".to_owned(), Value::from(password));
        }
    }
    Ok(Report::new(listing(&told), json))
}

async fn list(installation: &Installation) -> Result<Report, Failure> {
    let all = installation.database.live.read(async |connection| customers::list(connection).await).await?;
    let rows = all.iter().map(|c| {
        Ok([
            c.id.to_string(),
            c.login.clone(),
            c.currency.clone(),
            c.language.clone(),
            vat_text(c)?,
            yes_no(c.api_enabled),
            yes_no(c.disabled),
        ])
    });
    let rows: Vec<[String; 7]> = rows.collect::<Result<_, Failure>>()?;
    let text = table(["ID", "LOGIN", "CURRENCY", "LANGUAGE", "VAT %", "API", "DISABLED"], &rows, "no customers");
    Ok(Report::new(text, all.iter().map(json_of).collect::<Result<_, _>>()?))
}

async fn show(login: &str, installation: &Installation) -> Result<Report, Failure> {
    let found = installation.customer(login).await?;
    let live = &installation.database.live;
    let (keys, networks) = live
        .read(async |connection| {
            let keys = customers::keys(connection, found.customer()).await?;
            Ok::<_, store::Error>((keys, customers::allowed(connection, found.customer()).await?))
        })
        .await?;
    let Balances { credit, bonus, total } = balances(installation, RealmKind::Live, &found).await?;
    let keys = keys.iter().filter(|key| key.revoked_at.is_none()).count();
    let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
    let mut told = lines(&found, installation)?;
    told.extend([
        ("credit", credit.clone()),
        ("bonus", bonus.clone()),
        ("balance", total.clone()),
        ("keys in force", keys.to_string()),
        ("networks", if networks.is_empty() { "any".to_owned() } else { networks.join(", ") }),
    ]);
    let mut json = json_of(&found)?;
    if let Some(fields) = json.as_object_mut() {
        for (name, value) in [("credit", credit), ("bonus", bonus), ("balance", total)] {
            fields.insert(name.to_owned(), Value::from(value));
        }
        fields.insert("keys".to_owned(), json!(keys));
        fields.insert("networks".to_owned(), json!(networks));
    }
    Ok(Report::new(listing(&told), json))
}

/// The rate that staff set; 0 where they set none.
fn vat(of: &CustomerRow) -> Result<Percent, Failure> {
    Percent::basis_points(of.vat_points.into()).map_err(Failure::failed)
}

/// The same for people.
fn vat_text(of: &CustomerRow) -> Result<String, Failure> {
    Ok(if of.vat_fixed { vat(of)?.to_string() } else { "rules".to_owned() })
}

fn lines(of: &CustomerRow, installation: &Installation) -> Result<Vec<(&'static str, String)>, Failure> {
    Ok(vec![
        ("id", of.id.to_string()),
        ("login", of.login.clone()),
        ("currency", of.currency.clone()),
        ("language", of.language.clone()),
        ("VAT %", vat_text(of)?),
        ("API access", if of.api_enabled { "on".to_owned() } else { "off".to_owned() }),
        ("disabled", yes_no(of.disabled)),
        ("destructive an hour", of.destructive_per_hour.map_or("default".to_owned(), |most| most.to_string())),
        ("added", installation.moment(of.created_at)),
    ])
}

fn json_of(of: &CustomerRow) -> Result<Value, Failure> {
    Ok(json!({
        "id": of.id,
        "login": of.login,
        "currency": of.currency,
        "language": of.language,
        "vat": vat(of)?.to_string(),
        "vat_fixed": of.vat_fixed,
        "api": of.api_enabled,
        "disabled": of.disabled,
        "demo": of.demo,
        "destructive_per_hour": of.destructive_per_hour,
        "created": of.created_at.to_string(),
    }))
}
