//! Each way to break the books, and that verifying them finds it: a proof that finds nothing must be able to find.

use std::collections::BTreeSet;

use domain::{
    billing::InvoiceId,
    money::{Currency::EUR, Money},
    orders::Unpaid,
};
use store::{
    Tx,
    invoices::{self, Credit, Refund},
    ledger,
    ledger::Finding,
};
use testkit::TestDb;

use crate::acts::{hosting, place, renewal, try_renew, vds};

/// Ann (1): a paid hosting order (1) with two invoices (1, 2), a paid server (2) with one (3). Bob (2): an unpaid
/// order (3) with one (4). Journals: deposit 1, bonus 2, charges 3, 4 and 5, bob's deposit 6, refunds 7 and 8: half of
/// invoice 1 (3.00, all of it a bonus) to the wallets, 5.00 of invoice 3 outside. These are credit notes 5 and 6.
async fn books() -> TestDb {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").bonus("5.00").add().await;
    let order = place(&db.database, &ann, &hosting("example.lt")).await;
    assert!(try_renew(&db.database, &ann, order, &renewal(3), Unpaid::Refuse).await.is_ok());
    place(&db.database, &ann, &vds()).await;
    let bob = db.customer("bob").credit("1.00").add().await;
    place(&db.database, &bob, &hosting("example.com")).await;
    credit_half(&db).await;
    db.verify_books().await;
    db
}

async fn credit_half(db: &TestDb) {
    for (invoice, minor, refund) in [(1, 150, Refund::Wallets), (3, 500, Refund::Outside)] {
        let wanted = Credit { amount: Some(Money::minor(minor, EUR)), cause: "a test", note: "a test", refund };
        let crediting = async |tx: &mut Tx| invoices::credit(tx, InvoiceId(invoice), &wanted).await;
        db.database.live.transaction("credit", crediting).await.unwrap();
    }
}

