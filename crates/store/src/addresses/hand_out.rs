//! Handing addresses out.
//!
//! Which address is free is asked without a lock, and many ask at once. Each asks for one that no other has in hand, by
//! an advisory lock that is tried and never waited for, so that orders don't queue at the first free address. What
//! counts is the insertion. When every free address is in another's hands, the first of them is waited for: it may be
//! given up, and nobody is told that a pool is exhausted while it isn't.

use std::net::IpAddr;

use diesel::{OptionalExtension, QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    catalogue::{Pool, TariffId},
    network::AddressRange,
    orders::OrderId,
};
use ipnetwork::IpNetwork;

use crate::db::{Error, Tx, sql};

/// So many free addresses are looked at in one go: about as many orders find one at the same moment.
const CANDIDATES: usize = 32;

/// What came of handing addresses out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HandedOut {
    /// The server has one of each family that there are pools for.
    Done,
    /// There is none left in these pools.
    Exhausted(Vec<String>),
}

/// Gives a server, whose order this transaction holds, an address of each family that its tariff's pools have, where it
/// has none yet. A tariff without pools gets none.
pub(crate) async fn hand_out(tx: &mut Tx, order: OrderId, tariff: TariffId) -> Result<HandedOut, Error> {
    let catalogue = tx.catalogue();
    let node = super::list::node_of(tx, order, tariff).await?;
    let has: Vec<IpAddr> = super::held(tx.conn(), Some(order)).await?.iter().map(|held| held.ip).collect();
    let mut exhausted = Vec::new();
    for family in catalogue.pools_for(tariff, node.as_deref()) {
        let Some(first) = family.as_slice().first() else { continue };
        if has.iter().any(|ip| ip.is_ipv4() == first.network.is_ipv4()) {
            continue;
        }
        if hand_out_one(tx, order, &family).await?.is_none() {
            exhausted.extend(family.iter().map(|pool| pool.name.clone()));
        }
    }
    Ok(if exhausted.is_empty() { HandedOut::Done } else { HandedOut::Exhausted(exhausted) })
}

/// Gives a server one address more, of the first of these pools that has one left.
pub(crate) async fn hand_out_one(tx: &mut Tx, order: OrderId, pools: &[&Pool]) -> Result<Option<IpAddr>, Error> {
    for pool in pools {
        if let Some(ip) = from_pool(tx, order, pool).await? {
            return Ok(Some(ip));
        }
    }
    Ok(None)
}

async fn from_pool(tx: &mut Tx, order: OrderId, pool: &Pool) -> Result<Option<IpAddr>, Error> {
    let ranges = pool.handed_out();
    let days = i32::try_from(pool.quarantine_days).map_err(Error::corrupt)?;
    // Ends: whoever was quicker has taken one more of them.
    loop {
        let free = free(tx, &ranges, days).await?;
        let Some(first) = free.as_slice().first().copied() else { return Ok(None) };
        let mut taken = take(tx, Take::Unlocked, order, &free, pool, days).await?;
        if taken.is_none() {
            taken = take(tx, Take::Waiting, order, &[first], pool, days).await?;
        }
        if let Some(ip) = taken {
            return Ok(Some(ip));
        }
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = sql_types::Inet)]
    ip: IpNetwork,
}

/// Some addresses of ranges that nobody holds: those beyond the highest that was ever handed out, so that what was
/// given back rests for as long as it can; once there are none, the rest.
async fn free(tx: &mut Tx, ranges: &[AddressRange], days: i32) -> Result<Vec<IpAddr>, Error> {
    let mut fresh: Vec<IpAddr> = Vec::new();
    for range in ranges {
        let highest: Option<Found> = sql("select ip from address where ip between $1 and $2 order by ip desc limit 1")
            .bind::<sql_types::Inet, _>(IpNetwork::from(range.first()))
            .bind::<sql_types::Inet, _>(IpNetwork::from(range.last()))
            .get_result(tx.conn())
            .await
            .optional()?;
        let left = match highest {
            None => Some(*range),
            Some(found) => range.after(found.ip.ip()),
        };
        let missing = CANDIDATES.saturating_sub(fresh.len());
        fresh.extend(left.iter().flat_map(AddressRange::addresses).take(missing));
        if fresh.len() == CANDIDATES {
            break;
        }
    }
    if fresh.is_empty() { given_back(tx, ranges, days).await } else { Ok(fresh) }
}

