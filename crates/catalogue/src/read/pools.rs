//! Pools of addresses.

use domain::{
    catalogue::{Pool, TariffId, reverse_name},
    network::{AddressRange, Network},
};
use toml::de::DeValue;

use super::{
    Reader,
    entry::{Entry, Value},
    sections::Section,
    tariffs::names,
    values::{self, Read},
};

const POOL: Section = Section {
    name: "pool",
    keys: &[
        "name",
        "network",
        "gateway",
        "ranges",
        "exclude",
        "tariffs",
        "nodes",
        "reverse",
        "quarantine_days",
        "open",
    ],
};

/// The longest quarantine, in days: an address that rests for longer can be excluded.
const LONGEST_QUARANTINE: u32 = 3650;

impl<'a, 't> Reader<'_, 'a, 't> {
    /// Pools, none of which hands out an address of another.
    pub(super) fn pools(&self) -> Vec<Pool> {
        let mut earlier: Vec<(Pool, usize)> = Vec::new();
        let (pools, _) = self.section(&POOL, |entry| {
            let pool = self.pool(entry)?;
            if let Some(value) = entry.found("network") {
                apart(entry, value, &pool, &earlier);
                earlier.push((pool.clone(), entry.line(value)));
            }
            Some(pool)
        });
        pools
    }

    fn pool(&self, entry: &Entry<'a, 't>) -> Option<Pool> {
        let name = entry.required("name", values::key);
        let network = entry.required("network", |value| values::text(value)?.parse::<Network>());
        let gateway = entry.optional("gateway", |value| {
            let one = range(value, network)?;
            if one.count() == 1 { Ok(one.first()) } else { Err(format!("{one} is more than one address")) }
        });
        let ranges = ranges(entry, "ranges", network);
        let exclude = self::ranges(entry, "exclude", network);
        let tariffs = names(entry, "tariffs", "tariff", &self.tariffs, values::number);
        let nodes = names(entry, "nodes", "node", &self.nodes, values::key);
        let reverse = entry.optional("reverse", |value| pattern(value, network));
        let quarantine_days = entry.or("quarantine_days", Pool::QUARANTINE_DAYS, days);
        let open = entry.or("open", true, values::flag);
        let pool = Pool {
            name: name?,
            network: network?,
            gateway: gateway?,
            ranges: ranges?,
            exclude: exclude?,
            tariffs: tariffs?.into_iter().map(TariffId).collect(),
            nodes: nodes?,
            reverse: reverse?,
            quarantine_days: quarantine_days?,
            open: open?,
        };
        if pool.open && pool.size() == 0 {
            entry.mistake("there is no address in it to hand out: give it more, or open = false");
        }
        Some(pool)
    }
}

/// Notes what a pool hands out that an earlier one does, too.
fn apart<'t>(entry: &Entry<'_, 't>, value: &Value<'t>, pool: &Pool, earlier: &[(Pool, usize)]) {
    let own = pool.handed_out();
    for (other, line) in earlier {
        let theirs = other.handed_out();
        if let Some(both) = own.iter().find(|range| theirs.iter().any(|their| their.overlaps(range))) {
            let reason = format!(
                "{both} has addresses of pool {}, on line {line}: give each pool addresses of its own",
                other.name
            );
            entry.mistake_at(value, reason);
        }
    }
}

/// A range of a network; of any, while the network can't be read.
fn range(value: &DeValue<'_>, network: Option<Network>) -> Read<AddressRange> {
    let range: AddressRange = values::text(value)?.parse()?;
    match network.filter(|network| !network.range().covers(&range)) {
        None => Ok(range),
        Some(network) => Err(format!("{range} is not in the network {network}")),
    }
}

/// A list of ranges, none of which has an address of another.
fn ranges(entry: &Entry<'_, '_>, key: &str, network: Option<Network>) -> Option<Vec<AddressRange>> {
    let mut all: Vec<AddressRange> = Vec::new();
    for value in entry.list(key)? {
        match range(value.get_ref(), network) {
            Err(reason) => entry.mistake_at(value, format!("{key}: {reason}")),
            Ok(range) => match all.iter().find(|other| other.overlaps(&range)) {
                Some(other) => {
                    entry.mistake_at(value, format!("{key}: {range} has addresses of {other}: name each once"));
                }
                None => all.push(range),
            },
        }
    }
    Some(all)
}

/// A pattern that makes a name of every address of a network.
fn pattern(value: &DeValue<'_>, network: Option<Network>) -> Read<String> {
    let text = values::text(value)?;
    let tried = network.map(|network| network.range().last());
    if tried.is_none_or(|ip| reverse_name(&text, ip).is_some()) {
        return Ok(text);
    }
    Err(format!("{text:?} makes no host name: write one with {{ip}} in it, such as \"{{ip}}.static.example.com\""))
}

fn days(value: &DeValue<'_>) -> Read<u32> {
    let days = values::count(value)?;
    if days <= LONGEST_QUARANTINE { Ok(days) } else { Err(format!("must be at most {LONGEST_QUARANTINE}, not {days}")) }
}
