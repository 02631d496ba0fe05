//! A mail server that speaks TLS and asks who is there: what it isn't sure of waits, and staff are told why.

use std::{fs, path::PathBuf};

use domain::language::Language;
use provisioner::notices::{MailTransport, SmtpSecurity, SmtpSettings};
use store::RealmKind::Live;

use crate::{bed::Bed, mail_server::MailServer};

const KINDS: [(SmtpSecurity, &str); 2] = [(SmtpSecurity::StartTls, "starttls"), (SmtpSecurity::Tls, "tls")];

/// A letter that waits for a server, which is spoken to with this password.
async fn with_server(security: SmtpSecurity, name: &'static str, password: &str) -> (Bed, MailServer) {
    let (mut bed, server) = (Bed::new().await, MailServer::with_tls(name));
    set(&mut bed, &server, security, password, Some(server.ca()));
    let ann = bed.customer(Live, "ann", Language::En, "Ann").await;
    bed.order(Live, &ann, "a.lt").await;
    (bed, server)
}

fn set(bed: &mut Bed, server: &MailServer, security: SmtpSecurity, password: &str, ca_file: Option<PathBuf>) {
    fs::create_dir_all(bed.mail()).unwrap();
    let file = bed.mail().join("password");
    // As an editor leaves it, with the end of a line.
    fs::write(&file, format!("{password}\n")).unwrap();
    bed.settings.mail.transport = MailTransport::Smtp(SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        security,
        login: Some(("vartai".to_owned(), file)),
        ca_file,
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_goes_by_tls_and_with_the_password() {
    for (security, name) in KINDS {
        let (bed, server) = with_server(security, name, "a right password").await;
        assert_eq!(bed.relay(Live).await, 1, "{security:?}: {}", bed.detail().await);
        let taken = server.taken();
        assert_eq!((taken.len(), taken[0].to.as_slice()), (1, ["ann@example.com".to_owned()].as_slice()));
        assert!(taken[0].text.contains("a.lt") && server.refused().is_empty(), "{security:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_the_letters_wait_for_the_right_one() {
    for (security, name) in KINDS {
        let (mut bed, server) = with_server(security, name, "a wrong password").await;
        let bob = bed.customer(Live, "bob", Language::En, "Bob").await;
        for n in 1..20 {
            bed.order(Live, &bob, &format!("b{n}.lt")).await;
        }
        assert_eq!(bed.relay(Live).await, 0);
        let detail = bed.db.value::<String>("select max(detail) from live.notice").await;
        assert!(detail.contains(&format!("127.0.0.1:{}", server.port)) && detail.contains("535"), "{detail}");
        assert!(!detail.contains("wrong password"), "{detail}");
        assert!(server.taken().is_empty() && !server.refused().is_empty());
        let waiting = "select count(*) from live.notice where state = 'waiting'";
        assert_eq!(bed.db.value::<i64>(waiting).await, 20);
        // All go the same way, so those that were not tried at once wait as well: a server locks out who keeps on trying.
        let tried: i64 = bed.db.value("select count(*) from live.notice where attempt > 0").await;
        assert!((1..=16).contains(&tried), "{tried}");
        set(&mut bed, &server, security, "a right password", Some(server.ca()));
        assert_eq!(bed.relay_all().await, 20, "{}", bed.detail().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_to_a_server_whose_certificate_nobody_vouches_for() {
    for (security, name) in KINDS {
        let (mut bed, mut server) = with_server(security, name, "a right password").await;
        set(&mut bed, &server, security, "a right password", None);
        assert_eq!(bed.relay_all().await, 0);
        let detail = bed.detail().await;
        assert!(detail.contains("certificate") && detail.contains("UnknownIssuer"), "{security:?}: {detail}");

        // Or that has one for somebody else.
        server.stop();
        server.certify("127.0.0.2");
        server.start();
        set(&mut bed, &server, security, "a right password", Some(server.ca()));
        assert_eq!(bed.relay_all().await, 0);
        let detail = bed.detail().await;
        assert!(detail.contains("certificate") && detail.contains("127.0.0.2"), "{security:?}: {detail}");
        assert!(server.taken().is_empty() && server.refused().is_empty(), "nobody heard the password");
        assert_eq!(bed.states().await, "waiting 2");

        server.stop();
        server.certify("127.0.0.1");
        server.start();
        set(&mut bed, &server, security, "a right password", Some(server.ca()));
        assert_eq!(bed.relay_all().await, 1, "{}", bed.detail().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_what_they_should_be_are_told_and_lose_no_letter() {
    let (mut bed, server) = with_server(SmtpSecurity::Tls, "tls", "a right password").await;
    let missing = bed.mail().join("missing.pem");
    let not_one = bed.mail().join("password");
    for (ca, told) in [(missing, "No such file"), (not_one, "there is no certificate in it")] {
        set(&mut bed, &server, SmtpSecurity::Tls, "a right password", Some(ca.clone()));
        assert_eq!(bed.relay_all().await, 0);
        let (detail, name) = (bed.detail().await, ca.display().to_string());
        assert!(detail.contains(&format!("mail is set up wrongly: {name}: ")) && detail.contains(told), "{detail}");
        assert!(!detail.contains("a right password"), "{detail}");
    }
    set(&mut bed, &server, SmtpSecurity::Tls, "a right password", Some(server.ca()));
    fs::remove_file(bed.mail().join("password")).unwrap();
    assert_eq!(bed.relay_all().await, 0);
    assert!(bed.detail().await.contains("password: No such file"), "{}", bed.detail().await);
    set(&mut bed, &server, SmtpSecurity::Tls, "a right password", Some(server.ca()));
    assert_eq!(bed.relay_all().await, 1, "{}", bed.detail().await);
}
