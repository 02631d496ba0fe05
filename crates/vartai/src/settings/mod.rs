//! The configuration: defaults, then `vartai.toml`, then the environment (CONTRACT 3).
//!
//! Every key stands in `deploy/vartai.toml.example`, with its meaning and default; a test compares.

mod backup;
mod billing;
mod drivers;
mod load;
mod notices;
#[cfg(test)]
mod tests;
mod values;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4},
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
};

use domain::billing::{Bank, Party};
use gateway_http::auth::AuthSettings;
use ipnetwork::IpNetwork;
use serde::Deserialize;

pub use backup::BackupSettings;
pub use billing::{BillingSettings, PaymentSettings};
pub use drivers::{Drivers, SUPERVISE, supervisor};
pub use load::SettingsError;
pub use notices::{MailSettings, NoticeSettings};
pub use values::{DatabaseUrl, DialectName, LogFormat, PublicUrl, RefundFailedName, RolePrefix, SampleSeconds};

/// All of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The file that was read, if any.
    #[serde(skip)]
    pub origin: Option<PathBuf>,
    /// Where the private PostgreSQL cluster and the key file live.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseSettings,
    /// The listening sockets.
    pub http: HttpSettings,
    /// The reseller gateway.
    pub apih: ApihSettings,
    /// The account and server API.
    pub iv: IvSettings,
    /// The company's rules.
    pub billing: BillingSettings,
    /// Payments that others tell of.
    pub payments: PaymentSettings,
    /// How mail goes out.
    pub mail: MailSettings,
    /// What customers are told, and for how long it is tried.
    pub notices: NoticeSettings,
    /// Keys that seal secrets.
    pub secrets: SecretSettings,
    /// The private cluster's archive.
    pub backup: BackupSettings,
    /// The log, on stderr.
    pub log: LogSettings,
    /// Who provides all this.
    pub company: CompanySettings,
    /// The provisioner's processes.
    pub worker: WorkerSettings,
    /// What the provisioner does by itself.
    pub provisioner: ProvisionerSettings,
    /// What makes customers' machines.
    pub drivers: Drivers,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            origin: None,
            data_dir: PathBuf::from("./var"),
            database: DatabaseSettings::default(),
            http: HttpSettings::default(),
            apih: ApihSettings::default(),
            iv: IvSettings::default(),
            billing: BillingSettings::default(),
            payments: PaymentSettings::default(),
            mail: MailSettings::default(),
            notices: NoticeSettings::default(),
            secrets: SecretSettings::default(),
            backup: BackupSettings::default(),
            log: LogSettings::default(),
            company: CompanySettings::default(),
            worker: WorkerSettings::default(),
            provisioner: ProvisionerSettings::default(),
            drivers: Drivers::default(),
        }
    }
}

impl Settings {
    /// The key file: in the data directory unless configured.
    pub fn key_file(&self) -> PathBuf {
        self.secrets.key_file.clone().unwrap_or_else(|| self.data_dir.join("keys"))
    }

    /// Where is kept how far the database had come when something was acknowledged last.
    pub fn witness_file(&self) -> PathBuf {
        self.data_dir.join("witness")
    }

    /// What links in answers begin with; unless configured `http://` and the address that is served, with its real port
    /// where any was asked for.
    pub fn public_url(&self, served: SocketAddr) -> String {
        self.http.public_url.as_ref().map_or_else(|| format!("http://{served}"), |url| url.0.clone())
    }

    /// What of it authentication needs.
    pub fn auth(&self) -> AuthSettings {
        let throttle = &self.apih.throttle;
        AuthSettings {
            trusted_proxies: self.http.trusted_proxies.clone(),
            hide_unknown_logins: self.apih.hide_unknown_logins,
            login_failures_per_minute: throttle.login_failures_per_minute,
            address_failures_per_minute: throttle.address_failures_per_minute,
            hashes_at_once: throttle.hashes_at_once,
            hashes_waiting: throttle.hashes_waiting,
            hash_wait_milliseconds: throttle.hash_wait_milliseconds,
            customer_at_once: throttle.customer_at_once,
            customer_waiting: throttle.customer_waiting,
            customer_wait_milliseconds: throttle.customer_wait_milliseconds,
            customer_requests_per_minute: throttle.customer_requests_per_minute,
            test_requests_per_minute: throttle.test_requests_per_minute,
        }
    }
}

