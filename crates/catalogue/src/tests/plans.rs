use domain::{
    catalogue::{AddonId, Catalogue, TariffId},
    money::{Currency, Money, Rate},
};
use proptest::prelude::*;

use super::{
    demo,
    generated::{catalogue, catalogue_in},
};
use crate::{Kind, applied, plan, read, write};

/// The demo with many changes.
fn changed() -> Catalogue {
    let mut new = demo();
    new.rates.clear();
    new.rates.insert(Currency::USD, Rate::billionths(1_080_000_000).unwrap());
    new.images.retain(|image| image.id.0 != "centos-6-x86_64");
    for tariff in &mut new.tariffs {
        tariff.images.retain(|image| image.0 != "centos-6-x86_64");
    }
    new.groups[0].max_choices = 2;
    new.tariffs.retain(|tariff| tariff.id != TariffId(11));
    new.tariffs.swap(0, 1);
    let vds = new.tariffs.iter_mut().find(|tariff| tariff.id == TariffId(10)).unwrap();
    vds.monthly = Money::minor(1090, Currency::EUR);
    vds.name = "VDS \"2\"".to_owned();
    vds.units = None;
    vds.periods.remove(1);
    vds.periods[0].discount = "2.5".parse().unwrap();
    let mut extra = new.addons[0].clone();
    extra.id = AddonId(3);
    new.addons.insert(1, extra);
    new
}

#[test]
fn a_plan_reads_as_a_list_of_changes() {
    let expected = r#"~ catalogue
    order of tariffs: [1, 2, 10, 11, 30] → [2, 1, 10, 11, 30]
- rate JPY: removed; nothing can be sold in this currency
    rate: 160 → none
+ rate USD
    rate: 1.08
- image centos-6-x86_64 "CentOS 6": no longer for choice; servers keep it
    for_sale: true → false
~ group os "Operating system"
    max_choices: 1 → 2
+ addon 3 "Dedicated IP"
    id: 3
    name: "Dedicated IP"
    monthly: 2.00
    setup: 1.00
    max_quantity: 4
~ tariff 10 "VDS \"2\""
    name: "VDS-2" → "VDS \"2\""
    monthly: 9.90 → 10.90
    images: ["debian-12-x86_64", "ubuntu-24.04-x86_64", "almalinux-9-x86_64", "centos-6-x86_64", "debian-12-x86_64-ispconfig"] → ["debian-12-x86_64", "ubuntu-24.04-x86_64", "almalinux-9-x86_64", "debian-12-x86_64-ispconfig"]
    units.cpu_ghz: 1.00 → none
    units.ram_1024_mb: 1.00 → none
    units.disk_10_gb: 0.50 → none
    units.bandwidth_10_mbps: 0.20 → none
~ tariff 10 / period 1
    discount: 0 → 2.5
- tariff 10 / period 3: no longer for sale; periods already paid stay
    for: "both" → "nothing"
- tariff 11 "VDS-manual": no longer for sale; its orders stay and can be renewed
    for_sale: true → false
2 added, 4 changed, 4 retired
"#;
    assert_eq!(plan(&demo(), &changed()).to_string(), expected);
}

#[test]
fn a_plan_is_one_json_document() {
    let mut new = demo();
    new.rates.insert(Currency::JPY, Rate::billionths(161_500_000_000).unwrap());
    new.groups[0].name = "OS".to_owned();
    let json = serde_json::to_string(&plan(&demo(), &new)).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"changes":[{"change":"changed","entry":"rate JPY","fields":[{"field":"rate","old":"160","new":"161.5"}]},"#,
            r#"{"change":"changed","entry":"group os","title":"OS","fields":"#,
            r#"[{"field":"name","old":"\"Operating system\"","new":"\"OS\""}]}],"obstacles":[]}"#
        )
    );
}

#[test]
fn a_first_catalogue_is_all_added() {
    let plan = plan(&Catalogue::empty(Currency::EUR), &demo());
    assert!(plan.changes.iter().all(|change| change.kind == Kind::Added));
    assert_eq!(plan.changes.len(), 1 + 1 + 5 + 1 + 5 + 5 + 13 + 1);
}

