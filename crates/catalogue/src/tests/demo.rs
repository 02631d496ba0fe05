//! The demo's catalogue is that of CONTRACT 5.

use domain::{
    catalogue::{AddonId, Arch, Catalogue, Handling, ImageId, Range, Tariff, TariffId, Vid},
    money::Currency,
};

use super::demo;

fn tariff(catalogue: &Catalogue, id: i64) -> &Tariff {
    catalogue.tariff(TariffId(id)).unwrap()
}

/// Periods as CONTRACT 5 notes them.
fn periods(tariff: &Tariff) -> String {
    let note = |period: &domain::catalogue::Period| {
        let suffix = match (period.for_new, period.for_renewal) {
            (true, true) => "",
            (true, false) => "n",
            (false, true) => "r",
            (false, false) => "-",
        };
        format!("{}:{}{suffix}", period.months, period.discount)
    };
    tariff.periods.iter().map(note).collect::<Vec<_>>().join(" ")
}

#[test]
fn tariffs_are_those_of_the_contract() {
    let catalogue = demo();
    let rows: Vec<String> = catalogue
        .tariffs
        .iter()
        .map(|t| {
            let handling = if t.handling == Handling::Manual { "manual" } else { "driver" };
            let domain = if t.without_domain { "without" } else { "domain" };
            let once = if t.once_per_customer { " once" } else { "" };
            format!(
                "{} {} {} {} {} {domain} {handling}{once} | {}",
                t.vid,
                t.id,
                t.name,
                t.monthly,
                t.setup,
                periods(t)
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "hosting 1 Start 3.00 0.00 domain driver | 1:0 3:5 6:10 12:15",
            "hosting 2 Trial 0.00 0.00 domain driver once | 1:0n",
            "vds 10 VDS-2 9.90 5.00 without driver | 1:0 3:3 6:7.5 12:10 24:20r",
            "vds 11 VDS-manual 15.00 0.00 without manual | 1:0",
            "dedicated 30 DS-1 59.00 40.00 without driver | 1:0 12:10",
        ]
    );
    assert!(catalogue.tariffs.iter().all(|t| t.for_sale));
    assert_eq!(catalogue.for_sale(Vid::Vds).count(), 2);
}

#[test]
fn addons_are_those_of_the_contract() {
    let catalogue = demo();
    let rows: Vec<String> = catalogue
        .addons
        .iter()
        .map(|a| {
            let group = a.group.as_deref().unwrap_or("-");
            format!("{} {} {} {} {}..{} {group}", a.id, a.name, a.monthly, a.setup, a.min_quantity, a.max_quantity)
        })
        .collect();
    assert_eq!(
        rows,
        [
            "1 Dedicated IP 2.00 1.00 1..4 -",
            "2 Backup 0.99 0.00 1..1 -",
            "20 Debian 12 0.00 0.00 1..1 os",
            "21 Ubuntu 24.04 0.00 0.00 1..1 os",
            "22 Extra RAM, GB 1.50 0.00 1..8 -",
        ]
    );
    assert_eq!(tariff(&catalogue, 1).addons, [1, 2].map(AddonId));
    assert_eq!(tariff(&catalogue, 10).addons, [20, 21, 22].map(AddonId));
    let os = catalogue.group("os").unwrap();
    assert!(os.required && os.max_choices == 1);
    let effect = |id| catalogue.addon(AddonId(id)).unwrap().effect.clone();
    assert_eq!(effect(20).image, Some(ImageId("debian-12-x86_64".to_owned())));
    assert_eq!(effect(21).image, Some(ImageId("ubuntu-24.04-x86_64".to_owned())));
    assert_eq!(effect(22).ram_mb, 1024);
}

#[test]
fn the_server_and_its_unit_prices_are_those_of_the_contract() {
    let catalogue = demo();
    let plan = tariff(&catalogue, 10).plan.unwrap();
    assert_eq!(plan.cpu_ghz, Range { base: 2, min: 2, max: 16 });
    assert_eq!(plan.ram_mb, Range { base: 2048, min: 2048, max: 16384 });
    assert_eq!(plan.disk_gb, Range { base: 20, min: 20, max: 800 });
    assert_eq!(plan.bandwidth_mbps, Range { base: 20, min: 20, max: 400 });
    let units = tariff(&catalogue, 10).units.unwrap();
    let prices = [units.cpu_ghz, units.ram_1024_mb, units.disk_10_gb, units.bandwidth_10_mbps];
    assert_eq!(prices.map(|price| price.to_string()), ["1.00", "1.00", "0.50", "0.20"]);
}

#[test]
fn images_and_the_rate_are_those_of_the_contract() {
    let catalogue = demo();
    let ids = [
        ("debian-12-x86_64", "Debian 12"),
        ("ubuntu-24.04-x86_64", "Ubuntu 24.04"),
        ("almalinux-9-x86_64", "AlmaLinux 9"),
        ("centos-6-x86_64", "CentOS 6"),
        ("debian-12-x86_64-ispconfig", "ISPConfig 3 (Debian 12)"),
    ];
    let images = &catalogue.images;
    assert_eq!(images.iter().map(|image| (image.id.0.as_str(), image.title.as_str())).collect::<Vec<_>>(), ids);
    assert!(images.iter().all(|image| image.arch == Arch::Bits64 && image.url.is_some()));
    assert_eq!(images.iter().map(|image| image.min_ram_mb).collect::<Vec<_>>(), [None, None, None, None, Some(4096)]);
    assert_eq!(images.iter().map(|image| image.panel).collect::<Vec<_>>(), [false, false, false, false, true]);
    let vds: Vec<&str> = tariff(&catalogue, 10).images.iter().map(|id| id.0.as_str()).collect();
    assert_eq!(vds, ids.map(|(id, _)| id));
    assert_eq!(catalogue.base, Currency::EUR);
    let pricing = catalogue.pricing(Currency::JPY, "2026-01-31".parse().unwrap());
    assert_eq!(pricing.tariff_monthly(tariff(&catalogue, 10)).unwrap().price.to_string(), "1584");
}

/// Staff read the head of the file to learn its keys.
#[test]
fn the_head_of_the_file_explains_every_key() {
    let head = super::DEMO.split("\ncurrency = ").next().unwrap();
    let mistakes = crate::read(
        "currency = \"EUR\"\n[[tariff]]\nx=1\nplan={x=1}\nunits={x=1}\nperiods=[{x=1}]\n[[addon]]\nx=1\n[[group]]\nx=1\n[[image]]\nx=1\n[[node]]\nx=1\n",
    );
    let keys: Vec<String> = mistakes
        .unwrap_err()
        .iter()
        .filter_map(|mistake| mistake.reason.split_once("use one of "))
        .flat_map(|(_, keys)| keys.split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        let explained = head.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == key);
        assert!(explained, "{key} is not explained");
    }
}
