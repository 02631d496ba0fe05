//! The catalogue's entries as the keys and values of the file: what is written, and what is compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use domain::{
    catalogue::{
        Addon, AddonGroup, Arch, Catalogue, DriverName, Handling, Node, OsImage, OwnPrices, Period, Pool, Range,
        ServerPlan, Tariff, UnitPrices,
    },
    money::{Currency, Money},
    network::AddressRange,
};

use crate::subject::Subject;

/// A key with its value as the file writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) key: &'static str,
    pub(crate) value: String,
    /// Whether the value is what the key has when it isn't there.
    pub(crate) default: bool,
}

/// An entry: what it is, what people call it, and its fields in the file's order.
pub(crate) struct Item {
    pub(crate) subject: Subject,
    pub(crate) title: Option<String>,
    pub(crate) fields: Vec<Field>,
}

impl Item {
    fn new(subject: Subject, title: Option<&str>, fields: Vec<Field>) -> Self {
        Self { subject, title: title.map(str::to_owned), fields }
    }
}

/// Every entry of a catalogue, in its order, but for the order of its lists.
pub(crate) fn items(catalogue: &Catalogue) -> Vec<Item> {
    let mut items = vec![Item::new(Subject::Catalogue, None, vec![always("currency", text(catalogue.base.code()))])];
    let rates = catalogue.rates.iter();
    items.extend(rates.map(|(to, rate)| Item::new(Subject::Rate(*to), None, vec![always("rate", rate)])));
    items.extend(catalogue.nodes.iter().map(node));
    items.extend(catalogue.images.iter().map(image));
    items.extend(catalogue.groups.iter().map(group));
    items.extend(catalogue.addons.iter().map(addon));
    for tariff in &catalogue.tariffs {
        items.push(self::tariff(tariff));
        items.extend(tariff.periods.iter().map(|of| period(tariff, of)));
    }
    items.extend(catalogue.pools.iter().map(pool));
    items
}

/// The order of a catalogue's lists, as far as they name entries of `known`: lists differ by what they hold already.
pub(crate) fn orders(catalogue: &Catalogue, known: &BTreeSet<Subject>) -> Vec<(Subject, Field)> {
    let order = |key, subjects: &mut dyn Iterator<Item = Subject>| {
        let ids: Vec<String> = subjects.filter(|subject| known.contains(subject)).map(|subject| subject.id()).collect();
        always(key, list(ids))
    };
    let c = catalogue;
    let whole = [
        order("order of nodes", &mut c.nodes.iter().map(|node| Subject::Node(node.name.clone()))),
        order("order of images", &mut c.images.iter().map(|image| Subject::Image(image.id.clone()))),
        order("order of groups", &mut c.groups.iter().map(|group| Subject::Group(group.key.clone()))),
        order("order of addons", &mut c.addons.iter().map(|addon| Subject::Addon(addon.id))),
        order("order of tariffs", &mut c.tariffs.iter().map(|tariff| Subject::Tariff(tariff.id))),
        order("order of pools", &mut c.pools.iter().map(|pool| Subject::Pool(pool.name.clone()))),
    ];
    let mut orders: Vec<(Subject, Field)> = whole.into_iter().map(|field| (Subject::Catalogue, field)).collect();
    for tariff in &c.tariffs {
        let mut periods = tariff.periods.iter().map(|period| Subject::Period(tariff.id, period.months));
        orders.push((Subject::Tariff(tariff.id), order("order of periods", &mut periods)));
    }
    orders
}

fn node(node: &Node) -> Item {
    let fields = vec![
        always("name", text(&node.name)),
        always("driver", text(&node.driver.0)),
        or("max_tasks", node.max_tasks, node.max_tasks == 1),
        or("open", node.open, node.open),
    ];
    Item::new(Subject::Node(node.name.clone()), None, fields)
}

fn image(image: &OsImage) -> Item {
    let arch = match image.arch {
        Arch::Bits64 => "64-bit",
        Arch::Bits32 => "32-bit",
    };
    let mut fields = vec![
        always("id", text(&image.id.0)),
        always("title", text(&image.title)),
        or("arch", text(arch), image.arch == Arch::default()),
    ];
    fields.extend(image.url.as_ref().map(|url| always("url", text(url))));
    fields.extend(image.min_ram_mb.map(|ram| always("min_ram_mb", ram)));
    fields.push(or("panel", image.panel, !image.panel));
    fields.extend(image.price.map(|price| always("price", price)));
    fields.push(or("for_sale", image.for_sale, image.for_sale));
    Item::new(Subject::Image(image.id.clone()), Some(&image.title), fields)
}

fn group(group: &AddonGroup) -> Item {
    let fields = vec![
        always("key", text(&group.key)),
        always("name", text(&group.name)),
        or("required", group.required, !group.required),
        or("max_choices", group.max_choices, group.max_choices == 1),
    ];
    Item::new(Subject::Group(group.key.clone()), Some(&group.name), fields)
}

