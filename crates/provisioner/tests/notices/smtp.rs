//! A real mail server, as it is on good days and on bad ones.

use std::{collections::BTreeSet, time::Duration};

use domain::{language::Language, orders::OrderId};
use futures_util::future::join_all;
use provisioner::notices::SmtpSecurity;
use secrecy::ExposeSecret;
use store::{
    RealmKind::Live,
    Tx,
    notices::{self, NoticeFilter},
    orders,
    tasks::{self, Claim},
};
use uuid::Uuid;

use crate::{bed::Bed, mail_server::MailServer, service::Service};

async fn with_server() -> (Bed, MailServer) {
    let (mut bed, server) = (Bed::new().await, MailServer::new());
    bed.smtp(server.port, SmtpSecurity::None);
    (bed, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_arrive_as_they_were_meant() {
    let (bed, server) = with_server().await;
    let evil = "Ona\r\nBcc: all@example.com\r\n\r\nŽ";
    for (login, language, name) in
        [("ona", Language::Lt, evil), ("ivan", Language::Ru, "Иван Петров"), ("joe", Language::En, "Joe")]
    {
        let buyer = bed.customer(Live, login, language, name).await;
        bed.order(Live, &buyer, &format!("žąsis-{login}.lt")).await;
    }
    assert_eq!(bed.relay(Live).await, 3);
    assert_eq!(bed.relay(Live).await, 0, "sent is sent");
    let taken = server.taken();
    let of = |login: &str| {
        let to = [format!("{login}@example.com")];
        taken.iter().find(|taken| taken.to == to).unwrap_or_else(|| panic!("nothing to {login}"))
    };
    let (ona, ivan, joe) = (of("ona"), of("ivan"), of("joe"));
    let plain = |text: &str| text.replace('\u{a0}', " ");
    assert_eq!(plain(ona.header("Subject")), "Apmokėta: 3,00 € už užsakymą 1");
    assert_eq!(plain(ivan.header("Subject")), "Оплачено: 3,00 € за заказ 2");
    assert_eq!(plain(joe.header("Subject")), "Paid: €3.00 for order 3");
    assert!(
        plain(&ona.text).contains("Jūsų mokėjimą gavome. Ačiū.") && ona.text.contains("žąsis-ona.lt"),
        "{}",
        ona.text
    );
    assert!(
        ivan.text.contains("Здравствуйте, Иван Петров!\n") && ivan.html.contains("Ваш платёж получен"),
        "{}",
        ivan.text
    );
    assert_eq!(ona.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("bcc")).count(), 0);
    assert_eq!(ona.to, ["ona@example.com"], "nobody else gets it");
    let ids: BTreeSet<&str> = taken.iter().map(|taken| taken.header("Message-ID")).collect();
    assert_eq!(ids.len(), 3);
    for taken in &taken {
        assert_eq!(taken.from, "billing@debesys.example");
        assert_eq!(taken.header("From"), "Debesų prieglauda <billing@debesys.example>");
        assert_eq!(
            (taken.header("Auto-Submitted"), taken.header("List-Id")),
            ("auto-generated", "<notices.debesys.example>")
        );
        assert!(taken.header("Message-ID").ends_with("@debesys.example>") && !taken.header("Date").is_empty());
        assert!(taken.raw.lines().all(|line| line.len() <= 998) && taken.raw.is_ascii(), "{}", taken.raw);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_that_is_down_did_not_take_it_takes_later() {
    let (bed, mut server) = with_server().await;
    let ann = bed.customer(Live, "ann", Language::En, "Ann").await;
    for n in 0..20 {
        bed.order(Live, &ann, &format!("d{n}.lt")).await;
    }
    server.stop();
    assert_eq!(bed.relay(Live).await, 0);
    let tried: i64 = bed.db.value("select count(*) from live.notice where attempt > 0").await;
    assert!((1..=16).contains(&tried), "{tried}: what goes the same way waits as well");
    assert_eq!(bed.db.value::<i64>("select count(*) from live.notice where state = 'waiting'").await, 20);
    server.start();
    assert_eq!(bed.relay_all().await, 20);
    let ids: BTreeSet<String> = server.taken().iter().map(|taken| taken.header("Message-ID").to_owned()).collect();
    assert_eq!((ids.len(), server.taken().len()), (20, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_greylisted_comes_back() {
    let (bed, server) = with_server().await;
    server.mode("greylist");
    let ann = bed.customer(Live, "ann", Language::En, "Ann").await;
    bed.order(Live, &ann, "a.lt").await;
    assert_eq!(bed.relay(Live).await, 0);
    assert_eq!(bed.states().await, "waiting 1");
    assert!(bed.detail().await.contains("450") && server.taken().is_empty(), "{}", bed.detail().await);
    let late = "select due_at > now() - interval '1 second' and due_at < now() + interval '2 minutes' from live.notice";
    assert!(bed.db.value::<bool>(late).await);
    assert_eq!(bed.relay_all().await, 1);
    assert_eq!((bed.states().await.as_str(), server.taken().len()), ("sent 2", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_is_seen_and_can_be_sent_again() {
    let (bed, server) = with_server().await;
    server.mode("reject");
    let ann = bed.customer(Live, "ann", Language::En, "Ann").await;
    bed.order(Live, &ann, "a.lt").await;
    assert_eq!(bed.relay(Live).await, 0);
    let failed = NoticeFilter { state: Some("failed"), most: 9, ..NoticeFilter::default() };
    let live = &bed.db.database.live;
    let failed = live.read(async |c| notices::list(c, &failed).await).await.unwrap();
    assert_eq!((failed.len(), failed[0].login.as_str()), (1, "ann"));
    assert!(failed[0].detail.contains("550") && failed[0].detail.contains("No such user here"), "{}", failed[0].detail);
    server.mode("accept");
    assert_eq!(bed.relay_all().await, 0, "nobody asked for it");
    live.transaction("retry", async |tx: &mut Tx| notices::retry(tx, None).await).await.unwrap();
    assert_eq!(bed.relay(Live).await, 1);
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lets_nobody_send_is_tried_until_it_is_given_up() {
    let (mut bed, server) = with_server().await;
    server.mode("closed");
    let ann = bed.customer(Live, "ann", Language::En, "Ann").await;
    bed.order(Live, &ann, "a.lt").await;
    for _ in 0..3 {
        assert_eq!(bed.relay_all().await, 0);
    }
    assert_eq!(bed.states().await, "waiting 3");
    bed.settings.give_up_after = Duration::ZERO;
    assert_eq!(bed.relay_all().await, 0);
    assert_eq!(bed.states().await, "failed 4");
    assert!(bed.detail().await.starts_with("given up after 0 h: "), "{}", bed.detail().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_before_it_says_yes_gets_the_same_message_again() {
    let (bed, server) = with_server().await;
    server.mode("die");
    let ann = bed.customer(Live, "ann", Language::Lt, "Ąžuolas").await;
    bed.order(Live, &ann, "a.lt").await;
    for tries in 1..=2 {
        assert_eq!(bed.relay_all().await, 0);
        assert_eq!(bed.states().await, format!("waiting {tries}"));
    }
    server.mode("accept");
    assert_eq!(bed.relay_all().await, 1);
    let taken = server.taken();
    assert_eq!(taken.len(), 3);
    assert!(taken.iter().all(|again| again == &taken[0]), "to the byte: {taken:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_share_the_outbox() {
    let (bed, server) = with_server().await;
    let ann = bed.customer(Live, "ann", Language::En, "Ann").await;
    for n in 0..40 {
        bed.order(Live, &ann, &format!("d{n}.lt")).await;
    }
    let sent: usize = join_all((0..4).map(|_| bed.relay(Live))).await.into_iter().sum();
    assert_eq!((sent, server.taken().len()), (40, 40));
    assert_eq!(bed.db.value::<i64>("select count(*) from live.notice where attempt > 1").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_in_the_clear_where_tls_is_asked_for() {
    let (mut bed, server) = with_server().await;
    let ann = bed.customer(Live, "ann", Language::En, "Ann").await;
    bed.order(Live, &ann, "a.lt").await;
    for security in [SmtpSecurity::StartTls, SmtpSecurity::Tls] {
        bed.smtp(server.port, security);
        assert_eq!(bed.relay_all().await, 0, "{security:?}");
    }
    assert!(server.taken().is_empty());
    assert_eq!(bed.states().await, "waiting 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_notice() {
    let (bed, server) = with_server().await;
    let service = Service::new(&["200 OK"]);
    let ann = bed.customer(Live, "ann", Language::En, "Ann").await;
    let live = &bed.db.database.live;
    let set = async |tx: &mut Tx| notices::set(tx, ann.customer, &service.url).await;
    let signed_with = live.transaction("set", set).await.unwrap().secret.unwrap();
    bed.order(Live, &ann, "a.lt").await;
    bed.order(Live, &ann, "b.lt").await;
    for order in [1, 2] {
        let Some(Claim::Ready(task)) =
            live.transaction("claim", async |tx| tasks::claim(tx, Uuid::new_v4()).await).await.unwrap()
        else {
            panic!("nothing to make of order {order}")
        };
        let made = async |tx: &mut Tx| tasks::succeed(tx, &task, "the password is set\n", true).await;
        assert!(live.transaction("succeed", made).await.unwrap());
    }
    live.transaction("end", async |tx| orders::terminate(tx, OrderId(1), None).await).await.unwrap();
    assert_eq!(bed.relay(Live).await, 2 * 5, "two paid, two ready and one ended, each by mail and by webhook");

    let mut said: Vec<String> = bed.db.value::<Vec<String>>("select array_agg(n::text) from live.notice n").await;
    said.extend(server.taken().into_iter().flat_map(|taken| [taken.raw, taken.text, taken.html]));
    said.extend(
        service.asked().iter().map(|asked| format!("{:?} {}", asked.headers, String::from_utf8_lossy(&asked.body))),
    );
    let mut secrets = vec![signed_with];
    for order in [1, 2] {
        secrets
            .extend(live.transaction("password", async |tx| orders::password(tx, OrderId(order)).await).await.unwrap());
    }
    assert_eq!((secrets.len(), said.len()), (3, 10 + 3 * 5 + 5));
    for secret in &secrets {
        let secret = secret.expose_secret();
        assert!(secret.len() >= 16 && !said.iter().any(|said| said.contains(secret)), "{said:#?}");
    }
}