/// `[database]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Where it is, as its owner; unset: the private cluster in the data directory.
    pub url: Option<DatabaseUrl>,
    /// The file that `url` was read from.
    pub url_file: Option<PathBuf>,
    /// The realms' roles are named after it.
    pub role_prefix: RolePrefix,
    /// Connections of a process to each realm.
    pub connections: NonZeroU16,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            role_prefix: RolePrefix::default(),
            connections: const { NonZeroU16::new(16).unwrap() },
        }
    }
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Where the public surfaces listen.
    pub bind: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` listen.
    pub admin_bind: SocketAddr,
    /// What links in answers begin with.
    pub public_url: Option<PublicUrl>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNetwork>,
    /// Threads that serve; one a core unless configured.
    pub workers: Option<NonZeroU16>,
    /// Whether other processes serve the public port, too.
    pub share_port: bool,
    /// Seconds for which a process that is asked to stop goes on answering, not ready any more.
    pub drain_seconds: u16,
}

impl Default for HttpSettings {
    fn default() -> Self {
        let loopback = |port| SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        Self {
            bind: loopback(8080),
            admin_bind: loopback(9090),
            public_url: None,
            trusted_proxies: Vec::new(),
            workers: None,
            share_port: false,
            drain_seconds: 1,
        }
    }
}

/// `[apih]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApihSettings {
    /// Whose error table is in force (CONTRACT 1.3).
    pub dialect: DialectName,
    /// Answer 7 in place of 4, as slowly (CONTRACT 1.4).
    pub hide_unknown_logins: bool,
    /// Limits on failures, and on what customers ask for.
    pub throttle: ThrottleSettings,
}

/// `[apih.throttle]`: code 100 (CONTRACT 1.4).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleSettings {
    /// Failed passwords and keys a minute of one login from one address.
    pub login_failures_per_minute: NonZeroU32,
    /// Failed passwords and keys a minute from one address.
    pub address_failures_per_minute: NonZeroU32,
    /// Passwords hashed at once.
    pub hashes_at_once: NonZeroU16,
    /// Passwords waiting to be hashed.
    pub hashes_waiting: u16,
    /// How long a password waits to be hashed, in milliseconds.
    pub hash_wait_milliseconds: u64,
    /// Requests of one customer under way at once.
    pub customer_at_once: NonZeroU16,
    /// Requests of one customer that wait for those.
    pub customer_waiting: u16,
    /// How long a request waits for those before it, in milliseconds.
    pub customer_wait_milliseconds: u64,
    /// Good requests of one customer a minute, if they are limited.
    pub customer_requests_per_minute: Option<NonZeroU32>,
    /// Good requests of test access a minute from one address.
    pub test_requests_per_minute: NonZeroU32,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        let auth = AuthSettings::default();
        Self {
            login_failures_per_minute: auth.login_failures_per_minute,
            address_failures_per_minute: auth.address_failures_per_minute,
            hashes_at_once: auth.hashes_at_once,
            hashes_waiting: auth.hashes_waiting,
            hash_wait_milliseconds: auth.hash_wait_milliseconds,
            customer_at_once: auth.customer_at_once,
            customer_waiting: auth.customer_waiting,
            customer_wait_milliseconds: auth.customer_wait_milliseconds,
            customer_requests_per_minute: auth.customer_requests_per_minute,
            test_requests_per_minute: auth.test_requests_per_minute,
        }
    }
}