fn addon(addon: &Addon) -> Item {
    let effect = &addon.effect;
    let mut fields = vec![always("id", addon.id), always("name", text(&addon.name)), always("monthly", addon.monthly)];
    fields.push(setup(addon.setup));
    fields.push(own_prices(&addon.prices));
    fields.push(or("min_quantity", addon.min_quantity, addon.min_quantity == 1));
    fields.push(or("max_quantity", addon.max_quantity, addon.max_quantity == 1));
    fields.extend(addon.group.as_ref().map(|group| always("group", text(group))));
    fields.extend(effect.image.as_ref().map(|image| always("image", text(&image.0))));
    fields.push(or("adds_ram_mb", effect.ram_mb, effect.ram_mb == 0));
    fields.push(or("adds_disk_gb", effect.disk_gb, effect.disk_gb == 0));
    fields.push(or("adds_bandwidth_mbps", effect.bandwidth_mbps, effect.bandwidth_mbps == 0));
    fields.push(or("for_sale", addon.for_sale, addon.for_sale));
    Item::new(Subject::Addon(addon.id), Some(&addon.name), fields)
}

fn tariff(tariff: &Tariff) -> Item {
    let mut fields = vec![
        always("id", tariff.id),
        always("vid", text(tariff.vid.name())),
        always("name", text(&tariff.name)),
        always("monthly", tariff.monthly),
        setup(tariff.setup),
        own_prices(&tariff.prices),
        or("without_domain", tariff.without_domain, !tariff.without_domain),
        or("once_per_customer", tariff.once_per_customer, !tariff.once_per_customer),
        or("for_sale", tariff.for_sale, tariff.for_sale),
    ];
    fields.push(match &tariff.handling {
        Handling::Driver(DriverName(driver)) => always("driver", text(driver)),
        Handling::Manual => always("manual", true),
    });
    let addons = list(tariff.addons.iter());
    fields.push(or("addons", addons, tariff.addons.is_empty()));
    let images = list(tariff.images.iter().map(|image| text(&image.0)));
    fields.push(or("images", images, tariff.images.is_empty()));
    fields.extend(tariff.plan.iter().flat_map(plan));
    fields.extend(tariff.units.iter().flat_map(units));
    fields.extend(tariff.grace_days.map(|days| always("grace_days", days)));
    fields.extend(tariff.keep_days.map(|days| always("keep_days", days)));
    Item::new(Subject::Tariff(tariff.id), Some(&tariff.name), fields)
}

fn plan(plan: &ServerPlan) -> [Field; 4] {
    [
        always("plan.cpu_ghz", range(plan.cpu_ghz)),
        always("plan.ram_mb", range(plan.ram_mb)),
        always("plan.disk_gb", range(plan.disk_gb)),
        always("plan.bandwidth_mbps", range(plan.bandwidth_mbps)),
    ]
}

fn units(units: &UnitPrices) -> [Field; 4] {
    [
        always("units.cpu_ghz", units.cpu_ghz),
        always("units.ram_1024_mb", units.ram_1024_mb),
        always("units.disk_10_gb", units.disk_10_gb),
        always("units.bandwidth_10_mbps", units.bandwidth_10_mbps),
    ]
}

fn period(tariff: &Tariff, period: &Period) -> Item {
    let wanted = match (period.for_new, period.for_renewal) {
        (true, true) => "both",
        (true, false) => "new",
        (false, true) => "renewal",
        (false, false) => "nothing",
    };
    let fields = vec![
        always("months", period.months),
        or("discount", period.discount, period.discount.in_basis_points() == 0),
        or("for", text(wanted), period.for_new && period.for_renewal),
    ];
    Item::new(Subject::Period(tariff.id, period.months), None, fields)
}

fn pool(pool: &Pool) -> Item {
    let quoted = |ranges: &[AddressRange]| list(ranges.iter().map(|range| text(&range.to_string())));
    let mut fields = vec![always("name", text(&pool.name)), always("network", text(&pool.network.to_string()))];
    fields.extend(pool.gateway.map(|gateway| always("gateway", text(&gateway.to_string()))));
    fields.push(or("ranges", quoted(&pool.ranges), pool.ranges.is_empty()));
    fields.push(or("exclude", quoted(&pool.exclude), pool.exclude.is_empty()));
    fields.push(or("tariffs", list(pool.tariffs.iter()), pool.tariffs.is_empty()));
    fields.push(or("nodes", list(pool.nodes.iter().map(|node| text(node))), pool.nodes.is_empty()));
    fields.extend(pool.reverse.as_ref().map(|pattern| always("reverse", text(pattern))));
    let days = pool.quarantine_days;
    fields.push(or("quarantine_days", days, days == Pool::QUARANTINE_DAYS));
    fields.push(or("open", pool.open, pool.open));
    Item::new(Subject::Pool(pool.name.clone()), None, fields)
}

fn own_prices(prices: &BTreeMap<Currency, OwnPrices>) -> Field {
    let told = prices.iter().map(|(currency, own)| {
        let of = |key: &str, price: Option<Money>| price.map(|price| format!(", {key} = {price}")).unwrap_or_default();
        format!("{{ currency = \"{currency}\"{}{} }}", of("monthly", own.monthly), of("setup", own.setup))
    });
    or("prices", list(told), prices.is_empty())
}

fn setup(price: Money) -> Field {
    or("setup", price, price.is_zero())
}

fn always(key: &'static str, value: impl Display) -> Field {
    or(key, value, false)
}

fn or(key: &'static str, value: impl Display, default: bool) -> Field {
    Field { key, value: value.to_string(), default }
}

fn range(range: Range) -> String {
    let Range { base, min, max } = range;
    if min == base && base == max {
        return base.to_string();
    }
    format!("{{ base = {base}, min = {min}, max = {max} }}")
}

fn list(elements: impl IntoIterator<Item = impl Display>) -> String {
    let elements: Vec<String> = elements.into_iter().map(|element| element.to_string()).collect();
    format!("[{}]", elements.join(", "))
}

/// A basic string of TOML.
fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
