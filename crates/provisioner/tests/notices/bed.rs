//! What tests of notices have in common.

use std::{path::PathBuf, time::Duration};

use domain::{
    calendar::Months, catalogue::TariffId, domain_name::DomainName, field::Field, language::Language,
    orders::PlaceRequest, orders::Unpaid,
};
use provisioner::notices::{
    MailSettings, MailTransport, NoticeSettings, Relay, SmtpSecurity, SmtpSettings, WEBHOOK_ANSWER,
};
use store::{
    RealmKind, Tx,
    customers::{Profile, set_profile},
    orders::{self, Buyer},
};
use tempfile::TempDir;
use testkit::TestDb;

/// A database, and how its notices are sent: into files, unless said otherwise.
pub struct Bed {
    pub db: TestDb,
    pub settings: NoticeSettings,
    directory: TempDir,
}

impl Bed {
    pub async fn new() -> Self {
        let (db, directory) = (TestDb::with_demo_catalogue().await, TempDir::new().unwrap());
        let mail = MailSettings {
            transport: MailTransport::File,
            from: "Debesų prieglauda <billing@debesys.example>".parse().unwrap(),
            staff: Some("staff@debesys.example".parse().unwrap()),
            directory: directory.path().join("mail"),
        };
        let settings = NoticeSettings {
            mail,
            give_up_after: Duration::from_hours(72),
            keep_days: 90,
            disable_webhook_days: 5,
            webhook_networks: vec!["127.0.0.0/8".parse().unwrap()],
            webhook_answer: WEBHOOK_ANSWER,
        };
        Self { db, settings, directory }
    }

    /// Mail goes to the server on this port.
    pub fn smtp(&mut self, port: u16, security: SmtpSecurity) {
        let host = "127.0.0.1".to_owned();
        self.settings.mail.transport =
            MailTransport::Smtp(SmtpSettings { host, port, security, login: None, ca_file: None });
    }

    /// A rich customer, of that name and with an address of that login.
    pub async fn customer(&self, realm: RealmKind, login: &str, language: Language, name: &str) -> Buyer {
        let customer = self.db.customer(login).of(realm).language(language);
        let customer = if realm == RealmKind::Live { customer.credit("1000.00") } else { customer };
        let buyer = customer.add().await;
        let profile =
            Profile { name: Some(name.to_owned()), email: Some(format!("{login}@example.com")), ..Profile::default() };
        let set = async |tx: &mut Tx| set_profile(tx, buyer.customer, &profile).await;
        self.db.database.realm(realm).transaction("profile", set).await.unwrap();
        buyer
    }

    /// Orders hosting of a domain, paid at once: one notice.
    pub async fn order(&self, realm: RealmKind, buyer: &Buyer, domain: &str) {
        let request = PlaceRequest {
            vid: Field::Absent,
            tariff: Field::Given(TariffId(1)),
            period: Field::Given(Months::new(1).unwrap()),
            domain: Field::Given(DomainName::parse(domain).unwrap()),
            addons: Vec::new(),
        };
        let place = async |tx: &mut Tx| orders::place(tx, buyer, &request, Unpaid::Accept).await;
        let placed = self.db.database.realm(realm).transaction("place", place).await;
        placed.unwrap_or_else(|error| panic!("{error:?}"));
    }

    /// A worker's round; how many notices were sent.
    pub async fn relay(&self, realm: RealmKind) -> usize {
        Relay::new(self.db.database.realm(realm), &self.settings, None).run().await.unwrap()
    }

    /// All that waits is due now.
    pub async fn all_due(&self) {
        self.db.run_sql("update live.notice set due_at = now() where state = 'waiting'").await;
    }

    /// A round with all that waits.
    pub async fn relay_all(&self) -> usize {
        self.all_due().await;
        self.relay(RealmKind::Live).await
    }

    /// State, tries and what became of the last, of each notice.
    pub async fn states(&self) -> String {
        self.db.value("select string_agg(state || ' ' || attempt, ', ' order by id) from live.notice").await
    }

    pub async fn detail(&self) -> String {
        self.db.value("select detail from live.notice order by id desc limit 1").await
    }

    /// Where files of mail are.
    pub fn mail(&self) -> PathBuf {
        self.directory.path().join("mail")
    }
}
