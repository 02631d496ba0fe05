//! What PostgreSQL itself refuses, whoever asks: the owner of the tables too.

use store::RealmKind;
use testkit::TestDb;
use tokio_postgres::Client;

use crate::acts::{cancel, hosting, invoices_of, place, vds};

/// The code with which a statement, and the commit after it, is refused.
pub async fn refused(client: &Client, sql: &str) -> String {
    match client.batch_execute(sql).await {
        Ok(()) => panic!("not refused: {sql}"),
        Err(error) => error.as_db_error().unwrap_or_else(|| panic!("{sql}: {error}")).code().code().to_owned(),
    }
}

/// Ann has 100.00 and an order of 3.00, so there are journals of both kinds.
async fn books() -> TestDb {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").add().await;
    place(&db.database, &ann, &hosting("example.lt")).await;
    db
}

/// A posting by hand, on ann's credit and the cash account.
fn post(amounts: &str, number: i64) -> String {
    let kind = if amounts.starts_with('-') { "withdrawal" } else { "deposit" };
    format!(
        "select post('{kind}', 'movement', 100 + {number}, 0, 1, '', array[ \
           (select id from account where customer_id = 1 and kind = 'credit'), \
           (select id from account where kind = 'cash' and currency = 'EUR')], array[{amounts}]::bigint[])"
    )
}

#[tokio::test]
async fn the_ledger_is_never_changed_not_even_by_its_owner() {
    let db = books().await;
    let owner = db.owner().await;
    for table in ["journal", "entry"] {
        for sql in [
            format!("update live.{table} set xmin_is_no_column = 1"),
            format!("delete from live.{table} where false"),
            format!("truncate live.{table} cascade"),
        ] {
            let sql = sql.replace("xmin_is_no_column = 1", if table == "journal" { "note = ''" } else { "amount = 1" });
            assert_eq!(refused(&owner, &sql).await, "LD001", "{sql}");
        }
    }
    let line = "insert into live.entry (journal_id, line, account_id, currency, amount) \
        select 1, 9, id, currency, 5 from live.account where kind = 'cash'";
    assert_eq!(refused(&owner, line).await, "LD002");
    assert_eq!(refused(&owner, "update catalogue.revision set note = ''").await, "LD001");
    db.verify_books().await;
}

#[tokio::test]
async fn a_journal_balances_in_each_currency_or_is_not_written() {
    let db = books().await;
    db.customer("hiro").currency(domain::money::Currency::JPY).credit("1000").add().await;
    let live = db.role(RealmKind::Live).await;
    for amounts in ["100, -99", "100, -101"] {
        assert_eq!(refused(&live, &post(amounts, 1)).await, "LD003", "{amounts}");
    }
    for lines in ["'{}', '{}'", "'{1}', '{100}'"] {
        let sql = format!("select post('deposit', 'movement', 100, 0, 1, '', {lines})");
        assert_eq!(refused(&live, &sql).await, "LD003", "{lines}");
    }
    let mixed = post("100, -100", 1).replace("currency = 'EUR'", "currency = 'JPY'");
    assert_eq!(refused(&live, &mixed).await, "LD003");
    live.batch_execute(&post("100, -100", 1)).await.unwrap();
    db.verify_books().await;
}

#[tokio::test]
async fn the_same_event_is_posted_once() {
    let db = books().await;
    let live = db.role(RealmKind::Live).await;
    live.batch_execute(&post("100, -100", 7)).await.unwrap();
    let error = live.batch_execute(&post("100, -100", 7)).await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!((error.code().code(), error.constraint()), ("23505", Some("journal_one_per_event")));
    let error = live.batch_execute(
        "select post(kind, ref_type, ref_id, ref_seq, customer_id, '', '{1,2}', '{1,-1}') from journal where kind = 'charge'",
    );
    assert_eq!(error.await.unwrap_err().as_db_error().unwrap().constraint(), Some("journal_one_per_event"));
    db.verify_books().await;
}

#[tokio::test]
async fn no_wallet_is_overdrawn() {
    let db = books().await;
    let (owner, live) = (db.owner().await, db.role(RealmKind::Live).await);
    assert_eq!(refused(&live, &post("-9701, 9701", 1)).await, "LD004");
    live.batch_execute(&post("-9700, 9700", 1)).await.unwrap();
    assert_eq!(refused(&live, &post("-1, 1", 2)).await, "LD004");
    assert_eq!(refused(&owner, "update live.account set balance = -1 where kind = 'credit'").await, "23514");
    db.verify_books().await;
}

#[tokio::test]
async fn an_order_s_days_are_paid_once() {
    let db = books().await;
    let owner = db.owner().await;
    let ann = store::orders::Buyer {
        customer: domain::customers::CustomerId(1),
        currency: domain::money::Currency::EUR,
        vat: domain::vat::VatStanding::fixed(domain::money::Percent::ZERO),
    };
    place(&db.database, &ann, &vds()).await;
    let overlap = "insert into live.service_period (order_id, invoice_id, span) \
        select order_id, 2, daterange(upper(span) - 1, upper(span) + 1) from live.service_period where invoice_id = 1";
    // The second invoice's own days go first, since an invoice pays for one interval only.
    let sql = format!("begin; delete from live.service_period where invoice_id = 2; {overlap}; commit");
    assert_eq!(refused(&owner, &sql).await, "23P01");
    owner.batch_execute("rollback").await.unwrap();
    db.verify_books().await;
}

