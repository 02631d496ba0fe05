//! Catalogues of every shape that a file can have.

use std::collections::BTreeMap;

use domain::{
    calendar::Months,
    catalogue::{
        Addon, AddonEffect, AddonGroup, AddonId, Arch, Catalogue, DriverName, Handling, ImageId, Node, OsImage,
        OwnPrices, Period, Pool, Range, ServerPlan, Tariff, TariffId, UnitPrices, Vid,
    },
    money::{Currency, Money, Percent, Rate},
};
use proptest::{collection::vec, option, prelude::*, sample::subsequence};

const KEYS: [&str; 4] = ["a", "debian-12-x86_64", "os", "n.1_b"];
const NUMBERS: [i64; 5] = [1, 2, 10, 30, i64::MAX];
const DRIVERS: [&str; 2] = ["simulated", "libvirt"];

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,8}", "\\PC{1,12}"].prop_map(|name| format!("{}.", name.trim()))
}

fn price(base: Currency) -> impl Strategy<Value = Money> {
    prop_oneof![3 => 0..100_000_i64, 1 => 0..=i64::MAX].prop_map(move |minor| Money::minor(minor, base))
}

/// Prices in other currencies, of which each has one or both.
fn own_prices(base: Currency) -> impl Strategy<Value = BTreeMap<Currency, OwnPrices>> {
    let code = prop::sample::select(vec![Currency::PLN, Currency::CLP, Currency::KWD])
        .prop_filter("another currency", move |currency| *currency != base);
    let own = code.prop_flat_map(|currency| {
        let prices = (price(currency), option::of(price(currency)), any::<bool>());
        prices.prop_map(move |(one, other, monthly)| {
            let (monthly, setup) = if monthly { (Some(one), other) } else { (other, Some(one)) };
            (currency, OwnPrices { monthly, setup })
        })
    });
    vec(own, 0..3).prop_map(|all| all.into_iter().collect())
}

/// Some of the candidates, in any order.
fn some<T: Clone + std::fmt::Debug + 'static>(all: &[T]) -> impl Strategy<Value = Vec<T>> + use<T> {
    subsequence(all.to_vec(), 0..=all.len()).prop_shuffle()
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    // Tariffs for sale need a node of their driver.
    let first = DRIVERS.map(|driver| Just((driver.to_owned(), DriverName(driver.to_owned())))).to_vec();
    let more = some(&KEYS).prop_map(|keys| keys.into_iter().map(str::to_owned).collect::<Vec<_>>());
    (first, more, vec((1..9_u32, any::<bool>()), 6)).prop_map(|(first, more, rest)| {
        let more = more.into_iter().map(|name| (name, DriverName("other".to_owned())));
        let all = first.into_iter().chain(more).zip(rest);
        all.map(|((name, driver), (max_tasks, open))| Node { name, driver, max_tasks, open }).collect()
    })
}

fn image(id: &'static str, base: Currency) -> impl Strategy<Value = OsImage> {
    let arch = prop_oneof![Just(Arch::Bits64), Just(Arch::Bits32)];
    let url = option::of("https?://[a-z]{1,9}\\.lt/[a-z?&=%ą]{0,9}");
    let rest = (option::of(1..10_000_u32), any::<bool>(), option::of(price(base)), any::<bool>());
    (name(), arch, url, rest).prop_map(move |(title, arch, url, (min_ram_mb, panel, price, for_sale))| OsImage {
        id: ImageId(id.to_owned()),
        title,
        arch,
        url,
        min_ram_mb,
        panel,
        price,
        for_sale,
    })
}

fn group(key: &'static str) -> impl Strategy<Value = AddonGroup> {
    (name(), any::<bool>(), 1..5_u32).prop_map(move |(name, required, max_choices)| AddonGroup {
        key: key.to_owned(),
        name,
        required,
        max_choices,
    })
}

fn one_of(keys: Vec<String>) -> BoxedStrategy<Option<String>> {
    if keys.is_empty() { Just(None).boxed() } else { option::of(prop::sample::select(keys)).boxed() }
}

