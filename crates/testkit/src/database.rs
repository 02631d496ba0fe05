//! A database of a test's own.

use std::sync::Arc;

use domain::{
    billing::Party,
    catalogue::Catalogue,
    customers::Prices,
    dunning::Policy,
    tasks::{Capabilities, ProvisioningRules},
};
use jiff::tz::TimeZone;
use store::{
    Database, RealmKind,
    db::{ConnectSettings, Rules},
    seal::Keyring,
};
use tokio_postgres::{Client, types::FromSqlOwned};

use crate::{
    FaultProxy, NewBuyer, Pair,
    cluster::{config, connect},
    own_server::OwnServer,
    template::{connect_settings, drop_database, make_database, migrate},
};

/// Each realm's pool has up to so many connections.
const CONNECTIONS: usize = 10;

/// A database of a test's own, migrated. Dropping it drops the database.
pub struct TestDb {
    /// How to connect to it.
    pub settings: ConnectSettings,
    /// Its realms: prices contain the VAT, days are those of Vilnius.
    pub database: Database,
    /// What seals its secrets.
    pub keys: Arc<Keyring>,
    name: String,
}

impl TestDb {
    /// A migrated database with nothing in it.
    pub async fn new() -> Self {
        let name = make_database(true).await;
        Self::opened(connect_settings(config(&name).await), name)
    }

    /// The database of a test's own server, with the demo's catalogue in force. The server is dropped after it.
    pub async fn on(server: &OwnServer) -> Self {
        let settings = connect_settings(server.config());
        migrate(settings.clone()).await;
        let name = settings.owner.get_dbname().unwrap_or_default().to_owned();
        let db = Self::opened(settings, name);
        db.apply_catalogue(&Self::demo_catalogue()).await;
        db
    }

    /// The database of a pair of servers, with the demo's catalogue in force. The pair is dropped after it.
    pub async fn on_pair(pair: &Pair) -> Self {
        let settings = connect_settings(pair.owner());
        migrate(settings.clone()).await;
        let db = Self::opened(settings, "company".to_owned());
        db.apply_catalogue(&Self::demo_catalogue()).await;
        pair.until_followed().await;
        db
    }

    fn opened(settings: ConnectSettings, name: String) -> Self {
        let keys = Arc::new(Keyring::parse(&Keyring::generate().unwrap()).unwrap());
        let database = Database::open(&settings, CONNECTIONS, keys.clone(), Self::rules()).unwrap();
        Self { settings, database, keys, name }
    }

    /// A migrated database with the demo's catalogue in force.
    pub async fn with_demo_catalogue() -> Self {
        let db = Self::new().await;
        db.apply_catalogue(&Self::demo_catalogue()).await;
        db
    }

    /// The rules that tests are under: the defaults, but that servers are removed at once.
    #[must_use]
    pub fn rules() -> Rules {
        let seller = Party {
            name: "Debesų prieglauda, UAB".to_owned(),
            code: Some("305123456".to_owned()),
            vat_code: Some("LT100012345678".to_owned()),
            address: vec!["Ąžuolyno g. 5-12".to_owned(), "LT-08234 Vilnius, Lietuva".to_owned()],
            email: Some("saskaitos@debesys.example".to_owned()),
            ..Party::default()
        };
        let zone = TimeZone::get("Europe/Vilnius").unwrap();
        let provisioning = ProvisioningRules { destroy_grace_hours: 0, ..ProvisioningRules::default() };
        let (capabilities, policy) = (Capabilities::default(), Policy::default());
        Rules { zone, prices: Prices::Gross, vat: None, seller, capabilities, policy, provisioning }
    }

    /// The demo's catalogue.
    #[must_use]
    pub fn demo_catalogue() -> Catalogue {
        let text = include_str!("../../../deploy/catalogue.demo.toml");
        catalogue::read(text).unwrap_or_else(|mistakes| panic!("the demo's catalogue: {mistakes:?}"))
    }

    /// Brings a catalogue into force.
    pub async fn apply_catalogue(&self, catalogue: &Catalogue) {
        store::catalogue::apply(&self.settings, catalogue, "for a test").await.unwrap();
    }

    /// A customer to be added: `db.customer("ann").credit("100.00").add().await`.
    pub fn customer(&self, login: &str) -> NewBuyer<'_> {
        NewBuyer::new(self, login)
    }

    /// Other pools on the same database, of up to `connections` for each realm.
    #[must_use]
    pub fn open(&self, connections: usize) -> Database {
        Database::open(&self.settings, connections, self.keys.clone(), Self::rules()).unwrap()
    }

    /// Other pools, under these rules.
    #[must_use]
    pub fn under(&self, rules: Rules) -> Database {
        Database::open(&self.settings, CONNECTIONS, self.keys.clone(), rules).unwrap()
    }

    /// The database behind a network that can fail.
    pub async fn behind_proxy(&self) -> (FaultProxy, Database) {
        let (proxy, owner) = FaultProxy::before(&self.settings.owner).await;
        let settings = ConnectSettings { owner, ..self.settings.clone() };
        (proxy, Database::open(&settings, CONNECTIONS, self.keys.clone(), Self::rules()).unwrap())
    }

    /// A session of the owner's, who may do everything, as nobody may in production.
    pub async fn owner(&self) -> Client {
        connect(&self.settings.owner).await.unwrap()
    }

    /// A session of a realm's role, as the program has.
    pub async fn role(&self, realm: RealmKind) -> Client {
        let mut config = self.settings.owner.clone();
        config.user(realm.role(&self.settings.role_prefix));
        let client = connect(&config).await.unwrap();
        client.batch_execute(&format!("set search_path to {}, catalogue, pg_temp", realm.schema())).await.unwrap();
        client
    }

    /// Runs statements as the owner.
    pub async fn run_sql(&self, sql: &str) {
        self.owner().await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The one value that a query of the owner's finds.
    pub async fn value<T: FromSqlOwned>(&self, sql: &str) -> T {
        let found = self.owner().await.query_one(sql, &[]).await;
        found.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    /// Moves the live realm's clock ahead, as only the owner can: by taking its clock out.
    pub async fn move_live_clock(&self, days: i64) {
        let role = RealmKind::Live.role(&self.settings.role_prefix);
        self.run_sql(&format!(
            "create table if not exists live.moved (days bigint not null default 0); \
             insert into live.moved select 0 where not exists (select from live.moved); \
             grant select on live.moved to \"{role}\"; update live.moved set days = days + {days}; \
             create or replace function live.realm_now() returns timestamptz language plpgsql stable as \
               $$ begin return now() + (select days from live.moved) * interval '24 hours'; end $$"
        ))
        .await;
    }

    /// Fails the test unless the books are right, and the test realm's are empty.
    pub async fn verify_books(&self) {
        let findings = self.database.live.read(async |c| store::ledger::verify(c).await).await.unwrap();
        assert!(findings.is_empty(), "the books are wrong: {findings:#?}");
        let of_test = "select (select count(*) from test.account) + (select count(*) from test.journal)";
        assert_eq!(self.value::<i64>(of_test).await, 0, "money moved in the test realm");
    }
}

impl Drop for TestDb {
    /// In a thread and a runtime of its own: the test's may be busy or of one thread. What it can't drop is swept by
    /// the next process.
    fn drop(&mut self) {
        let (owner, name) = (self.settings.owner.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let mut admin = owner;
                admin.dbname("postgres");
                let admin = connect(&admin).await.ok()?;
                drop_database(&admin, &name).await.ok()
            })
        });
        drop(dropping.join());
    }
}
