//! Certificates that are trusted and that are not, and what staff and customers are told of them.

use std::{fs, path::PathBuf};

use domain::tasks::Operation;
use provisioner::driver::{
    Class, Driver, DriverKind, DriverSettings, EndpointSettings, HttpDriver, HttpSettings, Outcome, Timeouts, Trouble,
};

use crate::{
    bed::{Place, task, unhurried},
    hook_service::{SECRET, Service},
    tls_server::{Certificate, End, TlsServer},
};

const HERE: &str = "DNS:localhost,IP:127.0.0.1";

/// A driver of a server, and the directory of its secret.
fn driver(url: &str, ca_file: Option<PathBuf>) -> (HttpDriver, Place) {
    let place = Place::new();
    fs::write(place.path("secret"), SECRET).unwrap();
    let endpoint = EndpointSettings { url: url.to_owned(), networks: Vec::new(), ca_file };
    let http = HttpSettings { endpoint, secret_files: vec![place.path("secret")] };
    let settings = DriverSettings {
        operations: Operation::ALL.into(),
        timeouts: Timeouts::default(),
        kind: DriverKind::Http(http.clone()),
    };
    (HttpDriver::new(&settings, &http), place)
}

async fn probed(url: &str, ca_file: Option<PathBuf>) -> Result<(), Trouble> {
    let (driver, _place) = driver(url, ca_file);
    driver.probe().await.map(drop)
}

/// What a customer reads of it in the task's log.
async fn logged(url: &str, ca_file: Option<PathBuf>) -> String {
    let (driver, _place) = driver(url, ca_file);
    let (ctx, _lines) = unhurried();
    match driver.execute(&task(Operation::Create), &ctx).await {
        Outcome::Retry { class: Class::Configuration, why, .. } => why,
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn who_was_signed_by_the_company_s_authority_is_trusted() {
    let good = Certificate::of_authority(HERE);
    let server = TlsServer::new(&good);
    assert_eq!(probed(&server.url, Some(good.path("ca.pem"))).await, Ok(()));
    // As Proxmox VE writes them: the authority's and the leaf's in one file.
    let both = good.path("both.pem");
    let texts = ["ca.pem", "leaf.pem"].map(|name| fs::read_to_string(good.path(name)).unwrap());
    fs::write(&both, texts.concat()).unwrap();
    assert_eq!(probed(&server.url, Some(both)).await, Ok(()));
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_trusted_where_it_is_given_and_no_other() {
    for more in ["", "-addext subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext basicConstraints=critical,CA:FALSE"]
    {
        let own = Certificate::of_itself(more);
        let server = TlsServer::new(&own);
        assert_eq!(probed(&server.url, Some(own.path("leaf.pem"))).await, Ok(()), "{more:?}");
        let other = Certificate::of_itself(more);
        let trouble = probed(&server.url, Some(other.path("leaf.pem"))).await.unwrap_err();
        assert_eq!(trouble.class, Class::Configuration, "{more:?}: {trouble}");
        assert_eq!(probed(&server.url, None).await.unwrap_err().class, Class::Configuration, "{more:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_told() {
    let expired = Certificate::signed(HERE, End::Yesterday);
    let server = TlsServer::new(&expired);
    let why = logged(&server.url, Some(expired.path("ca.pem"))).await;
    assert_eq!(why, "the hook: its certificate has expired on 2020-01-02T00:00:00Z");
    // Pinned or not.
    let pinned = probed(&server.url, Some(expired.path("leaf.pem"))).await.unwrap_err();
    assert!(pinned.why.contains("expired on 2020-01-02"), "{pinned}");

    let good = Certificate::of_authority(HERE);
    let server = TlsServer::new(&good);
    let unknown = "the hook: its certificate is of an issuer that is not trusted";
    assert_eq!(logged(&server.url, None).await, unknown);
    let other = Certificate::of_authority(HERE);
    assert_eq!(logged(&server.url, Some(other.path("ca.pem"))).await, unknown);

    let elsewhere = Certificate::of_authority("DNS:pve1.internal.example");
    let server = TlsServer::new(&elsewhere);
    let why = logged(&server.url, Some(elsewhere.path("ca.pem"))).await;
    assert_eq!(why, "the hook: its certificate is for another name", "customers read no names");
    let told = probed(&server.url, Some(elsewhere.path("ca.pem"))).await.unwrap_err();
    assert!(told.why.contains("pve1.internal.example") && told.why.contains("127.0.0.1"), "staff do: {told}");
}

#[tokio::test]
async fn who_speaks_no_tls_is_set_up_wrongly() {
    let service = Service::new();
    let why = logged(&service.url.replace("http://", "https://"), None).await;
    assert_eq!(why, "the hook: it does not speak TLS there");
}

#[tokio::test]
async fn a_file_of_certificates_counts_as_soon_as_it_is_mended() {
    let own = Certificate::of_itself("");
    let server = TlsServer::new(&own);
    let place = Place::new();
    let file = place.path("trusted.pem");
    let (driver, _secret) = driver(&server.url, Some(file.clone()));
    for text in [None, Some("no certificate")] {
        if let Some(text) = text {
            fs::write(&file, text).unwrap();
        }
        let trouble = driver.probe().await.unwrap_err();
        assert_eq!(trouble.class, Class::Configuration, "{trouble}");
        assert!(trouble.why.contains("trusted.pem"), "staff are told which file: {trouble}");
    }
    fs::copy(own.path("leaf.pem"), &file).unwrap();
    assert!(driver.probe().await.is_ok());
}