fn addon(id: i64, base: Currency, groups: Vec<String>, images: Vec<String>) -> impl Strategy<Value = Addon> {
    let quantities = (1..9_u32, 0..9_u32);
    let sizes = (0..4_u32, 0..4_u32, any::<u32>());
    let setup = (price(base), own_prices(base));
    (name(), price(base), setup, quantities, one_of(groups), one_of(images), sizes, any::<bool>()).prop_map(
        move |(
            name,
            monthly,
            (setup, prices),
            (min_quantity, more),
            group,
            image,
            (ram_mb, disk_gb, bandwidth_mbps),
            for_sale,
        )| {
            Addon {
                id: AddonId(id),
                name,
                monthly,
                setup,
                prices,
                min_quantity,
                max_quantity: min_quantity + more,
                group,
                effect: AddonEffect { image: image.map(ImageId), ram_mb, disk_gb, bandwidth_mbps },
                for_sale,
            }
        },
    )
}

fn range() -> impl Strategy<Value = Range> {
    (1..99_u32, 0..99_u32, 0..99_u32).prop_map(|(min, a, b)| Range { base: min + a, min, max: min + a + b })
}

fn plan() -> impl Strategy<Value = ServerPlan> {
    (range(), range(), range(), range()).prop_map(|(cpu_ghz, ram_mb, disk_gb, bandwidth_mbps)| ServerPlan {
        cpu_ghz,
        ram_mb,
        disk_gb,
        bandwidth_mbps,
    })
}

fn units(base: Currency) -> impl Strategy<Value = UnitPrices> {
    (price(base), price(base), price(base), price(base)).prop_map(|(cpu_ghz, ram_1024_mb, disk_10_gb, bandwidth)| {
        UnitPrices { cpu_ghz, ram_1024_mb, disk_10_gb, bandwidth_10_mbps: bandwidth }
    })
}

fn periods() -> impl Strategy<Value = Vec<Period>> {
    let months = subsequence(vec![1_u16, 2, 3, 6, 12, 24, 120], 1..=7).prop_shuffle();
    (months, vec((0..=10_000_i64, any::<bool>(), any::<bool>()), 7)).prop_map(|(months, rest)| {
        let periods = months.into_iter().zip(rest).enumerate();
        periods
            .map(|(at, (months, (discount, for_new, for_renewal)))| Period {
                months: Months::new(months).unwrap(),
                discount: Percent::basis_points(discount).unwrap(),
                // One that is for sale must be for new orders.
                for_new: for_new || at == 0,
                for_renewal,
            })
            .collect()
    })
}

fn tariff(id: i64, base: Currency, addons: &[i64], images: &[String]) -> impl Strategy<Value = Tariff> + use<> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let handling = prop_oneof![
        Just(Handling::Manual),
        prop::sample::select(DRIVERS.to_vec()).prop_map(|driver| Handling::Driver(DriverName(driver.to_owned()))),
    ];
    let lists = (some(addons), some(images), periods());
    let server = (option::of(plan()), option::of(units(base)));
    let days = (option::of(0..=3650_u16), option::of(0..=3650_u16));
    let vid = prop::sample::select(Vid::ALL.to_vec());
    let setup = (price(base), own_prices(base));
    (vid, name(), price(base), setup, flags, handling, lists, (server, days)).prop_map(
        move |(
            vid,
            name,
            monthly,
            (setup, prices),
            flags,
            handling,
            (addons, images, periods),
            ((plan, units), (grace_days, keep_days)),
        )| {
            let plan = plan.filter(|_| vid != Vid::Hosting);
            let (without_domain, once_per_customer, for_sale) = flags;
            Tariff {
                id: TariffId(id),
                vid,
                name,
                monthly,
                setup,
                prices,
                without_domain,
                once_per_customer,
                for_sale,
                handling,
                periods,
                addons: addons.into_iter().map(AddonId).collect(),
                images: images.into_iter().map(ImageId).collect(),
                plan,
                units: units.filter(|_| plan.is_some()),
                grace_days,
                keep_days,
            }
        },
    )
}

