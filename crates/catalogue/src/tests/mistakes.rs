use crate::{Mistake, read};

/// Each mistake of a file as one line of text.
fn mistakes(text: &str) -> Vec<String> {
    read(text).unwrap_err().iter().map(Mistake::to_string).collect()
}

const MANY: &str = r#"currency = "EUR"
nods = 1
[rates]
JPY = 0
EUR = 1
XXX = 2
[[node]]
name = "n1"
driver = "simulated"
[[image]]
id = "debian"
title = 12
min_ram_mb = -1
[[group]]
key = "os"
name = "OS"
[[addon]]
id = 20
name = "Debian"
monthly = 0.999
group = "so"
image = "debain"
[[addon]]
id = 20
name = "Again"
monthly = -1.00
min_quantity = 5
max_quantity = 4
[[tariff]]
id = 10
vid = "vps"
name = "VDS"
montly = 9.90
driver = "simulatd"
periods = [
    { months = 0 },
    { months = 1, discount = 100.01 },
    { months = 3, discount = 7.555 },
    { months = 121 },
    { months = 6, for = "ever" },
    { discount = 5 },
]
addons = [20, 99, 20]
images = ["debian", "ubuntu"]
plan.cpu_ghz = { base = 1, min = 2, max = 16 }
plan.ram_mb = 2048
plan.disk_gb = 20.5
"#;

