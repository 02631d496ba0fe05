//! Invoice numbers: without a gap, none twice, in the order of payment, whoever gives them.

use futures_util::future::join_all;

use super::bed::Bed;

/// So many orders a customer places here; each is an invoice.
const INVOICES: i64 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn four_at_once_number_each_paid_invoice_once_in_the_order_of_payment() {
    let bed = Bed::new().await;
    let domains: Vec<String> = (0..INVOICES).map(|n| format!("n{n}.example")).collect();
    for some in domains.chunks(20) {
        let placed = some.iter().map(async |domain| {
            bed.app.order_by("ann", &[("tarifid", "1"), ("period", "1"), ("domain", domain)]).await
        });
        join_all(placed).await;
    }
    bed.app.order_by("poor", &[("tarifid", "1"), ("period", "1"), ("domain", "unpaid.example")]).await;
    // Paid in another order than written; nobody but a test can say so.
    let shuffle = "set session_replication_role = replica; update live.invoice set paid_at = now() - make_interval(secs => (id * 7919) % 1009) \
         where status = 'paid'";
    bed.app.db.run_sql(shuffle).await;
    let number = async |series: &'static str| {
        let realm = &bed.app.db.database.live;
        realm.transaction("number", async |tx| store::invoices::number(tx, series).await).await.unwrap()
    };
    let given: usize = join_all((0..4).map(|_| number("VRT"))).await.into_iter().sum();
    assert_eq!(i64::try_from(given).unwrap(), INVOICES);
    assert_eq!(number("VRT").await, 0, "there was nothing left");
    let wrong = "select count(*) from (select number, row_number() over (order by paid_at, id) as place \
         from live.invoice where status = 'paid') n where number is distinct from place";
    assert_eq!(bed.app.db.value::<i64>(wrong).await, 0, "gaps, doubles, or another order");
    let unpaid = "select count(*) from live.invoice where status <> 'paid' and number is not null";
    assert_eq!(bed.app.db.value::<i64>(unpaid).await, 0);

    let later = bed.app.order_by("ann", &[("tarifid", "1"), ("period", "1"), ("domain", "later.example")]).await;
    assert_eq!(number("VRT").await, 1);
    let next = format!("select number from live.invoice where order_id = {later}");
    assert_eq!(bed.app.db.value::<i64>(&next).await, INVOICES + 1);
    let listed = bed.done("account_orders", &[]).await;
    assert_eq!((&listed[0]["or_series"], &listed[0]["or_number"]), (&"VRT".into(), &"201".into()));
    // Another series begins at 1, and takes nothing that has a number.
    assert_eq!(number("NEW").await, 0);
    bed.app.order_by("ann", &[("tarifid", "1"), ("period", "1"), ("domain", "new.example")]).await;
    assert_eq!(number("NEW").await, 1);
    assert_eq!(bed.done("account_orders", &[]).await[0]["or_number"], "1");
    bed.app.db.verify_books().await;
}