#[tokio::test]
async fn a_settled_invoice_never_changes_and_its_lines_add_up() {
    let db = books().await;
    let owner = db.owner().await;
    for change in [
        "total = 1",
        "buyer = '{}'",
        "seller = '{}'",
        "status = 'unpaid', paid_at = null",
        "paid_at = now() - interval '1 day'",
    ] {
        assert_eq!(refused(&owner, &format!("update live.invoice set {change}")).await, "LD005", "{change}");
    }
    owner.batch_execute("update live.invoice set series = 'A', number = 1").await.unwrap();
    assert_eq!(refused(&owner, "update live.invoice set number = 2").await, "LD005");
    let without_lines = "insert into live.invoice (customer_id, order_id, purpose, months, status, currency, total, \
        vat_points, prices) values (1, 1, 'renewal', 1, 'unpaid', 'EUR', 300, 0, 'gross')";
    assert_eq!(refused(&owner, without_lines).await, "LD006");
    db.verify_books().await;
}

/// The books, and an unpaid invoice of bob's, who has less than his order costs. Returns its number.
async fn with_an_unpaid_invoice() -> (TestDb, i64) {
    let db = books().await;
    let bob = db.customer("bob").credit("1.00").add().await;
    let order = place(&db.database, &bob, &hosting("example.com")).await;
    let unpaid = invoices_of(&db.database, order).await.remove(0);
    assert_eq!(unpaid.status, "unpaid");
    (db, unpaid.id)
}

/// A line that changes no sum.
fn free_line(invoice: &str) -> String {
    format!(
        "insert into live.invoice_line (invoice_id, line, item, item_id, title, quantity, unit_price, months, \
           discount_points, net, vat, gross) values ({invoice}, 9, 'addon', 1, 'more', 1, 0, 1, 0, 0, 0, 0)"
    )
}

/// An invoice of ann's for nothing, said to be of a transaction.
fn free_invoice(xact: &str) -> String {
    format!(
        "insert into live.invoice (customer_id, order_id, purpose, months, status, cancelled_at, currency, total, \
           vat_points, prices, xact) values (1, 1, 'renewal', 1, 'cancelled', now(), 'EUR', 0, 0, 'gross', {xact})"
    )
}

#[tokio::test]
async fn an_invoice_s_lines_are_written_with_it_and_never_changed() {
    let (db, unpaid) = with_an_unpaid_invoice().await;
    let (owner, live) = (db.owner().await, db.role(RealmKind::Live).await);
    for client in [&owner, &live] {
        for invoice in [1, unpaid] {
            assert_eq!(refused(client, &free_line(&invoice.to_string())).await, "LD007", "invoice {invoice}");
        }
        // No transaction can leave an invoice open for a later one.
        for xact in ["'99999999'", "(pg_current_xact_id()::text::bigint + 1)::text::xid8"] {
            assert_eq!(refused(client, &free_invoice(xact)).await, "LD007", "{xact}");
        }
        let number = "(select max(id) from live.invoice)";
        let savepoint = format!("begin; {}; savepoint s; {}; commit", free_invoice("default"), free_line(number));
        client.batch_execute(&savepoint).await.unwrap();
        assert_eq!(refused(client, &free_line(number)).await, "LD007");
    }
    assert_eq!(db.value::<i64>("select count(*) from live.invoice_line where line = 9").await, 2);
    for sql in [
        "update live.invoice_line set title = ''",
        "update live.invoice_line set gross = gross where false",
        "truncate live.invoice_line",
        "truncate live.invoice cascade",
    ] {
        assert_eq!(refused(&owner, sql).await, "LD001", "{sql}");
        assert_eq!(refused(&live, sql).await, "42501", "{sql}");
    }
    assert_eq!(refused(&live, "delete from invoice_line").await, "42501");
    db.verify_books().await;
}

#[tokio::test]
async fn what_an_invoice_is_for_never_changes() {
    let (db, unpaid) = with_an_unpaid_invoice().await;
    let (owner, live) = (db.owner().await, db.role(RealmKind::Live).await);
    for change in [
        "id = default",
        "customer_id = 1",
        "order_id = 1",
        "purpose = 'renewal'",
        "months = months + 1",
        "currency = 'USD'",
        "total = total + 1",
        "vat_points = vat_points + 1",
        "prices = case prices when 'net' then 'gross' else 'net' end",
        "created_at = created_at - interval '1 day'",
        "xact = pg_current_xact_id()",
        "seller = '{}'",
        "buyer = '{}'",
        "language = 'lt'",
        "status = 'paid', paid_at = now(), total = 0",
    ] {
        let sql = format!("update live.invoice set {change} where id = {unpaid}");
        assert_eq!(refused(&owner, &sql).await, "LD005", "{change}");
        assert_eq!(refused(&live, &sql).await, "LD005", "{change}");
    }
    cancel(&db.database, domain::billing::InvoiceId(unpaid)).await.unwrap();
    for change in ["status = 'unpaid', cancelled_at = null", "cancelled_at = now()", "ahead = not ahead", "months = 9"]
    {
        let sql = format!("update live.invoice set {change} where id = {unpaid}");
        assert_eq!(refused(&owner, &sql).await, "LD005", "{change}");
        assert_eq!(refused(&live, &sql).await, "LD005", "{change}");
    }
    db.verify_books().await;
}