/// Each sabotage, with the invariant that it breaks.
const SABOTAGES: [(&str, &str); 62] = [
    ("every journal has", "update live.entry set amount = amount + 1 where journal_id = 1 and line = 2"),
    ("every journal has", "delete from live.entry where journal_id = 3"),
    ("every journal has", "insert into live.journal (kind, ref_type, ref_id) values ('refund', 'movement', 77)"),
    ("every entry is of a journal", "delete from live.journal where id = 1"),
    ("all entries of a currency", "delete from live.entry where journal_id = 1 and line = 1"),
    ("a wallet's balance", "update live.account set balance = balance + 100 where kind = 'credit' and customer_id = 1"),
    ("a wallet's balance", "update live.account set version = version + 1 where kind = 'bonus' and customer_id = 1"),
    (
        "a wallet's entries follow",
        "update live.entry set balance_after = balance_after - 1 where journal_id = 1 and balance_after is not null",
    ),
    (
        "a wallet's entries follow",
        "update live.entry set account_version = 9 where journal_id = 5 and account_version is not null",
    ),
    (
        "no wallet is overdrawn",
        "alter table live.account drop constraint account_not_overdrawn; update live.entry set balance_after = -1 \
         where journal_id = 1 and balance_after is not null",
    ),
    ("an entry is in its account's currency", "update live.entry set currency = 'USD' where journal_id = 1"),
    ("an entry is in its account's currency", "update live.customer set currency = 'USD' where id = 1"),
    (
        "a paid invoice that costs",
        "update live.invoice set status = 'paid', paid_at = now() where id = 4; \
         insert into live.service_period values (3, 4, '[2026-01-01,2026-02-01)')",
    ),
    ("every charge is of an invoice", "update live.journal set ref_id = 999 where id = 3"),
    ("an invoice's lines", "update live.invoice_line set gross = gross + 1, net = net + 1 where invoice_id = 4"),
    ("a line's VAT", "update live.invoice_line set net = net - 1, vat = vat + 1 where invoice_id = 4 and line = 1"),
    ("a paid invoice pays for days", "delete from live.service_period where invoice_id = 2"),
    (
        "numbers of invoices",
        "update live.invoice set series = 'A', number = 1 where id = 1; \
         update live.invoice set series = 'A', number = 3 where id = 2",
    ),
    (
        "a credit note's lines",
        "update live.credit_note_line set gross = gross - 1, net = net - 1 where credit_note_id = 5",
    ),
    ("only paid invoices are credited", "update live.credit_note set invoice_id = 4 where id = 5"),
    (
        "only paid invoices are credited",
        "update live.credit_note_line set gross = gross - 9999, net = net - 9999 where credit_note_id = 5",
    ),
    ("a credit note is refunded once", "update live.journal set ref_id = 6, ref_seq = 1 where id = 7"),
    ("every refund of a credit note", "update live.journal set kind = 'charge' where id = 7"),
    ("every refund of a credit note", "update live.credit_note set refund = 'wallets' where id = 6"),
    (
        "what bonuses paid",
        "update live.entry set account_id = (select id from live.account where kind = 'credit' and customer_id = 1) \
         where journal_id = 7 and amount > 0",
    ),
    ("a bonus wallet is what", "update live.bonus_grant set remaining = remaining - 1 where remaining > 0"),
    ("a grant has left what", "update live.bonus_use set amount = amount - 1 where amount < 0"),
    ("a grant has left what", "delete from live.bonus_use where amount < 0"),
    (
        "a change of tariff gives back",
        "insert into live.tariff_change (id, order_id, customer_id, day, from_tariff, to_tariff, from_once, currency, charged, consumed, refunded, cost, note, settled) \
         values (1, 1, 1, current_date, 1, 1, false, 'EUR', 300, 100, 200, 0, '', 1)",
    ),
    (
        "an order has the tariff",
        "insert into live.tariff_change (id, order_id, customer_id, day, from_tariff, to_tariff, from_once, currency, charged, consumed, refunded, cost, note, settled) \
         values (1, 1, 1, current_date, 1, 2, false, 'EUR', 0, 0, 0, 0, '', 1)",
    ),
    (
        "numbers of credit notes",
        "update live.credit_note set series = 'C', number = 1 where id = 5; \
         update live.credit_note set series = 'C', number = 3 where id = 6",
    ),
    ("what the books refer to", "delete from live.customer where id = 2"),
    ("what the books refer to", "update live.invoice set order_id = 3 where id = 3"),
    ("what the books refer to", "update live.invoice_line set invoice_id = 99 where invoice_id = 4"),
    ("what the books refer to", "update live.service_period set invoice_id = 99 where invoice_id = 2"),
    ("what the books refer to", "update live.credit_note set invoice_id = 99 where id = 5"),
    ("what the books refer to", "update live.credit_note_line set credit_note_id = 99 where credit_note_id = 5"),
    ("what the books refer to", "delete from live.account where kind = 'revenue'"),
    ("what the books refer to", "update live.bonus_use set grant_id = 99 where amount < 0"),
    ("what the books refer to", "update live.bonus_use set journal_id = journal_id + 99 where amount < 0"),
    ("every order was invoiced", "delete from live.invoice where order_id = 3"),
    ("every order was invoiced", "update live.invoice set purpose = 'renewal' where id = 3"),
    ("an order that is being made", "update live.orders set state = 'active' where id = 3"),
    (
        "an order that is being made",
        "update live.orders set start_day = '2026-01-01', paid_until = '2026-02-01' where id = 3",
    ),
    ("an order that is being made", "delete from live.service_period where invoice_id = 3"),
    ("an order that waits for its payment", "update live.orders set state = 'awaiting_payment' where id = 1"),
    ("a journal is of something", "update live.journal set ref_type = 'invoice', ref_id = 3 where id = 6"),
    ("a journal is of something", "update live.journal set customer_id = 2 where id = 3"),
    ("a journal is of something", "update live.journal set kind = 'refund' where id = 1"),
    ("a journal is of something", "update live.journal set kind = 'expiry', ref_type = 'bonus_grant' where id = 1"),
    ("a journal moves its own", "update live.journal set customer_id = 2 where id = 1"),
    ("a journal moves its own", "update live.journal set customer_id = null where id = 1"),
    ("a journal moves its own", "update live.journal set kind = 'withdrawal' where id = 1"),
    ("a journal moves its own", "update live.entry set amount = -amount where journal_id = 2"),
    (
        "what a customer's payments",
        "insert into live.payment (reference, customer_id, amount, currency) values ('A', 2, 101, 'EUR')",
    ),
    (
        "a payment with a reference",
        "insert into live.payment (reference, customer_id, amount, currency, movement_id) values ('A', 2, 99, 'EUR', 3)",
    ),
    (
        "a payment with a reference",
        "insert into live.payment (reference, customer_id, amount, currency, movement_id) values ('A', 1, 100, 'EUR', 3)",
    ),
    (
        "a payment with a reference",
        "insert into live.payment (reference, customer_id, amount, currency, kind) values ('A', 2, 100, 'EUR', 'withdrawal')",
    ),
    ("every bonus that was granted", "update live.journal set ref_id = 77 where id = 2"),
    ("every bonus that was granted", "delete from live.journal where id = 2"),
    (
        "the seals of a wallet's entries",
        "insert into live.sealed_entry select account_id, account_version, decode(repeat('01', 32), 'hex'), \
         decode(repeat('02', 32), 'hex'), 1, decode(repeat('03', 64), 'hex') from live.entry where account_version = 1",
    ),
    (
        "the seals of a wallet's entries",
        "insert into live.sealed_entry select max(account_id) + 1, 1, decode(repeat('00', 32), 'hex'), \
         decode(repeat('02', 32), 'hex'), 1, decode(repeat('03', 64), 'hex') from live.entry",
    ),
];

