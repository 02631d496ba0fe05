//! Credit notes: to the cent, each once, and never beyond the invoice.

use std::collections::BTreeSet;

use domain::{
    billing::InvoiceId,
    money::{Currency::EUR, Money},
    orders::{OrderId, Unpaid},
};
use futures_util::future::join_all;
use store::{
    Database, Error, Realm, RealmKind, Tx,
    invoices::{self, Credit, CreditNoteRow, Credited, PaidFrom, Refund},
    orders::Buyer,
    sweep,
};
use testkit::TestDb;
use tokio_postgres::Client;

use crate::{
    acts::{cancel, hosting, invoices_of, place, trial, try_pay, try_place, vds, wallets},
    refusals::refused,
};

/// All that is left, to the wallets.
const WHOLE: Credit<'_> = Credit { amount: None, cause: "whole", note: "a test", refund: Refund::Wallets };

fn part<'a>(minor: i64, cause: &'a str) -> Credit<'a> {
    Credit { amount: Some(Money::minor(minor, EUR)), cause, ..WHOLE }
}

async fn credit_in(realm: &Realm, id: InvoiceId, wanted: &Credit<'_>) -> Result<Credited, Error> {
    realm.transaction("credit", async |tx| invoices::credit(tx, id, wanted).await).await
}

async fn credit(db: &Database, id: InvoiceId, wanted: &Credit<'_>) -> Result<Credited, Error> {
    credit_in(&db.live, id, wanted).await
}

async fn invoice_of(db: &TestDb, order: OrderId) -> InvoiceId {
    InvoiceId(invoices_of(&db.database, order).await[0].id)
}

async fn notes(db: &TestDb, id: InvoiceId) -> Vec<CreditNoteRow> {
    db.database.live.read(async |c| invoices::credit_notes_of(c, id).await).await.unwrap()
}

/// Credit and bonus, in minor units.
async fn has(db: &TestDb, buyer: &Buyer) -> (i64, i64) {
    let wallets = wallets(&db.database, buyer).await;
    (wallets.credit.in_minor(), wallets.bonus.in_minor())
}

/// Ann pays 14.90 for a server: 5.00 of it a bonus.
async fn books() -> (TestDb, Buyer, InvoiceId) {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").bonus("5.00").vat("21").add().await;
    let order = place(&db.database, &ann, &vds()).await;
    let invoice = invoice_of(&db, order).await;
    assert_eq!(has(&db, &ann).await, (9_010, 0));
    (db, ann, invoice)
}

#[tokio::test]
async fn a_whole_credit_note_gives_each_wallet_back_what_was_taken() {
    let (db, ann, invoice) = books().await;
    let credited = credit(&db.database, invoice, &WHOLE).await.unwrap();
    assert!(credited.new);
    assert_eq!((credited.credit_note.total, has(&db, &ann).await), (-1_490, (10_000, 500)));
    let id = domain::billing::CreditNoteId(credited.credit_note.id);
    let live = &db.database.live;
    let back = live.read(async |c| invoices::credit_note_lines(c, id).await).await.unwrap();
    let sold = live.read(async |c| invoices::lines(c, invoice).await).await.unwrap();
    let sold = sold.iter().filter(|line| line.gross != 0);
    let negated: Vec<_> = sold.map(|l| (l.line, l.title.clone(), l.gross, -l.net, -l.vat, -l.gross)).collect();
    let back: Vec<_> = back.iter().map(|l| (l.line, l.title.clone(), l.invoiced, l.net, l.vat, l.gross)).collect();
    assert_eq!(back, negated);
    assert!(matches!(credit(&db.database, invoice, &part(1, "more")).await, Err(Error::Refused(_))));
    db.verify_books().await;
}

#[tokio::test]
async fn parts_share_out_bonus_and_credit_as_they_were_paid() {
    let (db, ann, invoice) = books().await;
    // 5.00 of 14.90 were a bonus: 2.49 of 7.42, 0.00 of 0.01 more, and the rest.
    for (minor, cause, left) in [(742, "a", (9_503, 249)), (1, "b", (9_504, 249))] {
        credit(&db.database, invoice, &part(minor, cause)).await.unwrap();
        assert_eq!(has(&db, &ann).await, left, "{minor}");
        db.verify_books().await;
    }
    credit(&db.database, invoice, &WHOLE).await.unwrap();
    assert_eq!((has(&db, &ann).await, notes(&db, invoice).await.len()), ((10_000, 500), 3));
    let vat = "select sum(vat)::bigint from (select vat from live.invoice_line union all select vat from live.credit_note_line) v";
    assert_eq!(db.value::<i64>(vat).await, 0);
    db.verify_books().await;
}

#[tokio::test]
async fn what_was_paid_back_outside_comes_out_of_cash_and_a_bonus_goes_back_as_one() {
    let (db, ann, invoice) = books().await;
    let outside = Credit { refund: Refund::Outside, ..part(745, "by bank") };
    credit(&db.database, invoice, &outside).await.unwrap();
    assert_eq!(has(&db, &ann).await, (9_010, 250));
    let cash = "select sum(e.amount)::bigint from live.entry e join live.account a on a.id = e.account_id where a.kind = 'cash'";
    assert_eq!(db.value::<i64>(cash).await, -10_000 + 495);
    db.verify_books().await;
}

