//! What isn't done because a hypervisor is away, or something on the way there is set up wrongly, costs no tries: one
//! table over all kinds of drivers and all kinds of failure.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use domain::tasks::Operation;
use provisioner::driver::{
    Class, Driver, DriverKind, DriverSettings, EndpointSettings, ExecDriver, HttpDriver, HttpSettings, Observed,
    Outcome, ProxmoxDriver, ProxmoxSettings, Timeouts,
};

use crate::{
    bed::{Place, exec_settings, task, unhurried},
    hook_service::{Canned, SECRET, Service, nowhere},
    proxmox,
    pve::Trouble,
    tls_server::{Certificate, TlsServer},
};

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matter {
    /// Nobody listens.
    Away,
    /// It is there, and can't do it now.
    Busy,
    /// It does not know us.
    Stranger,
    /// Who it is can't be known.
    Untrusted,
    /// It is not where it should be.
    NotThere,
    /// It may not be reached.
    NotAllowed,
}

impl Matter {
    const ALL: [Self; 6] = [Self::Away, Self::Busy, Self::Stranger, Self::Untrusted, Self::NotThere, Self::NotAllowed];

    const fn class(self) -> Class {
        match self {
            Self::Away | Self::Busy => Class::Unavailable,
            Self::Stranger | Self::Untrusted | Self::NotThere | Self::NotAllowed => Class::Configuration,
        }
    }
}

/// A driver's settings with what is the matter, and what has to live as long.
struct Subject {
    driver: Box<dyn Driver>,
    _keeps: Box<dyn std::any::Any>,
}

fn settings(kind: DriverKind) -> DriverSettings {
    DriverSettings { operations: Operation::ALL.into(), timeouts: Timeouts::default(), kind }
}

/// The driver of that kind with that matter; `None` where it can't be its matter.
///
/// A new kind of driver has to say here what its matters are.
fn subject(of: &DriverKind, matter: Matter) -> Option<Subject> {
    match of {
        // It is the database, and lives and dies with us.
        DriverKind::Simulated => None,
        DriverKind::Exec(_) => exec(matter),
        DriverKind::Http(_) => Some(http(matter)),
        DriverKind::Proxmox(_) => Some(pve(matter)),
    }
}

fn exec(matter: Matter) -> Option<Subject> {
    let place = Place::new();
    let hook = match matter {
        // The hook says so itself, as that of libvirt does of its hosts.
        Matter::Away => place.sh("exit 69"),
        Matter::Busy => place.sh("exit 75"),
        Matter::NotThere => place.path("missing"),
        Matter::Untrusted => {
            let hook = place.sh("exit 0");
            fs::set_permissions(&hook, fs::Permissions::from_mode(0o777)).unwrap();
            hook
        }
        Matter::NotAllowed => {
            let hook = place.sh("exit 0");
            fs::set_permissions(&hook, fs::Permissions::from_mode(0o644)).unwrap();
            hook
        }
        Matter::Stranger => return None,
    };
    let exec = exec_settings(hook);
    let driver = ExecDriver::new(&settings(DriverKind::Exec(exec.clone())), &exec);
    Some(Subject { driver: Box::new(driver), _keeps: Box::new(place) })
}

fn http(matter: Matter) -> Subject {
    let service = Service::new();
    let untrusted = TlsServer::new(&Certificate::of_authority("DNS:localhost,IP:127.0.0.1"));
    let canned = |status| {
        // For the operation, and for the look.
        for _ in 0..2 {
            service.next(Canned { status, ..Canned::default() });
        }
        (service.url.clone(), Vec::new())
    };
    let (url, networks) = match matter {
        Matter::Away => (nowhere(), Vec::new()),
        Matter::Busy => canned(503),
        Matter::Stranger => canned(401),
        Matter::NotThere => canned(404),
        Matter::Untrusted => (untrusted.url.clone(), Vec::new()),
        Matter::NotAllowed => (service.url.replace("127.0.0.1", "localhost"), vec!["192.0.2.0/24".parse().unwrap()]),
    };
    let secret = service.place.path("secret");
    fs::write(&secret, SECRET).unwrap();
    let endpoint = EndpointSettings { url, networks, ca_file: None };
    let http = HttpSettings { endpoint, secret_files: vec![secret] };
    let driver = HttpDriver::new(&settings(DriverKind::Http(http.clone())), &http);
    Subject { driver: Box::new(driver), _keeps: Box::new((service, untrusted)) }
}

fn pve(matter: Matter) -> Subject {
    let bed = proxmox::Bed::new();
    let mut proxmox: ProxmoxSettings = bed.settings();
    let untrusted = TlsServer::new(&Certificate::of_authority("DNS:localhost,IP:127.0.0.1"));
    let other = Service::new();
    match matter {
        Matter::Away => proxmox.endpoint.url = nowhere(),
        Matter::Busy => {
            for _ in 0..2 {
                bed.fake.trouble("cluster/resources", Trouble::Refused(503, "busy"));
            }
        }
        Matter::Stranger => proxmox.token_id = "another@pve!one".into(),
        Matter::Untrusted => proxmox.endpoint.url.clone_from(&untrusted.url),
        Matter::NotThere => proxmox.endpoint.url = format!("{}/elsewhere", other.url),
        Matter::NotAllowed => {
            proxmox.endpoint.url = proxmox.endpoint.url.replace("127.0.0.1", "localhost");
            proxmox.endpoint.networks = vec!["192.0.2.0/24".parse().unwrap()];
        }
    }
    let driver = ProxmoxDriver::new(&settings(DriverKind::Proxmox(proxmox.clone())), &proxmox);
    Subject { driver: Box::new(driver), _keeps: Box::new((bed, untrusted, other)) }
}

/// One of each kind; what is in it doesn't matter here.
fn kinds() -> [DriverKind; 4] {
    let endpoint = EndpointSettings { url: String::new(), networks: Vec::new(), ca_file: None };
    [
        DriverKind::Simulated,
        DriverKind::Exec(exec_settings(PathBuf::new())),
        DriverKind::Http(HttpSettings { endpoint, secret_files: Vec::new() }),
        DriverKind::Proxmox(proxmox::Bed::new().settings()),
    ]
}

#[tokio::test]
async fn what_could_not_be_begun_waits_whichever_driver_says_so() {
    let mut tried = 0;
    for kind in kinds() {
        for matter in Matter::ALL {
            let Some(Subject { driver, _keeps }) = subject(&kind, matter) else { continue };
            let (ctx, _lines) = unhurried();
            let outcome = driver.execute(&task(Operation::Suspend), &ctx).await;
            let Outcome::Retry { class, .. } = &outcome else { panic!("{kind:?}, {matter:?}: {outcome:?}") };
            assert_eq!(*class, matter.class(), "{kind:?}, {matter:?}: {outcome:?}");
            let seen = driver.observe(&task(Operation::Suspend), &ctx).await;
            let Observed::Unavailable(trouble) = &seen else { panic!("{kind:?}, {matter:?}: {seen:?}") };
            assert_eq!(trouble.class, matter.class(), "{kind:?}, {matter:?}: {seen:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, 5 + 6 + 6);
}

#[test]
fn of_all_classes_two_wait() {
    let waiting: Vec<&str> = Class::ALL.into_iter().filter(|class| class.waits()).map(Class::name).collect();
    assert_eq!(waiting, ["configuration", "unavailable"]);
}