#[test]
fn every_mistake_is_told_with_its_line_its_entry_and_what_to_do() {
    let expected = [
        "line 2: there is no key \"nods\" here (did you mean node?): use one of currency, rates, node, image, group, addon, tariff, pool",
        "line 4: rates: JPY: \"0\" is not an exchange rate: write a plain positive decimal with at most nine places",
        "line 5: rates: EUR is the catalogue's own currency, which has no rate: take it out",
        "line 6: rates: \"XXX\" is not a currency code that can be billed in (ISO 4217, upper case)",
        "line 12: image debian: title: must be a text in quotes, not a whole number",
        "line 13: image debian: min_ram_mb: must be a whole number from 1 to 4294967295, not -1",
        "line 20: addon 20: monthly: 0.999 is not an amount in EUR: write a plain decimal with at most 2 places",
        "line 21: addon 20: there is no group so: add one, or name another",
        "line 22: addon 20: there is no image debain (did you mean debian?): add one, or name another",
        "line 24: addon 20: addon 20 is there already, on line 18: give it an id of its own",
        "line 26: addon 20: monthly: -1.00 is negative: a price is 0 or more",
        "line 27: addon 20: min_quantity 5 is more than max_quantity 4: raise the one or lower the other",
        "line 29: tariff 10: monthly is missing: add it",
        "line 31: tariff 10: vid: \"vps\" is not a kind of tariff: hosting, vds or dedicated",
        "line 33: tariff 10: there is no key \"montly\" here (did you mean monthly?): use one of id, vid, name, monthly, \
         setup, prices, without_domain, once_per_customer, for_sale, driver, manual, periods, addons, images, plan, units, grace_days, keep_days",
        "line 34: tariff 10: no node has the driver \"simulatd\" (did you mean simulated?): add one, or name another",
        "line 36: tariff 10 / period 0: months: must be a whole number from 1 to 120, not 0",
        "line 37: tariff 10 / period 1: discount: \"100.01\" is not a percentage between 0 and 100 with at most two decimals",
        "line 38: tariff 10 / period 3: discount: \"7.555\" is not a percentage between 0 and 100 with at most two decimals",
        "line 39: tariff 10 / period 121: months: must be a whole number from 1 to 120, not 121",
        "line 40: tariff 10 / period 6: for: \"ever\" must be \"both\", \"new\", \"renewal\" or \"nothing\"",
        "line 41: tariff 10 / period: months is missing: add it",
        "line 43: tariff 10: addons: 20 is there twice: take one out",
        "line 43: tariff 10: there is no addon 99: add one, or name another",
        "line 44: tariff 10: there is no image ubuntu: add one, or name another",
        "line 45: tariff 10 / plan: bandwidth_mbps is missing: add it",
        "line 45: tariff 10 / plan: cpu_ghz: base 1 must lie between min 2 and max 16",
        "line 47: tariff 10 / plan: disk_gb: must be a whole number from 1 to 4294967295, not 20.5",
    ];
    let found = mistakes(MANY);
    for (at, wanted) in expected.iter().enumerate() {
        assert_eq!(found.get(at).map(String::as_str), Some(*wanted));
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn syntax_errors_are_told_with_the_other_mistakes_but_make_none() {
    let text = "currency = \"EUR\"\n[[addon]]\nid = \nname = \"A\"\nmonthly = 1.005\n[[tariff]]\nid = 1\naddons = [7]\n[[tariff\n";
    let found = mistakes(text);
    assert!(found[0].starts_with("line 3: this is not TOML: "), "{found:#?}");
    assert!(found[1].starts_with("line 5: addon no. 1: monthly: 1.005 is not an amount in EUR"), "{found:#?}");
    assert!(found[2].starts_with("line 9: this is not TOML: "), "{found:#?}");
    assert_eq!(found.len(), 3, "{found:#?}");
}

#[test]
fn money_is_read_from_its_digits() {
    let cases = [
        ("EUR", "9.90", None),
        ("EUR", "\"9.9\"", None),
        ("EUR", "1_000", None),
        ("EUR", "92233720368547758.07", None),
        ("BHD", "0.005", None),
        ("JPY", "1250", None),
        ("EUR", "92233720368547758.08", Some("not an amount")),
        ("EUR", "0.30000000000000004", Some("at most 2 places")),
        ("JPY", "1250.5", Some("JPY has no decimals")),
        ("EUR", "1e2", Some("not an amount")),
        ("EUR", "inf", Some("not an amount")),
        ("EUR", "0x10", Some("decimal number")),
        ("EUR", "\"9,90\"", Some("not an amount")),
        ("EUR", "true", Some("must be a decimal number, not true or false")),
        ("EUR", "-0.01", Some("is negative")),
    ];
    for (currency, price, wrong) in cases {
        let file = format!("currency = \"{currency}\"\n[[addon]]\nid = 1\nname = \"A\"\nmonthly = {price}\n");
        let found = read(&file).map_err(|mistakes| mistakes[0].to_string());
        match wrong {
            None => assert!(found.is_ok(), "{price}: {found:?}"),
            Some(part) => assert!(found.clone().is_err_and(|text| text.contains(part)), "{price}: {found:?}"),
        }
    }
}

#[test]
fn a_catalogue_without_its_currency_is_told_so_once() {
    let without = mistakes("[[addon]]\nid = 1\nname = \"A\"\nmonthly = 1.2345\n");
    assert_eq!(without, ["line 1: currency is missing: add it"]);
    let unknown = mistakes("currency = \"EURO\"\n");
    assert!(unknown[0].starts_with("line 1: currency: \"EURO\" is not a currency code"), "{unknown:?}");
    assert!(unknown[0].ends_with("(did you mean EUR?)"), "{unknown:?}");
}

const TARIFF: &str = "currency = \"EUR\"\n[[tariff]]\nid = 1\nname = \"T\"\nmonthly = 1\n";

#[test]
fn a_tariff_that_can_not_be_is_refused() {
    let cases = [
        (
            "vid='vds'\nperiods=[{months=1}]",
            "driver (the provisioner's, or manual = true for work that staff do) is missing",
        ),
        ("vid='vds'\nmanual=true\ndriver='x'\nperiods=[{months=1}]", "driver and manual can't both be"),
        ("vid='vds'\nmanual=true", "none of its periods is for new orders"),
        ("vid='vds'\nmanual=true\nperiods=[{months=1,for='renewal'}]", "none of its periods is for new orders"),
        ("vid='vds'\nmanual=true\nperiods=[{months=1},{months=1,discount=5}]", "1 months are there twice"),
        (
            "vid='vds'\nmanual=true\nperiods=[1]",
            "periods: must be a table of months, discount, for, not a whole number",
        ),
        ("vid='vds'\nmanual=true\nperiods='1:0'", "periods: must be a list in [ ], not a text"),
        (
            "vid='vds'\nmanual=true\nperiods=[{months=1}]\nunits={cpu_ghz=1,ram_1024_mb=1,disk_10_gb=1,bandwidth_10_mbps=1}",
            "unit prices need a plan",
        ),
        (
            "vid='hosting'\nmanual=true\nperiods=[{months=1}]\nplan={cpu_ghz=1,ram_mb=1,disk_gb=1,bandwidth_mbps=1}",
            "a hosting tariff has no plan",
        ),
    ];
    for (rest, wrong) in cases {
        let found = mistakes(&format!("{TARIFF}{rest}\n"));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].contains(wrong), "{found:#?}");
    }
}