async fn findings(db: &TestDb, sabotage: &str) -> Vec<Finding> {
    // Replicas run no triggers and check no foreign keys.
    db.run_sql(&format!("begin; set local session_replication_role = replica; {sabotage}; commit")).await;
    db.database.live.read(async |c| ledger::verify(c).await).await.unwrap()
}

#[tokio::test]
async fn every_sabotage_is_found() {
    let mut found = BTreeSet::new();
    for (invariant, sabotage) in SABOTAGES {
        let db = books().await;
        let findings = findings(&db, sabotage).await;
        let named = findings.iter().find(|finding| finding.invariant.starts_with(invariant));
        found
            .insert(named.unwrap_or_else(|| panic!("{sabotage} is not found as {invariant}: {findings:#?}")).invariant);
    }
    assert_eq!(found, ledger::invariants().collect(), "an invariant that no sabotage breaks");
}

/// A payment of exactly what was deposited, and seals as the job writes them, are right.
#[tokio::test]
async fn what_is_whole_is_right() {
    let db = books().await;
    let payment = "insert into live.payment (reference, customer_id, amount, currency, movement_id) \
         values ('A', 2, 100, 'EUR', (select ref_id from live.journal where customer_id = 2 and kind = 'deposit'))";
    assert_eq!(findings(&db, payment).await, []);
    let live = &db.database.live;
    assert!(store::statements::seal_all(live, None).await.unwrap() > 0);
    db.verify_books().await;
    let lost = "delete from live.sealed_entry where account_version = 1";
    assert!(findings(&db, lost).await.iter().any(|finding| finding.invariant.starts_with("the seals")));
}

/// As a restore leaves it that came through for some tables only.
#[tokio::test]
async fn each_table_of_the_books_is_missed() {
    let tables = [
        "customer",
        "account",
        "journal",
        "entry",
        "orders",
        "invoice",
        "invoice_line",
        "service_period",
        "credit_note",
        "credit_note_line",
        "bonus_grant",
        "bonus_use",
    ];
    for table in tables {
        let db = books().await;
        assert_ne!(findings(&db, &format!("delete from live.{table}")).await, [], "{table}");
    }
    let db = books().await;
    let lost = "delete from live.account; delete from live.journal; delete from live.entry; delete from live.invoice; \
         delete from live.invoice_line; delete from live.service_period; delete from live.credit_note; \
         delete from live.credit_note_line; delete from live.bonus_grant; delete from live.bonus_use";
    let found: BTreeSet<_> = findings(&db, lost).await.into_iter().map(|finding| finding.invariant).collect();
    assert!(found.len() >= 2, "orders alone are no books: {found:?}");
}

/// Books that are wrong throughout are told of with as many rows as a person reads.
#[tokio::test]
async fn of_many_rows_that_are_wrong_some_are_told() {
    let db = books().await;
    let wrong = "insert into live.journal (kind, ref_type, ref_id) select 'refund', 'movement', n from generate_series(100, 9999) n";
    let told = findings(&db, wrong).await.len();
    assert!((200..400).contains(&told), "{told}");
}
