//! The outbox: each event written once, with what it tells of, and taken out by one worker at a time.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    billing::InvoiceId,
    customers::CustomerId,
    notices::News,
    orders::{OrderId, PowerOperation, Unpaid},
};
use futures_util::future::join_all;
use jiff::{ToSpan, civil::Date};
use secrecy::ExposeSecret;
use store::{
    Error, Realm, RealmKind, Tx,
    invoices::PaidFrom,
    notices::{self, Claimed, Lanes, Target},
    orders::{self, Buyer, Processed},
};
use testkit::TestDb;
use uuid::Uuid;

use crate::{
    acts::{
        claim, hosting, place, power, renewal, succeed, terminate, try_pay, try_place, try_renew, vds, vds_by_hand,
    },
    refusals::refused,
    steering::ready,
};

/// Event and channel of each notice, in the order they were written.
async fn told(db: &TestDb) -> String {
    let query = "select coalesce(string_agg(event || case channel when 'mail' then '' else ' ' || channel end, ', ' \
        order by id), '') from live.notice";
    db.value(query).await
}

async fn forget(db: &TestDb) {
    db.run_sql("delete from live.notice").await;
}

async fn set_webhook(db: &TestDb, of: CustomerId, url: &str) -> Option<String> {
    let set = async |tx: &mut Tx| notices::set(tx, of, url).await;
    let set = db.database.live.transaction("set", set).await.unwrap();
    set.secret.map(|secret| secret.expose_secret().to_owned())
}

async fn claim_notices(realm: &Realm, most: i64) -> Vec<Claimed> {
    let worker = Uuid::new_v4();
    let room = room(most);
    realm.transaction("claim", async |tx| notices::claim(tx, worker, &room).await).await.unwrap()
}

/// Room for so many letters, and a message to each of so many webhooks.
fn room(most: i64) -> Lanes {
    Lanes { mail: most, webhooks: most, busy: Vec::new(), failing: true }
}

#[tokio::test]
async fn each_event_is_told_with_what_it_tells_of() {
    let db = TestDb::with_demo_catalogue().await;
    let (store, live) = (&db.database, &db.database.live);
    let ann = db.customer("ann").credit("4.00").add().await;
    let id = place(store, &ann, &hosting("žąsis.lt")).await;
    assert_eq!(told(&db).await, "invoice.paid");
    let facts: String = db.value("select facts::text from live.notice").await;
    for fact in ["\"domain\": \"žąsis.lt\"", "\"total\": 300", "\"currency\": \"EUR\"", "\"purpose\": \"order\""] {
        assert!(facts.contains(fact), "{facts}");
    }
    forget(&db).await;

    assert!(succeed(live, &claim(live).await.unwrap()).await);
    assert_eq!(told(&db).await, "order.ready");
    forget(&db).await;
    power(store, &ann, id, PowerOperation::Suspend).await.unwrap();
    power(store, &ann, id, PowerOperation::Unsuspend).await.unwrap();
    power(store, &ann, id, PowerOperation::Suspend).await.unwrap();
    assert_eq!(told(&db).await, "order.suspended, order.suspended", "the one and the other");
    forget(&db).await;

    assert!(try_renew(store, &ann, id, &renewal(1), Unpaid::Accept).await.is_ok());
    assert_eq!(told(&db).await, "invoice.issued");
    let invoice: i64 = db.value("select id from live.invoice where status = 'unpaid'").await;
    try_pay(store, InvoiceId(invoice), PaidFrom::Outside).await.unwrap();
    assert_eq!(told(&db).await, "invoice.issued, invoice.paid");
    forget(&db).await;
    terminate(store, id).await.unwrap();
    assert_eq!(told(&db).await, "order.terminated");
    forget(&db).await;

    let trial = place(store, &ann, &crate::acts::trial("free.lt")).await;
    assert_eq!(told(&db).await, "", "what costs nothing is no news");
    assert!(trial.0 > 0);
}

#[tokio::test]
async fn staff_are_told_once_until_nothing_waits_for_them() {
    let db = TestDb::with_demo_catalogue().await;
    let (store, live) = (&db.database, &db.database.live);
    let ann = db.customer("ann").credit("100.00").add().await;
    let id = place(store, &ann, &vds_by_hand()).await;
    assert_eq!(told(&db).await, "invoice.paid, order.manual, order.manual staff");
    power(store, &ann, id, PowerOperation::Restart).await.unwrap();
    assert_eq!(db.value::<i64>("select count(*) from live.notice where event = 'order.manual'").await, 2);
    forget(&db).await;
    let done = Processed { login: Some("root".to_owned()), ..Processed::default() };
    live.transaction("process", async |tx| orders::process(tx, id, &done).await).await.unwrap();
    assert_eq!(told(&db).await, "order.ready");
    forget(&db).await;
    power(store, &ann, id, PowerOperation::Restart).await.unwrap();
    assert_eq!(told(&db).await, "order.manual, order.manual staff", "again, since staff had dealt with the first");
}

