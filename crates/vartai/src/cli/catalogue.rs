//! `vartai catalogue`

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use ::catalogue::{Mistake, Plan, applied, plan, read};
use clap::{Args, Subcommand};
use domain::{catalogue::Catalogue, money::Currency};
use jiff::civil::Date;
use serde_json::json;
use store::{RealmKind, addresses, catalogue as stored, customers};

use super::report::Report;
use crate::{failure::Failure, installation::Installation};

/// What to do with the catalogue.
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Show what applying a file would change, and every mistake in it
    Plan {
        /// The catalogue, as deploy/catalogue.demo.toml describes it
        file: PathBuf,
    },
    /// Bring a file into force: all of it or, when there is a mistake, nothing
    Apply(ApplyArguments),
    /// Print the catalogue in force, as a file
    Show,
}

/// Arguments of `vartai catalogue apply`.
#[derive(Debug, Args)]
pub struct ApplyArguments {
    /// The catalogue, as deploy/catalogue.demo.toml describes it
    file: PathBuf,
    /// Why, for its history
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

/// Does it.
pub async fn run(command: CatalogueCommand, installation: &Installation) -> Result<Report, Failure> {
    match command {
        CatalogueCommand::Plan { file } => planned(&file, None, installation).await,
        CatalogueCommand::Apply(ApplyArguments { file, note }) => planned(&file, Some(&note), installation).await,
        CatalogueCommand::Show => {
            let in_force = stored::in_force(&installation.connect).await?;
            let file = ::catalogue::write(&in_force);
            Ok(Report::new(file.clone(), json!({ "catalogue": in_force, "file": file })))
        }
    }
}

/// Plans a file, and brings it into force when there is a note to do so with.
async fn planned(file: &Path, apply: Option<&str>, installation: &Installation) -> Result<Report, Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::failed(format!("{} can't be read: {error}", file.display())))?;
    let new = match read(&text) {
        Ok(new) => new,
        Err(mistakes) => return Ok(mistaken(file, &mistakes)),
    };
    let old = stored::in_force(&installation.connect).await?;
    let mut plan = plan(&old, &new);
    let after = applied(&old, &new);
    plan.obstacles.extend(losing_prices(&old, &after, installation).await?);
    plan.obstacles.extend(losing_pools(&old, &after, installation).await?);
    let report = told(&plan, apply.is_some());
    match apply {
        Some(note) if plan.obstacles.is_empty() && !plan.is_empty() => {
            stored::apply(&installation.connect, &after, note).await?;
            Ok(report)
        }
        _ => Ok(report),
    }
}

fn mistaken(file: &Path, mistakes: &[Mistake]) -> Report {
    let text: String = mistakes.iter().map(|mistake| format!("{}: {mistake}\n", file.display())).collect();
    let count = match mistakes.len() {
        1 => "a mistake".to_owned(),
        more => format!("{more} mistakes"),
    };
    Report::new(text, json!({ "mistakes": mistakes }))
        .with_problem(format!("{} has {count}; nothing is changed", file.display()))
}

fn told(plan: &Plan, applying: bool) -> Report {
    let done = applying && plan.obstacles.is_empty();
    let json = json!({ "changes": plan.changes, "obstacles": plan.obstacles, "applied": done && !plan.is_empty() });
    let mut text = plan.to_string();
    if done && !plan.is_empty() {
        text.push_str("this is in force now\n");
    }
    let report = Report::new(text, json);
    match plan.obstacles.is_empty() {
        true => report,
        false => report.with_problem("the catalogue can't be applied as it is; nothing is changed".to_owned()),
    }
}

/// Why customers could no longer be told prices: the rate of their currency would go.
async fn losing_prices(
    old: &Catalogue,
    after: &Catalogue,
    installation: &Installation,
) -> Result<Vec<String>, Failure> {
    let before = unpriced(old, installation).await?;
    let lost = unpriced(after, installation).await?.into_iter().filter(|currency| !before.contains(currency));
    let why = lost.map(|currency| {
        format!("customers are billed in {currency}, and the file has no rate for it: add `{currency} = …` to [rates]")
    });
    Ok(why.collect())
}

/// Why servers could no longer be told of their addresses' networks: the pools that those are of would go.
async fn losing_pools(old: &Catalogue, after: &Catalogue, installation: &Installation) -> Result<Vec<String>, Failure> {
    if old.pools == after.pools {
        return Ok(Vec::new());
    }
    let live = &installation.database.live;
    let left = live.read(async |connection| addresses::held_outside(connection, after).await).await?;
    let mut pools: BTreeMap<&str, (usize, IpAddr)> = BTreeMap::new();
    for held in &left {
        let pool = old.pool_of(held.ip).map_or("", |pool| pool.name.as_str());
        pools.entry(pool).or_insert((0, held.ip)).0 += 1;
    }
    let why = pools.into_iter().map(|(pool, (count, first))| {
        format!(
            "{count} addresses of pool {pool:?} are held, such as {first}, and would be of no pool: keep its network in \
             the file, with open = false"
        )
    });
    Ok(why.collect())
}

/// Currencies of customers, and of test access, in which the catalogue can't tell prices.
///
/// # Errors
/// The database's.
pub async fn unpriced(of: &Catalogue, installation: &Installation) -> Result<BTreeSet<Currency>, Failure> {
    let mut currencies = BTreeSet::new();
    for kind in RealmKind::ALL {
        let all = installation.realm(kind).read(async |connection| customers::list(connection).await).await?;
        for customer in all {
            currencies.insert(super::balance::currency(&customer)?);
        }
    }
    currencies.retain(|currency| *currency != of.base && of.rate_on(*currency, Date::MAX).is_err());
    Ok(currencies)
}
