//! The demo's customers, and what one of them bought (CONTRACT 5).

use domain::{
    catalogue::{TariffId, Vid},
    money::Currency,
};
use store::ledger::Movement;

/// An amount as it is written, in the customer's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub &'static str);

/// A customer of the demo. Password and key are public: `serve` keeps them to loopback.
#[derive(Debug)]
pub struct DemoCustomer {
    /// Its login.
    pub login: &'static str,
    /// Its password.
    pub password: &'static str,
    /// Its API key.
    pub key: &'static str,
    /// Its currency.
    pub currency: Currency,
    /// What it has paid in and left.
    pub credit: Amount,
    /// What it was given and has left.
    pub bonus: Amount,
    /// Whether the gateway is open to it.
    pub api: bool,
    /// The only network it may call from.
    pub network: Option<&'static str>,
    /// Nick and password of its API user.
    pub api_user: Option<(&'static str, &'static str)>,
}

/// A customer of the demo who only has some credit in euros.
const fn customer(
    login: &'static str,
    password: &'static str,
    key: &'static str,
    credit: &'static str,
) -> DemoCustomer {
    let (credit, bonus) = (Amount(credit), Amount("0"));
    DemoCustomer {
        login,
        password,
        key,
        currency: Currency::EUR,
        credit,
        bonus,
        api: true,
        network: None,
        api_user: None,
    }
}

/// The demo's customers.
pub const CUSTOMERS: [DemoCustomer; 6] = [
    DemoCustomer {
        bonus: Amount("25.00"),
        api_user: Some(("demoapi", "demo-api-password")),
        ..customer("demo", "demo-password", "demo-key", "100000.00")
    },
    DemoCustomer {
        api_user: Some(("otherapi", "other-api-password")),
        ..customer("other", "other-password", "other-key", "500.00")
    },
    customer("poor", "poor-password", "poor-key", "1.00"),
    DemoCustomer { api: false, ..customer("noapi", "noapi-password", "noapi-key", "100.00") },
    DemoCustomer { network: Some("203.0.113.0/24"), ..customer("fenced", "fenced-password", "fenced-key", "100.00") },
    DemoCustomer { currency: Currency::JPY, ..customer("yen", "yen-password", "yen-key", "10000000") },
];

/// Whose history the entries and orders below are.
pub const HISTORY_OF: &str = "other";

/// What was paid in and given before the orders. The bonuses are less than the orders cost, so that none is left.
pub const ENTRIES: [(Movement, Amount, &str); 4] = [
    (Movement::Deposit, Amount("300.00"), "bank transfer"),
    (Movement::Bonus, Amount("6.00"), "welcome"),
    (Movement::Deposit, Amount("150.00"), "card"),
    (Movement::Bonus, Amount("4.00"), "for a friend brought along"),
];

/// An order of the demo.
#[derive(Debug)]
pub struct DemoOrder {
    /// The tariff's kind.
    pub vid: Vid,
    /// The tariff.
    pub tariff: TariffId,
    /// The period.
    pub months: u16,
    /// The domain; none when empty.
    pub domain: &'static str,
    /// The addons, as a request names them.
    pub addons: &'static str,
}

/// What was ordered.
pub const ORDERS: [DemoOrder; 2] = [
    DemoOrder { vid: Vid::Vds, tariff: TariffId(10), months: 3, domain: "", addons: "20" },
    DemoOrder { vid: Vid::Hosting, tariff: TariffId(1), months: 12, domain: "other.example", addons: "2" },
];