#[tokio::test]
async fn an_event_that_is_rolled_back_is_not_told() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("4.00").add().await;
    let placing = db.database.live.transaction("place and fail", async |tx| {
        orders::place(tx, &ann, &hosting("a.lt"), Unpaid::Accept).await.map_err(|_| Error::Failed("no".into()))?;
        Err::<(), _>(Error::Failed("the machine broke".into()))
    });
    assert!(placing.await.is_err());
    assert_eq!(told(&db).await, "");
}

#[tokio::test]
async fn whatever_is_repeated_an_event_has_one_row_for_each_way_to_tell_it() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").add().await;
    let bob = db.customer("bob").credit("100.00").add().await;
    for url in ["https://one.example/a", "https://two.example/b", "https://off.example"] {
        assert!(set_webhook(&db, ann.customer, url).await.unwrap().starts_with("whsec_"));
        assert_eq!(set_webhook(&db, ann.customer, url).await, None, "it is there, and keeps its secret");
    }
    db.run_sql("update live.webhook set disabled_at = now() where url like '%off%'").await;
    place(&db.database, &ann, &hosting("a.lt")).await;
    place(&db.database, &bob, &hosting("b.lt")).await;
    assert_eq!(told(&db).await, "invoice.paid, invoice.paid webhook, invoice.paid webhook, invoice.paid");
    let role = db.role(RealmKind::Live).await;
    let again = "select tell('invoice.paid', 'invoice.paid 1', 1, '{}', now(), false)";
    let new: i64 = role.query_one(again, &[]).await.unwrap().get(0);
    assert_eq!(new, 0);
    assert_eq!(
        refused(
            &role,
            "insert into notice (event, key, channel, customer_id, facts, at) values \
        ('order.ready', 'x', 'mail', 1, '{}', now())"
        )
        .await,
        "42501",
        "only through the function"
    );
}

#[tokio::test]
async fn the_test_realm_s_events_are_its_own() {
    let db = TestDb::with_demo_catalogue().await;
    let tom = db.customer("tom").of(RealmKind::Test).add().await;
    try_place(&db.database.test, &tom, &vds(), Unpaid::Accept).await.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(db.value::<String>("select event from test.notice").await, "invoice.paid");
    assert_eq!(told(&db).await, "");
}

/// Reminders of a day, page by page. How many are new.
async fn remind(realm: &Realm, day: Date) -> usize {
    let (orders, more) = realm.transaction("remind", async |tx| notices::remind(tx, day, None).await).await.unwrap();
    let balances = async |tx: &mut Tx| notices::remind_balances(tx, day, None).await;
    let (customers, others) = realm.transaction("balances", balances).await.unwrap();
    assert!(more.is_none() && others.is_none(), "one page is enough here");
    orders + customers
}

/// The company's day, as the database has it.
const TODAY: &str = "(live.realm_now() at time zone 'Europe/Vilnius')::date";

async fn today(db: &TestDb) -> Date {
    db.database.live.transaction("today", async |tx| Ok::<_, Error>(tx.today())).await.unwrap()
}

#[tokio::test]
async fn reminders_come_once_each_and_only_of_what_won_t_go_on_by_itself() {
    let (db, ann, id) = ready().await;
    let live = &db.database.live;
    let until = |days: i64| format!("update live.orders set paid_until = {TODAY} + {days}");
    forget(&db).await;
    db.run_sql(&until(20)).await;
    let (mut seen, mut now) = (Vec::new(), 20);
    for left in [20, 14, 13, 8, 6, 1, 0, -1] {
        db.move_live_clock(now - left).await;
        now = left;
        let day = today(&db).await;
        if remind(live, day).await > 0 {
            seen.push(left);
        }
        assert_eq!(remind(live, day).await, 0, "a second time there is nothing new");
    }
    assert_eq!(seen, [14, 6, 1]);
    let left = "select string_agg(facts ->> 'days_left', ' ' order by id) from live.notice";
    assert_eq!(db.value::<String>(left).await, "14 6 1");

    // What renews by itself is reminded of once it had a try.
    forget(&db).await;
    live.transaction("set", async |tx| orders::set_auto_renew(tx, id, true).await).await.unwrap();
    db.run_sql(&until(7)).await;
    assert_eq!(remind(live, today(&db).await).await, 0, "ann is rich: {ann:?}");
    db.run_sql(&until(3)).await;
    assert_eq!(remind(live, today(&db).await).await, 1);
    db.run_sql("update live.orders set state = 'suspended', suspended_by = 'customer'").await;
    forget(&db).await;
    assert_eq!(remind(live, today(&db).await).await, 0, "what is off is not missed");
}

