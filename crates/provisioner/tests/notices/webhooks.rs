//! Customers' services are told what happens, and lead nobody anywhere.

use std::{
    io::Read,
    net::TcpListener,
    time::{Duration, Instant},
};

use domain::language::Language;
use provisioner::{
    driver::{Secrets, Signed},
    notices::WEBHOOK_ANSWER,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use store::{
    RealmKind::Live,
    Tx,
    notices::{self, NewSecret, Old},
    orders::Buyer,
};

use crate::{
    bed::Bed,
    service::{Asked, Service},
};

/// A customer with a webhook and no address for mail.
async fn with_webhook(url: &str) -> (Bed, Buyer, SecretString) {
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").language(Language::En).credit("100.00").add().await;
    let secret = set(&bed, &ann, url).await.secret.unwrap();
    (bed, ann, secret)
}

pub async fn set(bed: &Bed, of: &Buyer, url: &str) -> NewSecret {
    let live = &bed.db.database.live;
    live.transaction("set", async |tx: &mut Tx| notices::set(tx, of.customer, url).await).await.unwrap()
}

/// Whether a message is signed with a secret, as the other side finds out.
pub fn is_signed(asked: &Asked, secret: &SecretString) -> bool {
    let header = |name: &str| asked.headers[name].as_str();
    let (id, timestamp, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let secrets = Secrets::of(&[secret.expose_secret().into()]).unwrap();
    secrets.verify(Signed { id, timestamp, signatures }, &asked.body, Signed::now())
}

/// What became of webhooks' notices.
async fn states(bed: &Bed) -> String {
    let query =
        "select string_agg(state || ' ' || attempt, ', ' order by id) from live.notice where channel = 'webhook'";
    bed.db.value(query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_told_and_can_see_who_tells_it() {
    let service = Service::new(&["204 No Content"]);
    let (bed, ann, secret) = with_webhook(&service.url).await;
    bed.order(Live, &ann, "žąsis.lt").await;
    assert_eq!(bed.relay(Live).await, 1);
    assert_eq!(bed.relay_all().await, 0);
    let asked = service.asked();
    assert_eq!((asked.len(), asked[0].line.as_str()), (1, "POST /told?by=vartai HTTP/1.1"));
    assert!(is_signed(&asked[0], &secret) && !is_signed(&asked[0], &"someone else's, 24 bytes".into()));
    let told: Value = serde_json::from_slice(&asked[0].body).unwrap();
    assert_eq!(told["type"], "invoice.paid");
    let data = &told["data"];
    assert_eq!(
        json!([data["login"], data["domain"], data["total"], data["currency"]]),
        json!(["ann", "žąsis.lt", "3.00", "EUR"])
    );

    let live = &bed.db.database.live;
    let rotate = async |tx: &mut Tx| notices::rotate(tx, ann.customer, &service.url, Old::SignOn).await;
    let new = live.transaction("rotate", rotate).await.unwrap().secret.unwrap();
    bed.order(Live, &ann, "b.lt").await;
    assert_eq!(bed.relay(Live).await, 1);
    let last = service.asked().pop().unwrap();
    assert!(is_signed(&last, &secret) && is_signed(&last, &new), "both, while they change");
    assert_ne!(last.headers["webhook-id"], asked[0].headers["webhook-id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_taken_is_told_again_under_the_same_name() {
    let service = Service::new(&["503 Busy\r\nRetry-After: 300", "500 Oops", "200 OK"]);
    let (bed, ann, secret) = with_webhook(&service.url).await;
    bed.order(Live, &ann, "a.lt").await;
    bed.order(Live, &ann, "b.lt").await;
    bed.db.run_sql("update live.notice set due_at = now() + interval '1 hour' where key like '% 2'").await;
    assert_eq!(bed.relay(Live).await, 0);
    let asked_for =
        "select bool_and(due_at >= now() + interval '299 seconds') from live.notice where channel = 'webhook'";
    assert!(bed.db.value::<bool>(asked_for).await, "it asked to be left alone, for all that waits");
    assert!(bed.db.value::<bool>("select failing_since is not null from live.webhook").await);
    bed.db.run_sql("delete from live.notice where key like '% 2'").await;
    assert_eq!((bed.relay_all().await, bed.relay_all().await), (0, 1));
    assert_eq!(states(&bed).await, "sent 3");
    assert!(bed.db.value::<bool>("select failing_since is null from live.webhook").await);
    let asked = service.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|again| again.body == asked[0].body && is_signed(again, &secret)));
    assert!(asked.iter().all(|again| again.headers["webhook-id"] == asked[0].headers["webhook-id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_led_into_the_company_s_networks() {
    let service = Service::new(&["200 OK"]);
    let port = service.url.split([':', '/']).nth(4).unwrap();
    let (mut bed, ann, _) = with_webhook(&service.url).await;
    for host in ["localhost", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"] {
        set(&bed, &ann, &format!("http://{host}:{port}/")).await;
    }
    bed.settings.webhook_networks = Vec::new();
    bed.order(Live, &ann, "a.lt").await;
    assert_eq!(bed.relay(Live).await, 0);
    assert!(service.asked().is_empty(), "{:?}", service.asked());
    assert_eq!(states(&bed).await, "waiting 1, waiting 1, waiting 1, waiting 1, waiting 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirections_are_not_followed_and_answers_not_read() {
    let other = Service::new(&["200 OK"]);
    let service = Service::new(&[&format!("307 Elsewhere\r\nLocation: {}", other.url), "200 OK\r\nENDLESS"]);
    let (bed, ann, _) = with_webhook(&service.url).await;
    bed.order(Live, &ann, "a.lt").await;
    assert_eq!(bed.relay(Live).await, 0);
    assert_eq!(states(&bed).await, "waiting 1");
    assert!(other.asked().is_empty());
    assert_eq!(bed.relay_all().await, 1, "it said that it has it, and the rest is of no interest");
}

/// What is told to a service that takes connections and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_never_answers_is_left_alone_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut bed, ann, _) = with_webhook(&format!("http://{}/", silent.local_addr().unwrap())).await;
    bed.settings.webhook_answer = Duration::from_millis(300);
    bed.order(Live, &ann, "a.lt").await;
    let begun = Instant::now();
    assert_eq!(bed.relay(Live).await, 0);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(10), "{took:?}");
    // It was spoken to: its side has the connection, and what it was told.
    let (mut heard, mut line) = (silent.accept().unwrap().0, [0; 6]);
    heard.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"POST /");
    assert_eq!(states(&bed).await, "waiting 1");
    let told = "select detail from live.notice where channel = 'webhook'";
    let told = bed.db.value::<String>(told).await;
    assert!(told.contains("time"), "{told}");
    assert!(bed.db.value::<bool>("select failing_since is not null from live.webhook").await);
    assert_eq!(WEBHOOK_ANSWER, Duration::from_secs(15), "as the documents say");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_gone_for_days_is_told_no_more_and_staff_know() {
    let service = Service::new(&["404 Not Found"]);
    let (bed, ann, _) = with_webhook(&service.url).await;
    bed.order(Live, &ann, "a.lt").await;
    assert_eq!(bed.relay(Live).await, 0);
    bed.db.run_sql("update live.webhook set failing_since = now() - interval '6 days'").await;
    bed.relay_all().await;
    assert_eq!(states(&bed).await, "failed 2");
    assert!(bed.db.value::<bool>("select disabled_at is not null from live.webhook").await);
    bed.order(Live, &ann, "b.lt").await;
    bed.relay(Live).await;
    assert_eq!(states(&bed).await, "failed 2", "nothing new is written for it");
    let told = "select state from live.notice where event = 'webhook.disabled' and channel = 'staff'";
    assert_eq!(bed.db.value::<String>(told).await, "sent");
    service.answer(&["200 OK"]);
    assert!(set(&bed, &ann, &service.url).await.secret.is_none());
    bed.order(Live, &ann, "c.lt").await;
    assert_eq!(bed.relay(Live).await, 1, "set again, it is told what happens from then on");
}