/// `[iv]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IvSettings {
    /// Where it may be called from: the provider's own networks (CONTRACT 2.1).
    pub allowed_networks: Vec<IpNetwork>,
}

impl Default for IvSettings {
    fn default() -> Self {
        let loopback = [(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8), (IpAddr::V6(Ipv6Addr::LOCALHOST), 128)];
        let network = |(address, prefix)| IpNetwork::new(address, prefix).ok();
        Self { allowed_networks: loopback.into_iter().filter_map(network).collect() }
    }
}

/// `[secrets]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretSettings {
    /// Keys that seal secrets in the database.
    pub key_file: Option<PathBuf>,
}

/// `[log]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// How lines are written.
    pub format: LogFormat,
    /// What is logged, as filter directives; `info` for `serve` and `worker`, errors only for other subcommands.
    pub level: Option<String>,
}

/// `[company]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompanySettings {
    /// Its name, on pages and invoices.
    pub name: String,
    /// Its code in the register of companies.
    pub code: Option<String>,
    /// Its VAT code.
    pub vat_code: Option<String>,
    /// Its address, line by line.
    pub address: Vec<String>,
    /// Name of its bank.
    pub bank: Option<String>,
    /// Code of its bank.
    pub bank_code: Option<String>,
    /// Its account there.
    pub bank_account: Option<String>,
    /// Where customers write to.
    pub email: Option<String>,
    /// Where customers call.
    pub phone: Option<String>,
}

impl CompanySettings {
    /// The company, as the seller on invoices.
    pub fn seller(&self) -> Party {
        let account = self.bank_account.clone();
        let bank = account.map(|account| Bank {
            name: self.bank.clone().unwrap_or_default(),
            code: self.bank_code.clone(),
            account,
        });
        Party {
            name: self.name.clone(),
            code: self.code.clone(),
            vat_code: self.vat_code.clone(),
            address: self.address.clone(),
            bank,
            email: self.email.clone(),
            phone: self.phone.clone(),
        }
    }
}

impl Default for CompanySettings {
    fn default() -> Self {
        Self {
            name: "Vartai".to_owned(),
            code: None,
            vat_code: None,
            address: Vec::new(),
            bank: None,
            bank_code: None,
            bank_account: None,
            email: None,
            phone: None,
        }
    }
}

/// `[worker]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerSettings {
    /// Tasks under way at once, of a process.
    pub concurrency: NonZeroU16,
    /// How often servers' usage is read, in seconds; at most 3600 (CONTRACT 2.3).
    pub sample_seconds: SampleSeconds,
    /// For how many days a task's results tell a new password.
    pub keep_secrets_days: NonZeroU16,
    /// Seconds that tasks under way have to end once the process is asked to stop.
    pub drain_seconds: u16,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            concurrency: const { NonZeroU16::new(4).unwrap() },
            sample_seconds: SampleSeconds::default(),
            keep_secrets_days: const { NonZeroU16::new(7).unwrap() },
            drain_seconds: 60,
        }
    }
}

/// `[provisioner]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProvisionerSettings {
    /// When the money for what failed for good is returned.
    pub refund_failed: RefundFailedName,
    /// Open tasks of a server at the most, of its customer's asking.
    pub open_tasks_per_server: NonZeroU16,
    /// Destructive operations of a customer's an hour that run by themselves.
    pub destructive_per_hour: u32,
    /// Hours for which a terminated order can be restored.
    pub destroy_grace_hours: u16,
    /// Hours for which a task waits for a hypervisor that can't be asked.
    pub unavailable_hours: NonZeroU16,
}

impl Default for ProvisionerSettings {
    fn default() -> Self {
        Self {
            refund_failed: RefundFailedName::default(),
            open_tasks_per_server: const { NonZeroU16::new(10).unwrap() },
            destructive_per_hour: 30,
            destroy_grace_hours: 72,
            unavailable_hours: const { NonZeroU16::new(24).unwrap() },
        }
    }
}
