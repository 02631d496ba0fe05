//! What the doctor looks at, before and in the database.

use std::sync::Arc;

use pg_cluster::Revivals;
use provisioner::driver::{Driver, DriverKind, ExecDriver, HttpDriver, ProxmoxDriver};
use store::{
    Database, Error, RealmKind, customers,
    db::{ConnectSettings, Connector, HostReport, HostState, Witness, foreign_words, pending_migrations},
    seal::Keyring,
};
use tokio::runtime::Handle;
use tokio_postgres::Config;

use super::{Findings, content::content};
use crate::{
    installation::{
        FOREIGN_WORDS, Installation, NO_VAT_RULES, Presence, as_owner, check_role, is_new, lacks_vat_rules, role_auth,
        rules,
    },
    key_file::{self, KeyFileError},
    settings::Settings,
};

/// Whether links lead where the sockets are.
pub fn sockets(settings: &Settings, findings: &mut Findings) {
    let (bind, admin) = (settings.http.bind, settings.http.admin_bind);
    if bind.ip().is_unspecified() && settings.http.public_url.is_none() {
        findings.wrong(
            format!("links in answers begin with http://{bind}, which leads nowhere"),
            "set http.public_url to what customers reach this by",
        );
    }
    // Port 0 is a free port for each.
    if bind == admin && bind.port() != 0 {
        findings.wrong(format!("http.bind and http.admin_bind are both {bind}"), "give one of them another port");
    }
    if admin.ip().is_unspecified() {
        findings.wrong(
            format!("the private port listens on every address ({admin})"),
            "set http.admin_bind to an address that the public can't reach",
        );
    }
}

/// Whether invoices have the VAT that they must have.
pub fn vat(settings: &Settings, findings: &mut Findings) {
    if lacks_vat_rules(settings) {
        findings.wrong("it is not known which VAT invoices have", NO_VAT_RULES);
    }
}

/// Whether drivers can be had, and know what they are to know.
pub async fn drivers(settings: &Settings, findings: &mut Findings) {
    for (name, driver) in &settings.drivers.0 {
        let lint =
            format!("mend it, and try it out with `vartai hook lint {name}`; docs/hooks.md says what it must keep");
        let mend =
            |page: &str| format!("mend what [drivers.{name}] says, or what it is about; {page} says what it must be");
        let (probed, advice) = match &driver.kind {
            DriverKind::Simulated => continue,
            DriverKind::Exec(exec) => (ExecDriver::new(driver, exec).probe().await, lint),
            DriverKind::Http(http) => (HttpDriver::new(driver, http).probe().await, mend("docs/hooks.md")),
            DriverKind::Proxmox(pve) => (ProxmoxDriver::new(driver, pve).probe().await, mend("docs/proxmox.md")),
        };
        match probed {
            Err(trouble) => findings.wrong(format!("the driver {name} does not work: {trouble}"), advice),
            Ok(known) if driver.operations.is_subset(&known) => findings.well(format!("the driver {name} works")),
            Ok(known) => {
                let missing: Vec<&str> = driver.operations.difference(&known).map(|o| o.short_name()).collect();
                findings.wrong(
                    format!("the driver {name} does not know: {}", missing.join(", ")),
                    format!("leave them out of drivers.{name}.operations, so that customers are told at once"),
                );
            }
        }
    }
}

/// Whether the private PostgreSQL died since it was last started in order.
pub fn revivals(settings: &Settings, findings: &mut Findings) {
    let advice = format!(
        "find out what ended it: {}, and the kernel's log (`dmesg`) for memory that ran out; a stop of all of vartai and \
         a start begin this count anew",
        settings.data_dir.join("postgres.log").display()
    );
    match Revivals::read(&settings.data_dir) {
        Ok(None) => {}
        Ok(Some(Revivals { count, last, last_words })) => findings.wrong(
            format!(
                "PostgreSQL ended without being told to and was brought back, {count} times by now, last at {last}; its \
                 last words: {last_words}"
            ),
            advice,
        ),
        Err(why) => findings.wrong("nobody knows how often PostgreSQL was brought back", why.to_string()),
    }
}

