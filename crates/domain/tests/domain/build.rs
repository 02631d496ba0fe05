//! A small catalogue and orders of it.

use std::collections::BTreeMap;

use domain::{
    billing::Wallets,
    calendar::Months,
    catalogue::{
        Addon, AddonEffect, AddonGroup, AddonId, Catalogue, DriverName, Handling, Period, Tariff, TariffId, Vid,
    },
    customers::{BillingTerms, CustomerId, Prices},
    money::{Currency, Currency::EUR, Money, Percent, Rate},
    orders::{BillingMode, Order, OrderId, OrderState, PaymentTerms, Unpaid},
    vat::Vat,
};
use jiff::civil::{Date, date};

pub const TODAY: Date = date(2027, 1, 31);

pub fn months(count: u16) -> Months {
    Months::new(count).unwrap()
}

pub fn euro(minor: i64) -> Money {
    Money::minor(minor, EUR)
}

fn addon(id: i64, monthly: i64, setup: i64, max_quantity: u32, group: Option<&str>) -> Addon {
    Addon {
        id: AddonId(id),
        name: format!("addon {id}"),
        monthly: euro(monthly),
        setup: euro(setup),
        prices: BTreeMap::new(),
        min_quantity: 1,
        max_quantity,
        group: group.map(str::to_owned),
        effect: AddonEffect::default(),
        for_sale: true,
    }
}

fn tariff(id: i64, vid: Vid, monthly: i64, setup: i64, addons: &[i64]) -> Tariff {
    let period = |count, points, for_new, for_renewal| Period {
        months: months(count),
        discount: Percent::basis_points(points).unwrap(),
        for_new,
        for_renewal,
    };
    Tariff {
        id: TariffId(id),
        vid,
        name: format!("tariff {id}"),
        monthly: euro(monthly),
        setup: euro(setup),
        prices: BTreeMap::new(),
        without_domain: vid != Vid::Hosting,
        once_per_customer: false,
        for_sale: true,
        handling: Handling::Driver(DriverName("simulated".into())),
        periods: vec![
            period(1, 0, true, true),
            period(3, 300, true, true),
            period(6, 750, true, false),
            period(24, 2000, false, true),
        ],
        addons: addons.iter().copied().map(AddonId).collect(),
        images: Vec::new(),
        plan: None,
        units: None,
        grace_days: None,
        keep_days: None,
    }
}

/// Hosting 1 with two addons; hosting 2, once a customer; vds 10 with a required group; vds 11 by hand.
pub fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::empty(EUR);
    catalogue.rates.insert(Currency::JPY, "160".parse::<Rate>().unwrap());
    catalogue.tariffs = vec![
        tariff(1, Vid::Hosting, 300, 0, &[1, 2]),
        Tariff { once_per_customer: true, ..tariff(2, Vid::Hosting, 0, 0, &[]) },
        tariff(10, Vid::Vds, 990, 500, &[20, 21, 22]),
        Tariff { handling: Handling::Manual, ..tariff(11, Vid::Vds, 1500, 0, &[]) },
        Tariff { for_sale: false, ..tariff(12, Vid::Vds, 1500, 0, &[]) },
    ];
    catalogue.addons = vec![
        addon(1, 200, 100, 4, None),
        addon(2, 99, 0, 1, None),
        addon(20, 0, 0, 1, Some("os")),
        addon(21, 0, 0, 1, Some("os")),
        addon(22, 150, 0, 8, None),
    ];
    let os = AddonGroup { key: "os".into(), name: "Operating system".into(), required: true, max_choices: 1 };
    catalogue.groups = vec![os];
    catalogue
}

pub fn terms() -> BillingTerms {
    BillingTerms { currency: EUR, vat: Vat::fixed(Percent::ZERO), prices: Prices::Gross, day: TODAY, rate_days: None }
}

pub fn payment(credit: i64, bonus: i64, unpaid: Unpaid) -> PaymentTerms {
    let wallets = Wallets { credit: euro(credit), bonus: euro(bonus) };
    PaymentTerms { wallets, mode: BillingMode::Charging, unpaid }
}

/// An order of the vds tariff, running, paid until a month from today.
pub fn order() -> Order {
    Order {
        id: OrderId(7),
        customer: CustomerId(1),
        tariff: TariffId(10),
        vid: Vid::Vds,
        domain: None,
        months: months(1),
        addons: Vec::new(),
        state: OrderState::Active,
        suspended_by: None,
        by_hand: false,
        start: Some(TODAY),
        paid_until: Some(date(2027, 2, 28)),
        anchor_day: 31,
        server: None,
        fixed_monthly: None,
        has_unpaid_invoice: false,
    }
}