#[tokio::test]
async fn a_balance_that_won_t_do_is_told_with_its_day_and_its_orders() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("13.00").add().await;
    let live = &db.database.live;
    let mut ids: Vec<OrderId> = Vec::new();
    for domain in ["a.lt", "b.lt", "c.lt"] {
        let id = place(&db.database, &ann, &hosting(domain)).await;
        assert!(succeed(live, &claim(live).await.unwrap()).await);
        live.transaction("set", async |tx| orders::set_auto_renew(tx, id, true).await).await.unwrap();
        ids.push(id);
    }
    forget(&db).await;
    // 4.00 are left; renewals of 3.00 each are tried 3 days before.
    for (id, days) in ids.iter().zip([10, 12, 15]) {
        db.run_sql(&format!("update live.orders set paid_until = {TODAY} + {days} where id = {id}")).await;
    }
    let day = today(&db).await;
    assert_eq!(remind(live, day).await, 1);
    assert_eq!(remind(live, day).await, 0);
    let facts: String = db.value("select facts::text from live.notice where event = 'balance.low'").await;
    let ends_on = day + 9.days();
    assert!(facts.contains(&format!("\"ends_on\": \"{ends_on}\"")), "{facts}");
    assert!(
        facts.contains(&format!("\"orders\": [{}, {}]", ids[1], ids[2])) && facts.contains("\"missing\": 500"),
        "{facts}"
    );
    // The next reminder's day.
    assert_eq!(remind(live, day).await, 0);
    crate::acts::deposit(live, &ann, 500).await.unwrap();
    forget(&db).await;
    assert_eq!(remind(live, day).await, 0, "with what was missing it will do");
}

#[tokio::test]
async fn a_notice_is_in_one_worker_s_hand_and_a_late_one_writes_nothing() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("1000.00").add().await;
    for n in 0..30 {
        place(&db.database, &ann, &hosting(&format!("d{n}.lt"))).await;
    }
    let live = &db.database.live;
    let claims = join_all((0..6).map(|_| claim_notices(live, 5))).await;
    let all: Vec<i64> = claims.iter().flatten().map(|claimed| claimed.id).collect();
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (30, 30));
    assert!(claim_notices(live, 5).await.is_empty());
    assert!(!live.read(async |c| notices::is_due(c, &room(5)).await).await.unwrap());

    // Its worker is not heard of any more, and comes back too late.
    let late = &claims[0][0];
    assert!(matches!((&late.target, &late.news), (Target::Mail(None), News::InvoicePaid(_))));
    db.run_sql(&format!("update live.notice set claimed_until = now() where id = {}", late.id)).await;
    let second = claim_notices(live, 5).await;
    assert_eq!((second[0].id, second[0].attempt, second[0].uid), (late.id, 2, late.uid));
    assert!(!live.transaction("late", async |tx| notices::sent(tx, late, "").await).await.unwrap());
    assert!(live.transaction("in time", async |tx| notices::sent(tx, &second[0], "250 ok").await).await.unwrap());
    assert!(!live.transaction("twice", async |tx| notices::sent(tx, &second[0], "").await).await.unwrap());
}

#[tokio::test]
async fn what_was_given_up_is_seen_and_tried_again_and_what_has_ended_is_kept_for_a_while() {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("1000.00").add().await;
    for n in 0..3 {
        place(&db.database, &ann, &hosting(&format!("d{n}.lt"))).await;
    }
    let live = &db.database.live;
    let all = claim_notices(live, 9).await;
    live.transaction("fail", async |tx| notices::fail(tx, &all[0], "no such user").await).await.unwrap();
    live.transaction("skip", async |tx| notices::skip(tx, &all[1], "no address").await).await.unwrap();
    let pause = Duration::from_secs(600);
    live.transaction("wait", async |tx| notices::keep_trying(tx, &all[2], pause, "421", true).await).await.unwrap();
    assert_eq!(live.read(async |c| notices::trouble(c).await).await.unwrap().failed, 1);
    assert!(claim_notices(live, 9).await.is_empty());
    let retry = async |id| live.transaction("retry", async |tx| notices::retry(tx, id).await).await;
    assert!(matches!(retry(Some(all[2].id)).await, Err(Error::Refused(_))), "it is waiting");
    assert!(matches!(retry(Some(77)).await, Err(Error::NotFound(_))));
    assert_eq!(retry(None).await.unwrap(), 1);
    assert_eq!(retry(Some(all[1].id)).await.unwrap(), 1);
    for again in claim_notices(live, 9).await {
        live.transaction("sent", async |tx| notices::sent(tx, &again, "").await).await.unwrap();
    }
    let sweep = async || live.transaction("sweep", async |tx| notices::sweep(tx, 90).await).await.unwrap();
    assert_eq!(sweep().await, 0);
    db.run_sql("update live.notice set ended_at = now() - interval '91 days' where ended_at is not null").await;
    assert_eq!(sweep().await, 2);
    assert_eq!(db.value::<String>("select state from live.notice").await, "waiting");
    db.run_sql("update live.notice set due_at = now(), facts = '{}'").await;
    assert!(claim_notices(live, 9).await.is_empty());
    let failed = "select state || ' ' || detail from live.notice";
    assert!(db.value::<String>(failed).await.starts_with("failed stored data can't be read"), "it keeps no other");
}

