//! Changes of tariff: what is given back and what was consumed are what was charged, whatever happened before; and every
//! figure can be explained to the one that the ledger has.

use std::collections::BTreeMap;

use domain::{
    billing::InvoiceId,
    catalogue::{Catalogue, Tariff, TariffId},
    customers::Prices,
    money::{Currency::EUR, Money},
    orders::{OrderId, PlaceError, TariffRequest, Unpaid, parse_addons},
    vat::VatRules,
};
use jiff::civil::date;
use store::{
    Database, Error, Tx,
    db::Rules,
    invoices,
    orders::{self, Buyer, PlaceFailure, RetariffFailure, Retariffed},
    tasks,
};
use testkit::{Dice, TestDb};

use crate::{
    acts::{balance, claim, hosting, invoices_of, place, renewal, trial, try_place, try_renew, vds},
    nothing::fail,
};

/// The demo's, and a larger VDS (12) at 19.90 with 12 % off a year, made as the other.
fn sold() -> Catalogue {
    let mut catalogue = TestDb::demo_catalogue();
    let mut larger: Tariff = catalogue.tariff(TariffId(10)).unwrap().clone();
    (larger.id, larger.name, larger.monthly) = (TariffId(12), "VDS-4".to_owned(), Money::minor(1_990, EUR));
    let plan = larger.plan.as_mut().unwrap();
    (plan.cpu_ghz.base, plan.ram_mb.base) = (4, 4096);
    catalogue.tariffs.push(larger);
    catalogue
}

async fn database() -> TestDb {
    let db = TestDb::new().await;
    db.apply_catalogue(&sold()).await;
    db
}

async fn change(
    db: &Database,
    id: OrderId,
    tariff: i64,
    addons: Option<&str>,
    dry_run: bool,
) -> Result<Retariffed, RetariffFailure> {
    let request = TariffRequest { tariff: TariffId(tariff), addons: addons.map(parse_addons) };
    db.live.transaction("change", async |tx| orders::change_tariff(tx, id, &request, "a test", dry_run).await).await
}

fn figures(of: &Retariffed) -> [i64; 4] {
    let of = &of.change;
    [of.charged, of.consumed, of.refund, of.cost].map(Money::in_minor)
}

fn refusal(outcome: Result<Retariffed, RetariffFailure>) -> String {
    match outcome {
        Err(RetariffFailure::Store(Error::Refused(why))) => why,
        other => panic!("{other:?}"),
    }
}

/// Lets an order run, and so many days pass: all that is paid for lies back by them.
async fn pass(db: &TestDb, days: i64) {
    db.run_sql(&format!(
        "begin; set local session_replication_role = replica; \
         update live.orders set state = 'active', start_day = start_day - {days}, paid_until = paid_until - {days}; \
         update live.service_period set span = daterange(lower(span) - {days}, upper(span) - {days}); \
         update live.invoice_line set working = jsonb_set(jsonb_set(working, \
           '{{part,from}}', to_jsonb((working->'part'->>'from')::date - {days})), \
           '{{part,until}}', to_jsonb((working->'part'->>'until')::date - {days})) where working ? 'part'; commit"
    ))
    .await;
}

/// The worker did all that was asked of it.
async fn made(db: &TestDb) {
    db.run_sql(
        "begin; set local session_replication_role = replica; \
         update live.task set state = 'succeeded', completed_at = now() where completed_at is null; commit",
    )
    .await;
}

/// What the ledger has of all that was charged and given back.
async fn revenue(db: &TestDb) -> i64 {
    let query = "select coalesce(sum(e.amount), 0)::bigint from live.entry e join live.account a on a.id = e.account_id \
         where a.kind = 'revenue'";
    db.value(query).await
}