#[test]
fn nothing_is_deleted_by_an_empty_file() {
    let empty = Catalogue::empty(Currency::EUR);
    let after = applied(&demo(), &empty);
    assert_eq!(after.tariffs.len(), 5);
    assert!(after.tariffs.iter().all(|tariff| !tariff.for_sale));
    assert!(after.addons.iter().all(|addon| !addon.for_sale));
    assert!(after.images.iter().all(|image| !image.for_sale));
    assert!(after.groups.iter().all(|group| !group.required));
    assert!(after.nodes.iter().all(|node| !node.open));
    assert_eq!(after.tariffs[2].periods, demo().tariffs[2].periods, "a retired tariff is still renewed");
    assert_eq!(plan(&after, &empty).to_string(), "no changes\n");
}

#[test]
fn what_comes_back_into_the_file_is_for_sale_again() {
    let retired = applied(&demo(), &changed());
    let back = applied(&retired, &demo());
    assert!(back.tariff(TariffId(11)).unwrap().for_sale);
    assert_eq!(back.tariff(TariffId(10)), demo().tariff(TariffId(10)));
    assert!(!back.addon(AddonId(3)).unwrap().for_sale);
}

#[test]
fn the_currency_can_not_change_under_what_is_kept() {
    let mut yen = Catalogue::empty(Currency::JPY);
    let refused = plan(&demo(), &yen);
    assert_eq!(refused.obstacles.len(), 5 + 5);
    assert!(
        refused.to_string().starts_with("! tariff 1 has prices in EUR, and its orders go on: give it prices in JPY")
    );
    yen.tariffs = demo().tariffs;
    yen.addons = demo().addons;
    assert!(plan(&demo(), &yen).obstacles.is_empty());
}

#[test]
fn a_tariff_can_not_become_another_kind() {
    let mut new = demo();
    new.tariffs[0].vid = domain::catalogue::Vid::Dedicated;
    let refused = plan(&demo(), &new).obstacles;
    let reason = "tariff 1 is hosting, and its orders are too, so that it can't become dedicated: \
                  give the other an id of its own";
    assert_eq!(refused, [reason]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_catalogue_differs_not_from_itself(catalogue in catalogue()) {
        prop_assert!(plan(&catalogue, &catalogue).is_empty());
        prop_assert_eq!(applied(&catalogue, &catalogue), catalogue);
    }

    #[test]
    fn a_plan_is_empty_exactly_when_nothing_would_change((old, new) in two()) {
        let after = applied(&old, &new);
        let plan = plan(&old, &new);
        prop_assert_eq!(plan.is_empty(), after == old);
        prop_assert_eq!(&plan, &crate::plan(&old, &new));
        prop_assert!(plan.changes.iter().all(|change| change.kind == Kind::Added || !change.fields.is_empty()));
    }

    #[test]
    fn applying_a_file_again_changes_nothing((old, new) in two()) {
        let once = applied(&old, &new);
        prop_assert!(plan(&once, &new).is_empty());
        prop_assert_eq!(&applied(&once, &new), &once);
        prop_assert_eq!(read(&write(&once)), Ok(once));
    }

    #[test]
    fn the_file_has_its_way_and_nothing_is_lost((old, new) in two()) {
        let after = applied(&old, &new);
        for addon in &new.addons {
            prop_assert_eq!(after.addon(addon.id), Some(addon));
        }
        for tariff in &old.tariffs {
            let kept = after.tariff(tariff.id).unwrap();
            prop_assert!(tariff.periods.iter().all(|period| kept.period(period.months).is_some()));
            prop_assert!(new.tariff(tariff.id).is_some() || !kept.for_sale);
        }
        let order = |catalogue: &Catalogue| catalogue.tariffs.iter().map(|t| t.id).collect::<Vec<_>>();
        let named: Vec<_> = order(&after).into_iter().filter(|id| new.tariff(*id).is_some()).collect();
        prop_assert_eq!(named, order(&new));
    }
}

fn two() -> impl Strategy<Value = (Catalogue, Catalogue)> {
    (catalogue_in(Currency::EUR), catalogue_in(Currency::EUR))
}
