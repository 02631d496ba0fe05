//! One customer's services that hang, go away or move delay nobody else's notices, and what is wrong with them is told.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use domain::language::Language;
use provisioner::notices::Relay;
use secrecy::SecretString;
use store::{
    RealmKind::Live,
    Tx,
    notices::{self, NewSecret, Old, WebhookRow},
    orders::Buyer,
};
use tokio::time;

use crate::{
    bed::Bed,
    service::Service,
    webhooks::{is_signed, set},
};

/// Another's notice is to be there after this at the latest.
const SOON: Duration = Duration::from_secs(2);

async fn webhook_of(bed: &Bed, of: &Buyer) -> WebhookRow {
    let live = &bed.db.database.live;
    live.read(async |connection| notices::webhooks(connection, of.customer).await).await.unwrap().remove(0)
}

async fn rotate(bed: &Bed, of: &Buyer, url: &str, old: Old) -> SecretString {
    let live = &bed.db.database.live;
    let rotated: NewSecret =
        live.transaction("rotate", async |tx: &mut Tx| notices::rotate(tx, of.customer, url, old).await).await.unwrap();
    rotated.secret.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_services_that_hang_delay_nobody_else_s_message_and_no_mail() {
    let mut bed = Bed::new().await;
    let (slow, other) = (
        bed.customer(Live, "slow", Language::En, "Slow").await,
        bed.customer(Live, "other", Language::En, "Other").await,
    );
    // Who takes connections and says nothing.
    let silent: Vec<TcpListener> = (0..8).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    for listener in &silent {
        set(&bed, &slow, &format!("http://{}/", listener.local_addr().unwrap())).await;
    }
    let service = Service::new(&["200 OK"]);
    set(&bed, &other, &service.url).await;
    bed.settings.webhook_answer = Duration::from_secs(10);
    for n in 0..12 {
        bed.order(Live, &slow, &format!("s{n}.lt")).await;
    }
    let relay = Relay::new(&bed.db.database.live, &bed.settings, None);
    let told = async {
        // All eight hang.
        let hanging = "select count(*) >= 8 from live.notice where channel = 'webhook' and claimed_by is not null";
        while !bed.db.value::<bool>(hanging).await {
            time::sleep(Duration::from_millis(10)).await;
        }
        let begun = Instant::now();
        bed.order(Live, &other, "quick.lt").await;
        let sent = "select count(*) = 2 from live.notice n join live.customer c on c.id = n.customer_id \
                    where c.login = 'other' and n.state = 'sent'";
        while !bed.db.value::<bool>(sent).await {
            assert!(begun.elapsed() < Duration::from_secs(60), "it was never told");
            time::sleep(Duration::from_millis(10)).await;
        }
        begun.elapsed()
    };
    let took = tokio::select! {
        ran = relay.run() => panic!("those that hang were given up before: {ran:?}"),
        took = told => took,
    };
    assert!(took < SOON, "message and mail took {took:?}");
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_gone_is_switched_off_at_once_and_its_customer_is_told() {
    let service = Service::new(&["410 Gone"]);
    let bed = Bed::new().await;
    let ann = bed.customer(Live, "ann", Language::En, "Ann").await;
    set(&bed, &ann, &service.url).await;
    bed.order(Live, &ann, "a.lt").await;
    bed.relay(Live).await;
    let webhook = webhook_of(&bed, &ann).await;
    assert!(webhook.disabled_at.is_some());
    assert_eq!(webhook.trouble.as_deref(), Some("it said 410: it is gone"));
    bed.relay(Live).await;
    let told = "select string_agg(channel || ' ' || state, ', ' order by channel) from live.notice \
                where event = 'webhook.disabled'";
    assert_eq!(bed.db.value::<String>(told).await, "mail sent, staff sent");
    bed.order(Live, &ann, "b.lt").await;
    bed.relay(Live).await;
    assert_eq!(service.asked().len(), 1, "it is told nothing more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_has_moved_is_not_followed_and_that_is_told() {
    let other = Service::new(&["200 OK"]);
    for status in [301, 308] {
        let service = Service::new(&[&format!("{status} Moved\r\nLocation: {}", other.url), "200 OK"]);
        let bed = Bed::new().await;
        let ann = bed.db.customer("ann").credit("100.00").add().await;
        set(&bed, &ann, &service.url).await;
        bed.order(Live, &ann, "a.lt").await;
        bed.relay(Live).await;
        let trouble = webhook_of(&bed, &ann).await.trouble.unwrap();
        assert!(trouble.starts_with(&format!("it said {status}: it has moved")), "{trouble}");
        assert!(other.asked().is_empty());
        assert_eq!(bed.relay_all().await, 1);
        assert_eq!(webhook_of(&bed, &ann).await.trouble, None, "it is well again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_secret_signs_to_its_own_end_and_a_leaked_one_no_longer() {
    let service = Service::new(&["200 OK"]);
    let bed = Bed::new().await;
    let ann = bed.db.customer("ann").credit("100.00").add().await;
    let first = set(&bed, &ann, &service.url).await.secret.unwrap();
    let second = rotate(&bed, &ann, &service.url, Old::SignOn).await;
    let third = rotate(&bed, &ann, &service.url, Old::SignOn).await;
    bed.order(Live, &ann, "a.lt").await;
    assert_eq!(bed.relay(Live).await, 1);
    let last = service.asked().pop().unwrap();
    assert_eq!([&first, &second, &third].map(|secret| is_signed(&last, secret)), [true; 3]);
    // The first one's day is over.
    let over =
        "update live.webhook_old_secret set until = now() where id = (select min(id) from live.webhook_old_secret)";
    bed.db.run_sql(over).await;
    bed.order(Live, &ann, "b.lt").await;
    assert_eq!(bed.relay(Live).await, 1);
    let last = service.asked().pop().unwrap();
    assert_eq!([&first, &second, &third].map(|secret| is_signed(&last, secret)), [false, true, true]);

    let fourth = rotate(&bed, &ann, &service.url, Old::End).await;
    bed.order(Live, &ann, "c.lt").await;
    assert_eq!(bed.relay(Live).await, 1);
    let last = service.asked().pop().unwrap();
    let signed = [&first, &second, &third, &fourth].map(|secret| is_signed(&last, secret));
    assert_eq!(signed, [false, false, false, true]);
}