#[tokio::test]
async fn the_rest_of_the_old_pays_for_the_rest_of_the_new() {
    let db = database().await;
    let ann = db.customer("ann").credit("100.00").bonus("5.00").add().await;
    let order = place(&db.database, &ann, &vds()).await;
    pass(&db, 10).await;
    let days: i64 = db.value("select (upper(span) - lower(span))::bigint from live.service_period").await;
    let consumed = (990 * 10 * 2 + days) / (2 * days);
    let cost = (1_990 * (days - 10) * 2 + days) / (2 * days);
    let before = balance(&db.database, &ann).await;

    let Err(RetariffFailure::Tried(would_be)) = change(&db.database, order, 12, None, true).await else { panic!() };
    assert_eq!(figures(&would_be), [990, consumed, 990 - consumed, cost], "set-up is not given back");
    assert_eq!(balance(&db.database, &ann).await, before, "nothing was done");
    assert_eq!(db.value::<String>("select tariff_id::text from live.orders").await, "10");

    let done = change(&db.database, order, 12, None, false).await.unwrap();
    assert_eq!(figures(&done), figures(&would_be));
    assert_eq!(balance(&db.database, &ann).await, before + (990 - consumed) - cost);
    assert_eq!(
        db.value::<String>("select tariff_id || ' ' || cpu_ghz || ' ' || ram_mb from live.orders, live.server").await,
        "12 4 4096"
    );
    assert_eq!(db.value::<String>("select operation from live.task order by id desc limit 1").await, "server_change");
    let early = refusal(change(&db.database, order, 10, None, false).await);
    assert!(early.contains("its server is being changed"), "{early}");
    made(&db).await;
    assert_eq!(
        refusal(change(&db.database, order, 12, None, false).await),
        format!("order {order}: it has this tariff and these addons already")
    );
    db.verify_books().await;
}

#[tokio::test]
async fn what_was_settled_is_not_given_back_again() {
    let db = database().await;
    let ann = db.customer("ann").credit("100.00").add().await;
    let order = place(&db.database, &ann, &vds()).await;
    made(&db).await;
    let days: i64 = db.value("select (upper(span) - lower(span))::bigint from live.service_period").await;
    let half_up = |minor: i64, past: i64, all: i64| (minor * past * 2 + all) / (2 * all);
    let mut charged = 990;
    let (mut at, mut of_days) = (0, days);
    for (tariff, step) in [(12, 7), (10, 7), (12, 0), (10, 9)] {
        pass(&db, step).await;
        at += step;
        let done = change(&db.database, order, tariff, None, false).await.unwrap();
        made(&db).await;
        let consumed = half_up(charged, step, of_days);
        let monthly = if tariff == 12 { 1_990 } else { 990 };
        let cost = half_up(monthly, days - at, days);
        assert_eq!(figures(&done), [charged, consumed, charged - consumed, cost], "day {at}");
        (charged, of_days) = (cost, days - at);
    }
    db.verify_books().await;
}