/// A message to each of ann's webhooks waits.
async fn with_webhooks(urls: &[&str]) -> (TestDb, Buyer) {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("1000.00").add().await;
    for url in urls {
        set_webhook(&db, ann.customer, url).await;
    }
    place(&db.database, &ann, &hosting("a.lt")).await;
    (db, ann)
}

#[tokio::test]
async fn a_webhook_s_secrets_are_sealed_and_both_sign_while_they_change() {
    let (db, ann) = with_webhooks(&["https://one.example/a"]).await;
    let live = &db.database.live;
    let rotate =
        async |tx: &mut Tx| notices::rotate(tx, ann.customer, "https://one.example/a", notices::Old::SignOn).await;
    let new = live.transaction("rotate", rotate).await.unwrap().secret.unwrap();
    let rows: String = db.value("select string_agg(w::text, '') from live.webhook w").await;
    assert!(!rows.contains("whsec_") && !rows.contains(new.expose_secret()));
    let secrets = async || {
        let claimed = claim_notices(live, 9).await;
        let of = claimed.into_iter().find_map(|claimed| match claimed.target {
            Target::Webhook(webhook) => webhook,
            Target::Mail(_) | Target::Staff => None,
        });
        db.run_sql("update live.notice set claimed_by = null, claimed_until = null").await;
        of.unwrap().secrets
    };
    let both = secrets().await;
    assert_eq!((both.len(), both[0].expose_secret()), (2, new.expose_secret()));
    db.run_sql("update live.webhook_old_secret set until = now()").await;
    assert_eq!(secrets().await.len(), 1);
    let remove = async |tx: &mut Tx| notices::remove(tx, ann.customer, "https://one.example/a").await;
    live.transaction("remove", remove).await.unwrap();
    assert!(matches!(live.transaction("remove", remove).await, Err(Error::NotFound(_))));
    let gone = claim_notices(live, 9).await;
    assert!(
        gone.iter().any(|claimed| matches!(claimed.target, Target::Webhook(None))),
        "what waits for it goes nowhere"
    );
}

#[tokio::test]
async fn a_webhook_that_fails_for_days_is_given_up_and_told_of() {
    let (db, ann) = with_webhooks(&["https://one.example/a", "https://two.example/b"]).await;
    place(&db.database, &ann, &hosting("b.lt")).await;
    let live = &db.database.live;
    let claimed = claim_notices(live, 9).await;
    let (of, webhook) = claimed
        .iter()
        .find_map(|claimed| match &claimed.target {
            Target::Webhook(Some(webhook)) if webhook.url.contains("one") => Some((claimed, webhook)),
            _ => None,
        })
        .unwrap();
    let fail = async || {
        live.transaction("fail", async |tx| notices::fail_webhook(tx, of, webhook, 5, "it said 500").await)
            .await
            .unwrap()
    };
    assert!(!fail().await);
    db.run_sql("update live.webhook set failing_since = now() - interval '5 days' where url like '%one%'").await;
    live.transaction("ok", async |tx| notices::succeed_webhook(tx, webhook.id).await).await.unwrap();
    assert!(!fail().await, "one that gets through begins anew");
    db.run_sql("update live.webhook set failing_since = now() - interval '5 days' where url like '%one%'").await;
    assert!(fail().await);
    assert!(!fail().await, "once");
    let failed = "select count(*) from live.notice where webhook_id = 1 and state = 'failed'";
    assert_eq!(db.value::<i64>(failed).await, 2);
    let news = "select string_agg(channel, ' ' order by id) from live.notice where event = 'webhook.disabled'";
    assert_eq!(db.value::<String>(news).await, "mail staff webhook", "the other one is told as well");
    assert_eq!(live.read(async |c| notices::trouble(c).await).await.unwrap().disabled, 1);
    place(&db.database, &ann, &hosting("c.lt")).await;
    assert_eq!(
        db.value::<i64>("select count(*) from live.notice where webhook_id = 1").await,
        2,
        "it is told nothing more"
    );
}