/// The database and all that is in it.
pub async fn database(settings: &Settings, owner: Config, findings: &mut Findings) {
    let mut connect = as_owner(settings, owner, Presence::Visits);
    match Witness::open(&settings.witness_file()) {
        Ok(witness) => connect.witness = Arc::new(witness),
        Err(error) => return findings.wrong("it is not known how far the database had come", error.to_string()),
    }
    if !hosts(&connect, findings).await {
        return;
    }
    let Some(pending) = schema(&connect, findings).await else { return };
    let Some(keys) = keys(settings, is_new(&pending), findings) else { return };
    if !pending.is_empty() {
        return;
    }
    match role_auth(settings, &keys) {
        Ok(auth) => connect.auth = auth,
        Err(why) => return findings.wrong("the key file has no root key", why.to_string()),
    }
    if settings.database.url.is_some()
        && let Err(why) = check_role(&connect, settings).await
    {
        return findings.wrong("the realms' roles can't log in", why.to_string());
    }
    language(&connect, findings).await;
    let database = match Database::open(&connect, 2, Arc::new(keys), rules(settings)) {
        Ok(database) => database,
        Err(error) => return findings.wrong("there can be no connections to the database", error.to_string()),
    };
    let installation = Installation::opened(settings.clone(), connect, database);
    if roles(&installation, findings).await
        && let Err(why) = content(&installation, findings).await
    {
        findings.wrong("the database can't be looked into", why.to_string());
    }
}

/// How each host of the URL is. Whether one can be used, so that it is worth looking further.
async fn hosts(connect: &ConnectSettings, findings: &mut Findings) -> bool {
    let connector = Connector::new(connect, None, "pg_temp", Handle::current()).guarded(connect);
    let found = connector.hosts().await;
    let several = found.len() > 1;
    let mut has_primary = false;
    for HostReport { name, found } in found {
        match found {
            Ok(HostState::Primary) => {
                has_primary = true;
                if several {
                    findings.well(format!("{name} takes writes"));
                }
            }
            Ok(HostState::Standby) if several => findings.well(format!("{name} is a standby")),
            Ok(HostState::Standby) => findings.wrong(
                format!("{name} is a standby, and takes no writes"),
                "promote it, or name the primary in database.url, too: several hosts, by commas",
            ),
            Err(error) if error.is_behind => findings.wrong(
                format!("{name} is behind what was acknowledged"),
                error.why,
            ),
            Err(error) if error.refused_login => findings.wrong(
                format!("{name} does not let the owner in: {error}"),
                "check user and password of database.url, and the server's pg_hba.conf",
            ),
            Err(error) => findings.wrong(
                format!("{name} can't be reached: {error}"),
                "check that it runs and that database.url (VARTAI_DATABASE__URL) is right: host, port, database, sslmode",
            ),
        }
    }
    has_primary
}

/// Whether errors are worded as the program reads them.
async fn language(connect: &ConnectSettings, findings: &mut Findings) {
    match foreign_words(connect).await {
        Ok(None) => {}
        Ok(Some(words)) => findings.wrong(
            format!("the database words its errors in another language than English ({words:?})"),
            FOREIGN_WORDS,
        ),
        Err(error) => findings.wrong("it is not known in which language the database words errors", error.to_string()),
    }
}

async fn schema(connect: &ConnectSettings, findings: &mut Findings) -> Option<Vec<String>> {
    match pending_migrations(connect).await {
        Ok(pending) if pending.is_empty() => {
            findings.well("the database answers, and its schema is up to date");
            Some(pending)
        }
        Ok(pending) => {
            findings.wrong(format!("migrations are to be run: {}", pending.join(", ")), "run `vartai migrate`");
            Some(pending)
        }
        Err(error) => {
            let advice = "check that it runs and that database.url (VARTAI_DATABASE__URL) is right: host, port, user, \
                          password, database, sslmode";
            findings.wrong(error.to_string(), advice);
            None
        }
    }
}

fn keys(settings: &Settings, is_new: bool, findings: &mut Findings) -> Option<Keyring> {
    let path = settings.key_file();
    let keys = match key_file::read(&path) {
        Ok(keys) => keys,
        Err(KeyFileError::Missing(_)) if is_new => return None,
        Err(why) => {
            findings.wrong("sealed secrets can't be opened", why.to_string());
            return None;
        }
    };
    match key_file::check_permissions(&path) {
        Ok(()) => findings.well(format!("only its owner can read the key file {}", path.display())),
        Err(why) => findings.wrong("the keys are in danger", why.to_string()),
    }
    Some(keys)
}

/// Whether each realm's role gets into its realm.
async fn roles(installation: &Installation, findings: &mut Findings) -> bool {
    let mut all_well = true;
    for kind in RealmKind::ALL {
        let role = kind.role(&installation.connect.role_prefix);
        let looked = installation.realm(kind).read(async |connection| customers::list(connection).await).await;
        if let Err(error) = looked {
            all_well = false;
            let advice = match error {
                Error::Unreachable(_) => "this is about the server and not about the role: see that it takes writes",
                _ => "run `vartai migrate`, which makes the roles anew",
            };
            findings.wrong(format!("the role {role} can't work: {error}"), advice);
        }
    }
    if all_well {
        findings.well("the realms' roles can work");
    }
    all_well
}
