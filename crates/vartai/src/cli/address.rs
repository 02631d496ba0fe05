//! `vartai address`

use std::net::IpAddr;

use clap::{Args, Subcommand};
use domain::{
    catalogue::{Catalogue, Pool},
    orders::OrderId,
};
use serde_json::{Value, json};
use store::{
    RealmKind,
    addresses::{self, HeldAddress},
    catalogue as stored,
};

use super::{
    realm::RealmOption,
    report::{Report, or_null, table},
};
use crate::{failure::Failure, installation::Installation};

/// Arguments of `vartai address`.
#[derive(Debug, Args)]
pub struct AddressArguments {
    #[command(flatten)]
    realm: RealmOption,
    #[command(subcommand)]
    command: AddressCommand,
}

/// What to do with addresses.
#[derive(Debug, Subcommand)]
enum AddressCommand {
    /// List the pools with what is free of them, and who holds what
    List {
        /// Of this pool only
        #[arg(long)]
        pool: Option<String>,
    },
    /// Give a server one address more, and have it brought there
    Give {
        /// The server's order
        order: i64,
        /// Out of this pool; without it out of the first that serves the server
        #[arg(long)]
        pool: Option<String>,
    },
    /// Say that the server of a terminated order is gone, though no task removed it: its address rests from now on
    Release {
        /// The address
        ip: IpAddr,
    },
}

/// Does it.
pub async fn run(arguments: AddressArguments, installation: &Installation) -> Result<Report, Failure> {
    let kind = arguments.realm.kind();
    match arguments.command {
        AddressCommand::List { pool } => list(kind, pool.as_deref(), installation).await,
        AddressCommand::Give { order, pool } => {
            let giving = async |tx: &mut store::Tx| addresses::give(tx, OrderId(order), pool.as_deref()).await;
            let (ip, task) = installation.realm(kind).transaction("give address", giving).await?;
            let json = json!({ "ip": ip.to_string(), "order_id": order, "task_id": task.0 });
            Ok(Report::new(format!("order {order} has {ip} now; task {} brings it there\n", task.0), json))
        }
        AddressCommand::Release { ip } => {
            let releasing = async |tx: &mut store::Tx| addresses::release(tx, ip).await;
            let order = installation.realm(kind).transaction("release address", releasing).await?;
            let json = json!({ "ip": ip.to_string(), "order_id": order.0 });
            Ok(Report::new(format!("{ip} was order {order}'s, and rests from now on\n"), json))
        }
    }
}

/// A pool with what is free of it.
struct Stock<'a> {
    pool: &'a Pool,
    held: usize,
    resting: usize,
    free: u128,
}

/// What there is in a pool.
fn stock<'a>(pool: &'a Pool, catalogue: &Catalogue, all: &[HeldAddress], now: jiff::Timestamp) -> Stock<'a> {
    let own = all.iter().filter(|a| catalogue.pool_of(a.ip).is_some_and(|of| of.name == pool.name));
    let quarantine = jiff::SignedDuration::from_hours(i64::from(pool.quarantine_days) * 24);
    let (mut held, mut resting, mut taken) = (0, 0, 0);
    let ranges = pool.handed_out();
    for address in own {
        let rests = address.released_at.is_some_and(|at| now.duration_since(at) < quarantine);
        held += usize::from(address.released_at.is_none());
        resting += usize::from(rests);
        let counts = address.released_at.is_none() || rests;
        taken += u128::from(counts && ranges.iter().any(|range| range.contains(address.ip)));
    }
    Stock { pool, held, resting, free: pool.size().saturating_sub(taken) }
}

async fn list(kind: RealmKind, only: Option<&str>, installation: &Installation) -> Result<Report, Failure> {
    let catalogue = stored::in_force(&installation.connect).await?;
    if let Some(name) = only.filter(|name| !catalogue.pools.iter().any(|pool| pool.name == *name)) {
        return Err(Failure::failed(format!("the catalogue has no pool {name}")));
    }
    let reading = installation
        .realm(kind)
        .transaction("list addresses", async |tx| Ok::<_, store::Error>((addresses::all(tx).await?, tx.now())));
    let (all, now) = reading.await?;
    let named = |pool: &&Pool| only.is_none_or(|name| pool.name == name);
    let stocks: Vec<Stock<'_>> =
        catalogue.pools.iter().filter(named).map(|pool| stock(pool, &catalogue, &all, now)).collect();
    let shown: Vec<(&HeldAddress, Option<&str>)> = all
        .iter()
        .map(|address| (address, catalogue.pool_of(address.ip).map(|pool| pool.name.as_str())))
        .filter(|(_, pool)| only.is_none() || *pool == only)
        .collect();
    let pools: Vec<[String; 6]> = stocks
        .iter()
        .map(|Stock { pool, held, resting, free }| {
            let size = pool.size().to_string();
            [pool.name.clone(), pool.network.to_string(), size, held.to_string(), resting.to_string(), free.to_string()]
        })
        .collect();
    let rows: Vec<[String; 6]> = shown.iter().map(|(address, pool)| row(address, *pool, installation)).collect();
    let mut text = table(["POOL", "NETWORK", "SIZE", "HELD", "RESTING", "FREE"], &pools, "no pools");
    text.push('\n');
    text.push_str(&table(["ADDRESS", "POOL", "ORDER", "LOGIN", "PTR", "SINCE"], &rows, "no addresses are held"));
    let pools: Vec<Value> = stocks.iter().map(stock_json).collect();
    let addresses: Vec<Value> = shown.iter().map(|(address, pool)| address_json(address, *pool)).collect();
    Ok(Report::new(text, json!({ "pools": pools, "addresses": addresses })))
}

fn row(of: &HeldAddress, pool: Option<&str>, installation: &Installation) -> [String; 6] {
    let since = match of.released_at {
        None => installation.moment(of.held_at),
        Some(at) => format!("given back {}", installation.moment(at)),
    };
    let ptr = of.ptr.clone().unwrap_or_default();
    [of.ip.to_string(), pool.unwrap_or_default().to_owned(), of.order.to_string(), of.login.clone(), ptr, since]
}

fn stock_json(of: &Stock<'_>) -> Value {
    json!({
        "name": of.pool.name, "network": of.pool.network.to_string(), "size": of.pool.size().to_string(),
        "held": of.held, "resting": of.resting, "free": of.free.to_string(), "open": of.pool.open,
    })
}

fn address_json(of: &HeldAddress, pool: Option<&str>) -> Value {
    json!({
        "ip": of.ip.to_string(), "pool": or_null(pool), "order_id": of.order.0, "login": of.login,
        "ptr": or_null(of.ptr.as_ref()), "held_since": of.held_at.to_string(), "released": or_null(of.released_at),
    })
}

/// Open pools with fewer than a tenth left, and how many those are.
///
/// # Errors
/// The database's.
pub async fn short(installation: &Installation) -> Result<Vec<(String, u128)>, Failure> {
    let catalogue = stored::in_force(&installation.connect).await?;
    let reading = installation
        .database
        .live
        .transaction("count addresses", async |tx| Ok::<_, store::Error>((addresses::all(tx).await?, tx.now())));
    let (all, now) = reading.await?;
    let stocks = catalogue.pools.iter().filter(|pool| pool.open).map(|pool| stock(pool, &catalogue, &all, now));
    let short = stocks.filter(|stock| stock.free < stock.pool.size().div_ceil(10));
    Ok(short.map(|stock| (stock.pool.name.clone(), stock.free)).collect())
}
