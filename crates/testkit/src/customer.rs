//! Customers for tests.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, phc::PasswordHash},
};
use domain::{
    language::Language,
    money::{Currency, Money},
    vat::{VatAddress, VatStanding},
};
use sha2::{Digest, Sha256};
use store::{
    Error, RealmKind, Tx,
    customers::{NewCustomer, add, add_sub_user, allow, issue_key},
    ledger::{Movement, move_money},
    orders::Buyer,
};

use crate::TestDb;

/// A customer to be added. Unless said otherwise it is of the live realm, in EUR, without VAT, speaks English, has no
/// money and no credentials, and the gateway is open to it.
#[must_use]
pub struct NewBuyer<'a> {
    db: &'a TestDb,
    realm: RealmKind,
    customer: NewCustomer,
    credit: Option<String>,
    bonus: Option<String>,
    keys: Vec<String>,
    networks: Vec<String>,
    sub_users: Vec<SubUser>,
}

struct SubUser {
    nick: String,
    description: String,
    hash: String,
}

impl<'a> NewBuyer<'a> {
    pub(crate) fn new(db: &'a TestDb, login: &str) -> Self {
        let customer = NewCustomer {
            login: login.to_owned(),
            currency: Currency::EUR,
            language: Language::En,
            vat: None,
            api: true,
            password_hash: None,
            demo: false,
        };
        let (keys, networks, sub_users) = (Vec::new(), Vec::new(), Vec::new());
        Self { db, realm: RealmKind::Live, customer, credit: None, bonus: None, keys, networks, sub_users }
    }

    /// Of another realm.
    pub fn of(self, realm: RealmKind) -> Self {
        Self { realm, ..self }
    }

    /// Billed in another currency.
    pub fn currency(mut self, currency: Currency) -> Self {
        self.customer.currency = currency;
        self
    }

    /// Speaks another language.
    pub fn language(mut self, language: Language) -> Self {
        self.customer.language = language;
        self
    }

    /// With a VAT rate: `"21"`, `"5.5"`.
    pub fn vat(mut self, percent: &str) -> Self {
        self.customer.vat = Some(percent.parse().unwrap());
        self
    }

    /// Money that it paid in: `"100.00"`.
    pub fn credit(self, amount: &str) -> Self {
        Self { credit: Some(amount.to_owned()), ..self }
    }

    /// A bonus that it was given: `"5.00"`.
    pub fn bonus(self, amount: &str) -> Self {
        Self { bonus: Some(amount.to_owned()), ..self }
    }

    /// A key of the reseller gateway.
    pub fn key(mut self, key: &str) -> Self {
        self.keys.push(key.to_owned());
        self
    }

    /// Its password, hashed as cheaply as can be: tests have many.
    pub fn password(mut self, password: &str) -> Self {
        self.customer.password_hash = Some(cheap_hash(password));
        self
    }

    /// A sub-user that may call the account and server API.
    pub fn api_user(self, nick: &str, password: &str) -> Self {
        self.sub_user(nick, store::customers::API, password)
    }

    /// A sub-user of that description; only `API` opens the account and server API.
    pub fn sub_user(mut self, nick: &str, description: &str, password: &str) -> Self {
        let (nick, description) = (nick.to_owned(), description.to_owned());
        self.sub_users.push(SubUser { nick, description, hash: cheap_hash(password) });
        self
    }

    /// It may call from this network only (and from others named so).
    pub fn network(mut self, network: &str) -> Self {
        self.networks.push(network.to_owned());
        self
    }

    /// The gateway is closed to it.
    pub fn closed(mut self) -> Self {
        self.customer.api = false;
        self
    }

    /// Adds it.
    pub async fn add(self) -> Buyer {
        let realm = self.db.database.realm(self.realm);
        realm.transaction("add a test's customer", async |tx| self.add_in(tx).await).await.unwrap()
    }

    async fn add_in(&self, tx: &mut Tx) -> Result<Buyer, Error> {
        let currency = self.customer.currency;
        let customer = add(tx, &self.customer).await?;
        for (movement, amount) in [(Movement::Deposit, &self.credit), (Movement::Bonus, &self.bonus)] {
            if let Some(amount) = amount {
                let amount = Money::parse(amount, currency).unwrap();
                move_money(tx, customer, movement, amount, "for a test").await?;
            }
        }
        for key in &self.keys {
            let hint: String = key.chars().take(4).collect();
            issue_key(tx, customer, &Sha256::digest(key.as_bytes()), &hint).await?;
        }
        for network in &self.networks {
            allow(tx, customer, network.parse().unwrap()).await?;
        }
        for user in &self.sub_users {
            add_sub_user(tx, customer, &user.nick, &user.description, &user.hash).await?;
        }
        Ok(Buyer { customer, currency, vat: VatStanding::of(self.customer.vat, VatAddress::default()) })
    }
}

fn cheap_hash(password: &str) -> String {
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = argon2.hash_password(password.as_bytes()).unwrap();
    hash.to_string()
}
