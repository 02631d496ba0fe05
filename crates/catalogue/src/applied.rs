//! The catalogue after a file is applied.

use domain::catalogue::{Catalogue, Tariff};

/// The catalogue that is in force once the file's is applied to the old one.
///
/// What the file names is as the file has it. What it no longer names is kept, since orders may hold on to it, at its
/// place among its neighbours, but off sale: a tariff, an addon or an image can't be ordered or chosen, a period is
/// neither for new orders nor for renewals, a group is not required, a node takes no new servers. Exchange rates
/// and pools are the file's alone. Applying the same file again changes nothing.
#[must_use]
pub fn applied(old: &Catalogue, new: &Catalogue) -> Catalogue {
    let mut tariffs = new.tariffs.clone();
    for tariff in &mut tariffs {
        if let Some(before) = old.tariff(tariff.id) {
            keep_periods(before, tariff);
        }
    }
    Catalogue {
        base: new.base,
        rates: new.rates.clone(),
        daily: old.daily.clone(),
        tariffs: kept(&old.tariffs, tariffs, |tariff| tariff.id, |tariff| tariff.for_sale = false),
        addons: kept(&old.addons, new.addons.clone(), |addon| addon.id, |addon| addon.for_sale = false),
        groups: kept(&old.groups, new.groups.clone(), |group| group.key.clone(), |group| group.required = false),
        images: kept(&old.images, new.images.clone(), |image| image.id.clone(), |image| image.for_sale = false),
        nodes: kept(&old.nodes, new.nodes.clone(), |node| node.name.clone(), |node| node.open = false),
        pools: new.pools.clone(),
    }
}

fn keep_periods(before: &Tariff, tariff: &mut Tariff) {
    let periods = std::mem::take(&mut tariff.periods);
    tariff.periods = kept(
        &before.periods,
        periods,
        |period| period.months,
        |period| {
            period.for_new = false;
            period.for_renewal = false;
        },
    );
}

/// The new entries, and the old ones that are not among them, retired, each behind the one that it was behind.
fn kept<T: Clone, K: PartialEq>(old: &[T], new: Vec<T>, key: fn(&T) -> K, retire: fn(&mut T)) -> Vec<T> {
    let mut all = new;
    let mut previous: Option<K> = None;
    for entry in old {
        let this = key(entry);
        if !all.iter().any(|other| key(other) == this) {
            let before = previous.and_then(|previous| all.iter().position(|other| key(other) == previous));
            let mut entry = entry.clone();
            retire(&mut entry);
            all.insert(before.map_or(0, |at| at + 1), entry);
        }
        previous = Some(this);
    }
    all
}