/// Whether an address `a` has rested for so many days, a parameter's, and is on no machine. It may be: on the one that it was
/// to leave for the server that held it last, because that task waits for staff.
fn rested(days: &str) -> String {
    format!(
        "a.released_at <= now() - make_interval(days => {days}) and not exists ( \
           select from task m join task g on g.id = m.after where m.order_id = a.order_id \
             and m.operation = 'server_move_ip' and m.params ->> 'ip' = host(a.ip) \
             and g.state in ('queued', 'running', 'manual'))"
    )
}

fn given_back_query() -> String {
    format!(
        "with r as (select * from unnest($1::inet[], $2::inet[]) as r (first, last)) \
         select distinct ip from ( \
           select r.first as ip from r where not exists (select from address a where a.ip = r.first) \
           union all \
           select a.ip + 1 from r join address a on a.ip >= r.first and a.ip < r.last \
             where not exists (select from address b where b.ip = a.ip + 1) \
           union all \
           select a.ip from r join address a on a.ip between r.first and r.last where {}) free \
         order by ip limit $4",
        rested("$3")
    )
}

/// Gaps among those that are held, and those whose quarantine is over.
async fn given_back(tx: &mut Tx, ranges: &[AddressRange], days: i32) -> Result<Vec<IpAddr>, Error> {
    let ends = |of: fn(&AddressRange) -> IpAddr| ranges.iter().map(|r| IpNetwork::from(of(r))).collect::<Vec<_>>();
    let found: Vec<Found> = sql(given_back_query())
        .bind::<sql_types::Array<sql_types::Inet>, _>(ends(AddressRange::first))
        .bind::<sql_types::Array<sql_types::Inet>, _>(ends(AddressRange::last))
        .bind::<sql_types::Integer, _>(days)
        .bind::<sql_types::BigInt, _>(i64::try_from(CANDIDATES).map_err(Error::corrupt)?)
        .load(tx.conn())
        .await?;
    Ok(found.iter().map(|found| found.ip.ip()).collect())
}

/// How one of some addresses is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Take {
    /// The first that no other has in hand.
    Unlocked,
    /// The first, once who has it in hand is done.
    Waiting,
}

/// What a taken address resolves to is one of the names beside the addresses.
fn take_query(how: Take) -> String {
    let from = match how {
        Take::Unlocked => {
            "with mine as materialized ( \
               select ip, ptr from unnest($1::inet[], $2::text[]) as c (ip, ptr) \
               where pg_try_advisory_xact_lock(hashtextextended(current_schema || ' address ' || host(ip), 0)) limit 1) \
             insert into address as a (ip, order_id, ptr) select ip, $3, ptr from mine"
        }
        Take::Waiting => {
            "insert into address as a (ip, order_id, ptr) \
             select ip, $3, ptr from unnest($1::inet[], $2::text[]) as c (ip, ptr)"
        }
    };
    format!(
        "{from} on conflict (ip) do update set order_id = excluded.order_id, ptr = excluded.ptr, held_at = now(), \
           released_at = null where {} returning a.ip",
        rested("$4")
    )
}

async fn take(
    tx: &mut Tx,
    how: Take,
    order: OrderId,
    free: &[IpAddr],
    pool: &Pool,
    days: i32,
) -> Result<Option<IpAddr>, Error> {
    let names: Vec<Option<String>> =
        free.iter().map(|ip| pool.reverse_of(*ip).map(|name| name.ascii().to_owned())).collect();
    let taken: Option<Found> = sql(take_query(how))
        .bind::<sql_types::Array<sql_types::Inet>, _>(free.iter().copied().map(IpNetwork::from).collect::<Vec<_>>())
        .bind::<sql_types::Array<sql_types::Nullable<sql_types::Text>>, _>(names)
        .bind::<sql_types::BigInt, _>(order.0)
        .bind::<sql_types::Integer, _>(days)
        .get_result(tx.conn())
        .await
        .optional()?;
    Ok(taken.map(|found| found.ip.ip()))
}