#[test]
fn a_section_of_another_shape_is_refused() {
    let found = mistakes("currency = \"EUR\"\nrates = 5\nimage = [1]\n[tariff]\nid = 1\n");
    assert!(
        found[0].starts_with("line 2: rates: must be lines like JPY = 160 below [rates], not a whole number"),
        "{found:#?}"
    );
    assert!(found[1].starts_with("line 3: image: must be a table of id, "), "{found:#?}");
    assert_eq!(found[2], "line 4: tariff: begin each with [[tariff]] in double brackets, not a table");
    assert_eq!(found.len(), 3);
}

/// A catalogue with a tariff and a pool, whose keys follow.
const POOLS: &str = "currency = \"EUR\"\n[[node]]\nname = \"n1\"\ndriver = \"simulated\"\n[[tariff]]\nid = 10\nvid = \"vds\"\n\
    name = \"T\"\nmonthly = 1\ndriver = \"simulated\"\nperiods = [{ months = 1 }]\n[[pool]]\nname = \"a\"\n";

#[test]
fn a_pool_that_can_not_be_is_refused() {
    let own = "network = \"198.51.100.0/24\"\n";
    let cases = [
        ("", "network is missing"),
        ("network = \"198.51.100.1/24\"", "write 198.51.100.0/24"),
        ("network = \"198.51.100.0/33\"", "is not a network"),
        ("network = \"::1\"", "is not a network"),
        (&format!("{own}gateway = \"198.51.101.1\""), "gateway: 198.51.101.1 is not in the network 198.51.100.0/24"),
        (&format!("{own}gateway = \"198.51.100.1-198.51.100.2\""), "more than one address"),
        (&format!("{own}gateway = \"2001:db8::1\""), "is not in the network"),
        (&format!("{own}ranges = [\"198.51.100.9-198.51.100.1\"]"), "must go from an address up"),
        (&format!("{own}ranges = [\"198.51.100.250-198.51.101.1\"]"), "is not in the network"),
        (&format!("{own}ranges = [\"198.51.100.1-198.51.100.9\", \"198.51.100.9\"]"), "name each once"),
        (&format!("{own}exclude = [\"203.0.113.9\"]"), "exclude: 203.0.113.9 is not in the network"),
        (&format!("{own}exclude = [\"198.51.100.1-198.51.100.254\"]"), "no address in it to hand out"),
        (&format!("{own}tariffs = [11]"), "there is no tariff 11"),
        (&format!("{own}tariffs = [10, 10]"), "10 is there twice"),
        (&format!("{own}nodes = [\"n2\"]"), "there is no node n2 (did you mean n1?)"),
        (&format!("{own}reverse = \"static.example.com\""), "makes no host name"),
        (&format!("{own}reverse = \"{{ip}}\""), "makes no host name"),
        (&format!("{own}quarantine_days = 3651"), "must be at most 3650"),
        (
            &format!("{own}[[pool]]\nname = \"b\"\nnetwork = \"198.51.100.128/25\""),
            "has addresses of pool a, on line 14",
        ),
        (&format!("{own}[[pool]]\nname = \"a\"\nnetwork = \"203.0.113.0/24\""), "pool a is there already"),
    ];
    for (keys, wanted) in cases {
        let found = mistakes(&format!("{POOLS}{keys}\n"));
        assert!(found.iter().any(|mistake| mistake.contains(wanted)), "{keys}: {found:#?}");
    }
}

#[test]
fn pools_of_one_network_share_it_with_addresses_of_their_own() {
    let shared = "network = \"198.51.100.0/24\"\ngateway = \"198.51.100.1\"\n";
    let file = format!(
        "{POOLS}{shared}ranges = [\"198.51.100.2-198.51.100.99\"]\nexclude = [\"198.51.100.7\"]\n\
         [[pool]]\nname = \"b\"\n{shared}ranges = [\"198.51.100.100-198.51.100.254\"]\ntariffs = [10]\n"
    );
    let catalogue = read(&file).unwrap();
    assert_eq!(catalogue.pools.iter().map(|pool| pool.size()).collect::<Vec<_>>(), [97, 155]);
    let of = |ip: &str| catalogue.pool_of(ip.parse().unwrap()).map(|pool| pool.name.as_str());
    assert_eq!([of("198.51.100.99"), of("198.51.100.100"), of("198.51.101.1")], [Some("a"), Some("b"), None]);
}
