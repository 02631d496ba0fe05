//! `vartai rate`: exchange rates by day.

use clap::{Args, Subcommand};
use domain::money::{Currency, Rate};
use jiff::civil::Date;
use serde_json::{Value, json};
use store::{
    Error, Tx,
    catalogue::{self as stored, NewRate, RateRow},
};

use super::{
    day::day,
    report::{Report, table},
};
use crate::{failure::Failure, installation::Installation};

/// What to do with exchange rates.
#[derive(Debug, Subcommand)]
pub enum RateCommand {
    /// Set the rate of a day; it holds until the next one's day
    Set(SetArguments),
    /// List the rates that were set, newest days first
    List(ListArguments),
}

/// Arguments of `vartai rate set`.
#[derive(Debug, Args)]
pub struct SetArguments {
    /// The catalogue's currency
    base: Currency,
    /// The customers' currency
    currency: Currency,
    /// What one unit of the first is worth in the second, with at most nine decimals
    rate: Rate,
    /// The first day that it holds on; today unless given
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    day: Option<Date>,
    /// Where it is from
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

/// Arguments of `vartai rate list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Only those to this currency
    currency: Option<Currency>,
    /// So many at the most
    #[arg(long, default_value = "100")]
    most: u32,
}

/// Does it.
pub async fn run(command: RateCommand, installation: &Installation) -> Result<Report, Failure> {
    match command {
        RateCommand::Set(arguments) => set(arguments, installation).await,
        RateCommand::List(arguments) => list(&arguments, installation).await,
    }
}

async fn set(arguments: SetArguments, installation: &Installation) -> Result<Report, Failure> {
    let SetArguments { base, currency, rate, day, note } = arguments;
    let today = async |tx: &mut Tx| Ok::<_, Error>(tx.today());
    let day = match day {
        Some(day) => day,
        None => installation.database.live.transaction("today", today).await?,
    };
    stored::set_rate(&installation.connect, &NewRate { base, currency, day, rate, note: &note }).await?;
    let told = format!("from {day} on 1 {base} is {rate} {currency}");
    let json = json!({
        "base": base.code(), "currency": currency.code(), "rate": rate.to_string(), "day": day.to_string(), "note": note,
    });
    Ok(Report::new(told, json))
}

async fn list(arguments: &ListArguments, installation: &Installation) -> Result<Report, Failure> {
    let all = stored::rates(&installation.connect, arguments.currency, arguments.most.into()).await?;
    let rows = all.iter().map(|of| {
        let set = installation.moment(of.set_at);
        Ok([of.day.to_string(), of.base.clone(), rate(of)?, of.currency.clone(), set, of.note.clone()])
    });
    let rows: Vec<[String; 6]> = rows.collect::<Result<_, Failure>>()?;
    let text = table(["FROM", "ONE", "IS", "OF", "SET", "NOTE"], &rows, "no rates by day: those of the catalogue hold");
    Ok(Report::new(text, all.iter().map(json_of).collect::<Result<Value, _>>()?))
}

fn rate(of: &RateRow) -> Result<String, Failure> {
    Rate::billionths(of.billionths).map(|rate| rate.to_string()).map_err(Failure::failed)
}

fn json_of(of: &RateRow) -> Result<Value, Failure> {
    Ok(json!({
        "base": of.base, "currency": of.currency, "day": of.day.to_string(), "rate": rate(of)?, "note": of.note,
        "set": of.set_at.to_string(),
    }))
}