#[tokio::test]
async fn what_can_t_be_credited_is_refused_and_nothing_is_written() {
    let (db, ann, invoice) = books().await;
    let poor = db.customer("poor").add().await;
    let order = place(&db.database, &poor, &hosting("unpaid.lt")).await;
    let unpaid = invoice_of(&db, order).await;
    let order = place(&db.database, &poor, &hosting("cancelled.lt")).await;
    let cancelled = invoice_of(&db, order).await;
    cancel(&db.database, cancelled).await.unwrap();
    let order = place(&db.database, &poor, &trial("free.lt")).await;
    let free = invoice_of(&db, order).await;
    let yen = Credit { amount: Some(Money::minor(1, domain::money::Currency::JPY)), ..WHOLE };
    for (id, wanted) in [
        (unpaid, WHOLE),
        (cancelled, part(1, "x")),
        (free, WHOLE),
        (free, part(1, "x")),
        (invoice, part(1_491, "x")),
        (invoice, part(0, "x")),
        (invoice, part(-1, "x")),
        (invoice, yen),
    ] {
        let refusal = credit(&db.database, id, &wanted).await;
        assert!(matches!(refusal, Err(Error::Refused(_))), "{id:?} {wanted:?}: {refusal:?}");
    }
    assert!(matches!(credit(&db.database, InvoiceId(99), &WHOLE).await, Err(Error::NotFound(_))));
    assert_eq!(db.value::<i64>("select count(*) from live.credit_note").await, 0);
    assert_eq!(has(&db, &ann).await, (9_010, 0));
    try_pay(&db.database, unpaid, PaidFrom::Outside).await.unwrap();
    credit(&db.database, unpaid, &WHOLE).await.unwrap();
    assert_eq!(has(&db, &poor).await, (300, 0));
    db.verify_books().await;
}

#[tokio::test]
async fn the_same_cause_is_credited_once_and_not_otherwise() {
    let (db, ann, invoice) = books().await;
    let first = credit(&db.database, invoice, &part(490, "failed create of order 1")).await.unwrap();
    let again = credit(&db.database, invoice, &part(490, "failed create of order 1")).await.unwrap();
    assert_eq!((first.new, again.new, first.credit_note.id), (true, false, again.credit_note.id));
    for other in [part(491, "failed create of order 1"), Credit { cause: "failed create of order 1", ..WHOLE }] {
        assert!(matches!(credit(&db.database, invoice, &other).await, Err(Error::Refused(_))), "{other:?}");
    }
    let outside = Credit { refund: Refund::Outside, ..part(490, "failed create of order 1") };
    assert!(matches!(credit(&db.database, invoice, &outside).await, Err(Error::Refused(_))));
    assert!(credit(&db.database, invoice, &WHOLE).await.unwrap().new);
    assert!(!credit(&db.database, invoice, &WHOLE).await.unwrap().new, "nothing is left, and this is why");
    assert_eq!(has(&db, &ann).await, (10_000, 500));
    db.verify_books().await;
}

/// So many at once.
const MANY: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_credit_a_cause_once() {
    let (db, ann, invoice) = books().await;
    let store = db.open(MANY);
    let wanted = part(745, "twice");
    let outcomes = join_all((0..MANY).map(|_| credit(&store, invoice, &wanted))).await;
    let written: BTreeSet<i64> = outcomes.iter().map(|o| o.as_ref().unwrap().credit_note.id).collect();
    assert_eq!((written.len(), outcomes.iter().filter(|o| o.as_ref().unwrap().new).count()), (1, 1));
    assert_eq!(has(&db, &ann).await, (9_505, 250));
    db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_never_credit_more_than_the_invoice() {
    let (db, ann, invoice) = books().await;
    let store = db.open(MANY);
    let causes: Vec<String> = (0..MANY).map(|at| format!("cause {at}")).collect();
    let outcomes = join_all(causes.iter().map(async |cause| credit(&store, invoice, &part(400, cause)).await)).await;
    let refusals = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Refused(_)))).count();
    assert_eq!((notes(&db, invoice).await.len(), refusals), (3, MANY - 3));
    assert_eq!(has(&db, &ann).await.0 + has(&db, &ann).await.1, 9_010 + 1_200);
    db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credit_notes_are_numbered_after_their_invoices_without_a_gap() {
    let (db, ann, invoice) = books().await;
    let order = place(&db.database, &ann, &hosting("example.lt")).await;
    let other = invoice_of(&db, order).await;
    let live = &db.database.live;
    let number = async |tx: &mut Tx| invoices::number(tx, "VRT").await;
    let number_credit_notes = async |tx: &mut Tx| invoices::number_credit_notes(tx, "VRC").await;
    for (id, cause) in [(invoice, "a"), (other, "a"), (invoice, "b")] {
        credit(&db.database, id, &part(100, cause)).await.unwrap();
    }
    assert_eq!(live.transaction("number", number_credit_notes).await.unwrap(), 0, "what they credit has no number yet");
    assert_eq!(live.transaction("number", number).await.unwrap(), 2);
    let at_once = join_all((0..4).map(|_| live.transaction("number", number_credit_notes))).await;
    assert_eq!(at_once.into_iter().map(Result::unwrap).sum::<usize>(), 3);
    let given = "select string_agg(series || number, ' ' order by id) from live.credit_note";
    assert_eq!(db.value::<String>(given).await, "VRC1 VRC2 VRC3");
    let last = "select string_agg(series || last, ' ' order by series) from live.invoice_series";
    assert_eq!(db.value::<String>(last).await, "VRC3 VRT2");
    db.verify_books().await;
}