#[tokio::test]
async fn what_fails_of_it_waits_for_staff_and_is_told_of() {
    let db = database().await;
    let live = &db.database.live;
    let ann = db.customer("ann").credit("100.00").add().await;
    let order = place(&db.database, &ann, &vds()).await;
    made(&db).await;
    pass(&db, 10).await;
    change(&db.database, order, 12, None, false).await.unwrap();
    let paid = balance(&db.database, &ann).await;
    let failing = claim(live).await.unwrap();
    assert!(fail(live, &failing).await);
    let task = "select state from live.task where operation = 'server_change'";
    assert_eq!(db.value::<String>(task).await, "manual", "the papers stand, so it is still to be done");
    let id = failing.lease.id;
    live.transaction("retry", async |tx| tasks::retry(tx, id).await).await.unwrap();
    assert_eq!(db.value::<String>(task).await, "queued");
    live.transaction("cancel", async |tx| tasks::cancel(tx, id).await).await.unwrap();
    let told: String = db.value("select attention from live.orders").await;
    assert!(told.starts_with("server_change was cancelled, and its server is not what its tariff says"), "{told}");
    assert_eq!(balance(&db.database, &ann).await, paid);
    db.verify_books().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_nothing_done() {
    let db = database().await;
    let ann = db.customer("ann").credit("17.00").add().await;
    let order = place(&db.database, &ann, &vds()).await;
    assert!(refusal(change(&db.database, order, 12, None, false).await).contains("provisioning"));
    pass(&db, 1).await;
    for (tariff, addons, why) in [
        (1, None, "another kind"),
        (11, None, "made in another way"),
        (99, None, "isn't for sale"),
        (12, Some("20,21"), "addons"),
        (12, None, "the balance is"),
    ] {
        let refused = refusal(change(&db.database, order, tariff, addons, false).await);
        assert!(refused.contains(why), "{tariff}: {refused}");
    }
    assert_eq!(balance(&db.database, &ann).await, 210);
    assert_eq!(invoices_of(&db.database, order).await.len(), 1);
    db.verify_books().await;
}

#[tokio::test]
async fn a_tariff_that_is_had_once_was_had_when_the_order_has_another() {
    let db = database().await;
    let ann = db.customer("ann").credit("10.00").add().await;
    let order = place(&db.database, &ann, &trial("example.lt")).await;
    pass(&db, 0).await;
    change(&db.database, order, 1, None, false).await.unwrap();
    assert_eq!(balance(&db.database, &ann).await, 700);
    let again = try_place(&db.database.live, &ann, &trial("another.lt"), Unpaid::Accept).await;
    assert!(matches!(again, Err(PlaceFailure::Decided(PlaceError::HadOnce))));
    place(&db.database, &ann, &hosting("another.lt")).await;
    db.verify_books().await;
}

async fn one_life(seed: u64) {
    let db = database().await;
    let mut dice = Dice(seed);
    let rates = BTreeMap::from([("LT".parse().unwrap(), BTreeMap::from([(date(2009, 9, 1), "21".parse().unwrap())]))]);
    let vat = Some(VatRules::new("LT".parse().unwrap(), rates).unwrap());
    let prices = if dice.below(2) == 0 { Prices::Gross } else { Prices::Net };
    let company = Database::open(&db.settings, 4, db.keys.clone(), Rules { prices, vat, ..TestDb::rules() }).unwrap();
    let ann = db.customer("ann").credit("50000.00").bonus("33.33").add().await;
    let order = place(&company, &ann, &vds()).await;
    pass(&db, 0).await;
    for _ in 0..12 {
        step(&db, &company, &ann, order, &mut dice).await;
        let told =
            company.live.transaction("explain", async |tx: &mut Tx| invoices::explain_order(tx, order).await).await;
        let told = told.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(told.last().unwrap().amount.unwrap().in_minor(), revenue(&db).await, "seed {seed}");
    }
    for invoice in invoices_of(&company, order).await {
        let id = InvoiceId(invoice.id);
        let steps = company.live.read(async |c| invoices::explain(c, id).await).await.unwrap().steps;
        let charged = format!(
            "select coalesce(sum(e.amount), 0)::bigint from live.journal j join live.entry e on e.journal_id = j.id \
             join live.account a on a.id = e.account_id \
             where j.kind = 'charge' and j.ref_id = {} and a.kind = 'revenue'",
            invoice.id
        );
        assert_eq!(steps.last().unwrap().amount.unwrap().in_minor(), db.value::<i64>(&charged).await, "seed {seed}");
    }
    db.verify_books().await;
}

async fn step(db: &TestDb, company: &Database, ann: &Buyer, order: OrderId, dice: &mut Dice) {
    made(db).await;
    match dice.below(4) {
        0 => pass(db, i64::try_from(dice.below(9)).unwrap()).await,
        1 => {
            let months = dice.of(&[1, 3, 6, 12]);
            assert!(try_renew(company, ann, order, &renewal(months), Unpaid::Refuse).await.is_ok());
        }
        _ => {
            let tariff = dice.of(&[10, 12]);
            let addons = dice.of(&["20", "21", "20,22:3", "21,22:8"]);
            let before = balance(company, ann).await;
            match change(company, order, tariff, Some(addons), false).await {
                Ok(done) => {
                    let [charged, consumed, refund, cost] = figures(&done);
                    assert_eq!(refund + consumed, charged);
                    assert_eq!(balance(company, ann).await, before + refund - cost);
                }
                Err(RetariffFailure::Store(Error::Refused(why))) => assert!(why.contains("already"), "{why}"),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn random_lives_add_up_and_explain_themselves() {
    for seed in 1..=6 {
        one_life(seed).await;
    }
}