fn rates(base: Currency) -> impl Strategy<Value = BTreeMap<Currency, Rate>> {
    let codes = prop::sample::select(Currency::ALL.to_vec());
    prop::collection::btree_map(codes, (1..=i64::MAX).prop_map(|rate| Rate::billionths(rate).unwrap()), 0..4)
        .prop_map(move |rates| rates.into_iter().filter(|(currency, _)| *currency != base).collect())
}

/// Pools, each in a network of its own.
fn pools(tariffs: &[i64]) -> impl Strategy<Value = Vec<Pool>> + use<> {
    let tariffs = tariffs.to_vec();
    let rest = (some(&tariffs), some(&DRIVERS), option::of(Just("{ip}.example.lt")), 0..60_u32, any::<bool>());
    let parts = (any::<bool>(), 0..3_usize, 0..3_usize, option::of(1..9_u8), rest);
    (some(&KEYS), vec(parts, KEYS.len())).prop_map(|(names, parts)| {
        let one = |(at, (name, parts))| {
            let (v6, ranges, exclude, gateway, rest): (bool, usize, usize, Option<u8>, _) = parts;
            let (tariffs, nodes, reverse, quarantine_days, open): (Vec<i64>, Vec<&str>, Option<&str>, _, _) = rest;
            let net = if v6 { format!("2001:db8:{at}::") } else { format!("10.{at}.0.") };
            let many = |from, count| (0..count).map(|n| format!("{net}{}", from + n).parse().unwrap()).collect();
            let name: &str = name;
            Pool {
                name: name.to_owned(),
                network: if v6 { format!("{net}/48") } else { format!("{net}0/24") }.parse().unwrap(),
                gateway: gateway.map(|last| format!("{net}{last}").parse().unwrap()),
                ranges: many(10, ranges),
                exclude: many(20, exclude),
                tariffs: tariffs.into_iter().map(TariffId).collect(),
                nodes: nodes.into_iter().map(str::to_owned).collect(),
                reverse: reverse.map(str::to_owned),
                quarantine_days,
                open,
            }
        };
        names.into_iter().zip(parts).enumerate().map(one).collect()
    })
}

/// Catalogues in a currency; their entries share ids, so that any two have much in common.
pub(super) fn catalogue_in(base: Currency) -> impl Strategy<Value = Catalogue> {
    (some(&KEYS), some(&KEYS), some(&NUMBERS), some(&NUMBERS)).prop_flat_map(
        move |(images, groups, addons, tariffs)| {
            let owned = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
            let (image_ids, group_keys) = (owned(&images), owned(&groups));
            let all_tariffs: Vec<_> = tariffs.iter().map(|id| tariff(*id, base, &addons, &image_ids)).collect();
            let all_addons: Vec<_> =
                addons.iter().map(|id| addon(*id, base, group_keys.clone(), image_ids.clone())).collect();
            let all_images: Vec<_> = images.into_iter().map(|id| image(id, base)).collect();
            let all_groups: Vec<_> = groups.into_iter().map(group).collect();
            let pools = pools(&tariffs);
            let parts = (rates(base), nodes(), all_images, all_groups, all_addons, all_tariffs, pools);
            parts.prop_map(move |(rates, nodes, images, groups, addons, tariffs, pools)| Catalogue {
                base,
                rates,
                daily: BTreeMap::new(),
                tariffs,
                addons,
                groups,
                images,
                nodes,
                pools,
            })
        },
    )
}

/// Catalogues in any of three currencies, of 2, 0 and 3 decimals.
pub(super) fn catalogue() -> impl Strategy<Value = Catalogue> {
    prop::sample::select(vec![Currency::EUR, Currency::JPY, Currency::BHD]).prop_flat_map(catalogue_in)
}