/// A credit note by hand, with one line, in one transaction.
fn by_hand(total: i64, line: i16, gross: i64) -> String {
    format!(
        "begin; insert into live.credit_note (invoice_id, customer_id, cause, note, refund, currency, total, seller) \
           values (1, 1, 'by hand {total} {line} {gross}', '', 'wallets', 'EUR', {total}, '{{}}'); \
         insert into live.credit_note_line select max(id), {line}, {gross}, 0, {gross} from live.credit_note; commit"
    )
}

async fn refused_whole(client: &Client, sql: &str) -> String {
    let code = refused(client, sql).await;
    client.batch_execute("rollback").await.unwrap();
    code
}

#[tokio::test]
async fn the_database_refuses_credit_notes_beyond_the_invoice_whoever_asks() {
    let (db, _, invoice) = books().await;
    credit(&db.database, invoice, &part(1_000, "most")).await.unwrap();
    for client in [&db.owner().await, &db.role(RealmKind::Live).await] {
        // 4.90 are left: 3.25 of the monthly price, and 1.65 of the set-up.
        assert_eq!(refused_whole(client, &by_hand(-491, 1, -491)).await, "LD008", "beyond the invoice");
        assert_eq!(refused_whole(client, &by_hand(-400, 1, -400)).await, "LD008", "beyond a line");
        assert_eq!(refused_whole(client, &by_hand(-10, 9, -10)).await, "LD008", "a line that is none");
        assert_eq!(refused_whole(client, &by_hand(-10, 1, -9)).await, "LD006");
        assert_eq!(refused_whole(client, &by_hand(10, 1, 10)).await, "23514", "it must be less than nothing");
        let later = "insert into live.credit_note_line values ((select max(id) from live.credit_note), 9, -1, 0, -1)";
        assert_eq!(refused_whole(client, later).await, "LD007");
    }
    db.verify_books().await;
}

#[tokio::test]
async fn a_credit_note_never_changes() {
    let (db, _, invoice) = books().await;
    credit(&db.database, invoice, &part(100, "a")).await.unwrap();
    let (owner, live) = (db.owner().await, db.role(RealmKind::Live).await);
    for change in [
        "total = -1",
        "note = ''",
        "cause = 'b'",
        "refund = 'outside'",
        "buyer = '{}'",
        "seller = '{}'",
        "invoice_id = 2",
    ] {
        let sql = format!("update live.credit_note set {change}");
        assert_eq!(refused(&owner, &sql).await, "LD005", "{change}");
        assert_eq!(refused(&live, &sql).await, "42501", "{change}");
    }
    assert_eq!(refused(&owner, "update live.credit_note_line set gross = 0").await, "LD001");
    assert_eq!(refused(&owner, "truncate live.credit_note cascade").await, "LD001");
    for sql in ["delete from credit_note", "delete from credit_note_line", "update credit_note_line set gross = 0"] {
        assert_eq!(refused(&live, sql).await, "42501", "{sql}");
    }
    live.batch_execute("update credit_note set series = 'VRC', number = 1").await.unwrap();
    assert_eq!(refused(&live, "update credit_note set number = 2").await, "LD005");
    db.verify_books().await;
}

#[tokio::test]
async fn test_access_is_credited_without_money_and_swept_with_it() {
    let db = TestDb::with_demo_catalogue().await;
    let tester = db.customer("test").of(RealmKind::Test).add().await;
    let realm = &db.database.test;
    try_place(realm, &tester, &vds(), Unpaid::Refuse).await.unwrap_or_else(|error| panic!("{error:?}"));
    let all = realm.read(async |c| invoices::list(c, None).await).await.unwrap();
    credit_in(realm, InvoiceId(all[0].id), &part(100, "a")).await.unwrap();
    let findings = realm.read(async |c| store::ledger::verify(c).await).await.unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    db.run_sql("update test.orders set created_at = now() - interval '25 hours'").await;
    assert_eq!(realm.transaction("sweep", async |tx| sweep::test_realm(tx).await).await.unwrap(), 1);
    assert_eq!(db.value::<i64>("select count(*) from test.credit_note").await, 0);
    db.verify_books().await;
}
