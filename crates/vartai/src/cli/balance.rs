//! `vartai balance`

use clap::{Args, Subcommand};
use domain::{
    billing::PaymentReference,
    money::{Currency, Money},
};
use jiff::civil::Date;
use serde_json::{Value, json};
use store::{
    RealmKind,
    customers::CustomerRow,
    ledger::{self, BonusGrant, NewBonus},
    payments::{self, Incoming, Outgoing, PaidBack, Received},
};

use super::{
    day::day,
    report::{Report, listing, table},
};
use crate::{failure::Failure, installation::Installation};

/// What to do with a customer's money.
#[derive(Debug, Subcommand)]
pub enum BalanceCommand {
    /// Money came in: add it to the credit
    Deposit(NamedArguments),
    /// Money is paid back: take it from the credit
    Withdraw(NamedArguments),
    /// Give a bonus, which charges take first, that which expires first before others
    Bonus(BonusArguments),
    /// List a customer's bonuses, newest first, with what is left of each
    Bonuses {
        /// The customer
        login: String,
    },
    /// List what moved the credit and the bonus, newest first
    Statement {
        /// The customer
        login: String,
        /// So many lines at the most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
    },
}

/// Arguments of a movement.
#[derive(Debug, Args)]
pub struct MovementArguments {
    /// The customer
    login: String,
    /// How much, in the customer's currency: 12.50
    amount: String,
    /// Why, for the statement
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

/// Arguments of `vartai balance bonus`.
#[derive(Debug, Args)]
pub struct BonusArguments {
    #[command(flatten)]
    movement: MovementArguments,
    /// The last day that it can be spent on; for ever unless given
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    expires: Option<Date>,
}

/// Arguments of `vartai balance deposit` and `withdraw`.
#[derive(Debug, Args)]
pub struct NamedArguments {
    #[command(flatten)]
    movement: MovementArguments,
    /// What the bank calls it: it is recorded once, however often it is told
    #[arg(long)]
    reference: Option<PaymentReference>,
}

/// Does it.
pub async fn run(command: BalanceCommand, installation: &Installation) -> Result<Report, Failure> {
    match command {
        BalanceCommand::Deposit(of) => deposit(of, installation).await,
        BalanceCommand::Withdraw(of) => withdraw(of, installation).await,
        BalanceCommand::Bonus(of) => bonus(of, installation).await,
        BalanceCommand::Bonuses { login } => bonuses(&login, installation).await,
        BalanceCommand::Statement { login, limit } => statement(&login, limit, installation).await,
    }
}

/// What a customer has, as text.
pub struct Balances {
    /// Paid in and left.
    pub credit: String,
    /// Given and left.
    pub bonus: String,
    /// Both.
    pub total: String,
}

/// A customer's currency.
///
/// # Errors
/// It can't be read back.
pub fn currency(of: &CustomerRow) -> Result<Currency, Failure> {
    of.currency.parse().map_err(Failure::failed)
}

/// What a customer has.
///
/// # Errors
/// The database's.
pub async fn balances(installation: &Installation, realm: RealmKind, of: &CustomerRow) -> Result<Balances, Failure> {
    let (customer, currency) = (of.customer(), currency(of)?);
    let reading = installation.realm(realm).read(async |connection| {
        ledger::balance(connection, realm, customer, currency).await //
    });
    let wallets = reading.await?;
    let total = wallets.credit.plus(wallets.bonus).map_err(Failure::failed)?;
    Ok(Balances { credit: wallets.credit.to_string(), bonus: wallets.bonus.to_string(), total: total.to_string() })
}

async fn bonus(of: BonusArguments, installation: &Installation) -> Result<Report, Failure> {
    let BonusArguments { movement: MovementArguments { login, amount, note }, expires } = of;
    let customer = installation.customer(&login).await?;
    let amount = Money::parse(&amount, currency(&customer)?).map_err(Failure::usage)?;
    let (id, live) = (customer.customer(), &installation.database.live);
    let new = NewBonus { amount, reason: &note, expires_on: expires };
    live.transaction("bonus", async |tx| ledger::grant_bonus(tx, id, &new).await).await?;
    payments::settle(live, id).await?;
    told(&customer, amount, false, installation).await
}

async fn bonuses(login: &str, installation: &Installation) -> Result<Report, Failure> {
    let customer = installation.customer(login).await?;
    let currency = currency(&customer)?;
    let live = &installation.database.live;
    let all = live.read(async |connection| ledger::bonuses(connection, customer.customer()).await).await?;
    let money = |minor| Money::minor(minor, currency).to_string();
    let until = |of: &BonusGrant| of.expires_on.map(|day| day.to_string());
    let rows: Vec<[String; 5]> = all
        .iter()
        .map(|of| {
            let given = installation.moment(of.granted_at);
            [given, money(of.amount), money(of.remaining), until(of).unwrap_or_default(), of.reason.clone()]
        })
        .collect();
    let json = all.iter().map(|of| {
        json!({
            "id": of.id, "amount": money(of.amount), "remaining": money(of.remaining), "expires": until(of),
            "reason": of.reason, "granted": of.granted_at.to_string(),
        })
    });
    let json: Value = json.collect();
    Ok(Report::new(table(["GIVEN", "AMOUNT", "LEFT", "UNTIL", "REASON"], &rows, "no bonuses"), json))
}

async fn deposit(of: NamedArguments, installation: &Installation) -> Result<Report, Failure> {
    let NamedArguments { movement: MovementArguments { login, amount, note }, reference } = of;
    let customer = installation.customer(&login).await?;
    let amount = Money::parse(&amount, currency(&customer)?).map_err(Failure::usage)?;
    let (id, live) = (customer.customer(), &installation.database.live);
    let money = Incoming { customer: id, amount, reference: reference.as_ref(), invoice: None, note: &note };
    let received = live.transaction("deposit", async |tx| payments::receive(tx, &money).await).await?;
    payments::settle(live, id).await?;
    told(&customer, amount, received == Received::Again, installation).await
}

async fn withdraw(of: NamedArguments, installation: &Installation) -> Result<Report, Failure> {
    let NamedArguments { movement: MovementArguments { login, amount, note }, reference } = of;
    let customer = installation.customer(&login).await?;
    let amount = Money::parse(&amount, currency(&customer)?).map_err(Failure::usage)?;
    let money = Outgoing { customer: customer.customer(), amount, reference: reference.as_ref(), note: &note };
    let live = &installation.database.live;
    let paid = live.transaction("withdraw", async |tx| payments::pay_back(tx, &money).await).await?;
    told(&customer, amount, paid == PaidBack::Again, installation).await
}

/// What a customer has after a movement; or that it was made before.
async fn told(of: &CustomerRow, amount: Money, again: bool, installation: &Installation) -> Result<Report, Failure> {
    let Balances { credit, bonus, total } = balances(installation, RealmKind::Live, of).await?;
    let text = listing(&[
        ("login", of.login.clone()),
        ("credit", format!("{credit} {}", of.currency)),
        ("bonus", format!("{bonus} {}", of.currency)),
        ("balance", format!("{total} {}", of.currency)),
    ]);
    let json = json!({
        "login": of.login, "amount": amount.to_string(), "currency": of.currency, "credit": credit, "bonus": bonus,
        "balance": total, "again": again,
    });
    let report = Report::new(text, json);
    Ok(if again { report.with_note("it was recorded before: nothing was done") } else { report })
}

async fn statement(login: &str, limit: i64, installation: &Installation) -> Result<Report, Failure> {
    let customer = installation.customer(login).await?;
    let (id, currency) = (customer.customer(), currency(&customer)?);
    let reading =
        installation.database.live.read(async |connection| ledger::statement(connection, id, None, limit).await);
    let lines = reading.await?;
    let money = |minor| Money::minor(minor, currency).to_string();
    let rows: Vec<[String; 6]> = lines
        .iter()
        .map(|line| {
            let (amount, after) = (money(line.amount), money(line.balance_after));
            let at = installation.moment(line.at);
            [at, line.wallet.clone(), line.kind.clone(), amount, after, line.note.clone()]
        })
        .collect();
    let json: Vec<Value> = lines
        .iter()
        .map(|line| {
            json!({
                "journal": line.journal, "at": line.at.to_string(), "wallet": line.wallet, "kind": line.kind,
                "amount": money(line.amount), "balance_after": money(line.balance_after), "note": line.note,
                "reference": line.reference,
            })
        })
        .collect();
    let Balances { credit, bonus, total } = balances(installation, RealmKind::Live, &customer).await?;
    let head = ["AT", "WALLET", "KIND", "AMOUNT", "BALANCE", "NOTE"];
    let mut text = table(head, &rows, "nothing has moved yet");
    text.push_str(&format!("credit {credit}, bonus {bonus}, together {total} {currency}\n"));
    let json = json!({
        "login": customer.login, "currency": customer.currency, "credit": credit, "bonus": bonus, "balance": total,
        "lines": json,
    });
    Ok(Report::new(text, json))
}
