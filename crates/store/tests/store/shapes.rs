//! What a journal may be: the realm's own role can post no other, whoever tells it to.

use domain::{
    billing::InvoiceId,
    customers::CustomerId,
    money::{Currency::EUR, Money},
};
use store::{
    Error, RealmKind, Tx,
    invoices::{self, Credit, Refund},
    ledger::{self, Movement},
};
use testkit::TestDb;

use crate::{
    acts::{hosting, place},
    refusals::refused,
};

/// Ann (1): 100.00 of credit, a bonus (grant 2) of 9.00 of which 3.00 paid invoice 1. Bob (2): no credit, and
/// invoice 2, which his order left unpaid. Nobody has been refunded yet.
async fn books() -> TestDb {
    let db = TestDb::with_demo_catalogue().await;
    let ann = db.customer("ann").credit("100.00").bonus("9.00").add().await;
    place(&db.database, &ann, &hosting("example.lt")).await;
    let bob = db.customer("bob").add().await;
    place(&db.database, &bob, &hosting("example.com")).await;
    db
}

/// A posting by hand: of what, whose, and the accounts with what each gets: `1.credit`, `cash`.
fn post(kind: &str, of: &str, customer: &str, lines: &[(&str, i64)]) -> String {
    let account = |name: &str| match name.split_once('.') {
        Some((customer, kind)) => format!("open_account({customer}, '{kind}', 'EUR')"),
        None => format!("open_account(null, '{name}', 'EUR')"),
    };
    let accounts: Vec<_> = lines.iter().map(|(name, _)| account(name)).collect();
    let amounts: Vec<_> = lines.iter().map(|(_, amount)| amount.to_string()).collect();
    format!(
        "select post('{kind}', {of}, 9, {customer}, '', array[{}]::bigint[], array[{}]::bigint[])",
        accounts.join(", "),
        amounts.join(", ")
    )
}

#[tokio::test]
async fn a_journal_moves_nobody_else_s_wallet() {
    let db = books().await;
    db.run_sql(&format!(
        "set search_path to live; {}",
        post("deposit", "'movement', 99", "2", &[("2.credit", 5000), ("cash", -5000)])
    ))
    .await;
    let live = db.role(RealmKind::Live).await;
    for sql in [
        post("deposit", "'movement', 100", "1", &[("2.credit", 5000), ("cash", -5000)]),
        post("withdrawal", "'movement', 100", "1", &[("2.credit", -5000), ("cash", 5000)]),
        post("deposit", "'movement', 100", "null", &[("2.credit", 5000), ("cash", -5000)]),
        post("charge", "'invoice', 1", "1", &[("2.credit", -300), ("revenue", 300)]),
        "select post('deposit', 'movement', 100, 0, 1, '', '{9999,3}', '{1,-1}')".to_owned(),
        "select post('deposit', 'movement', 100, 0, 1, '', '{null}', '{1}')".to_owned(),
    ] {
        assert_eq!(refused(&live, &sql).await, "LD010", "{sql}");
    }
    // A refund of ann's out of bob's wallet is no refund at all.
    let from_bob = post("refund", "'movement', 100", "1", &[("2.credit", -5000), ("1.credit", 5000)]);
    assert_eq!(refused(&live, &from_bob).await, "LD012");
    db.verify_books().await;
}

/// Every kind of journal with every kind of account, in both directions.
#[tokio::test]
async fn each_kind_of_journal_has_its_accounts() {
    const MAY: [(&str, &str, &[&str], &[&str]); 4] = [
        ("deposit", "'movement', 100", &["1.credit"], &["cash"]),
        ("withdrawal", "'movement', 100", &["cash"], &["1.credit"]),
        ("charge", "'invoice', 1", &["revenue"], &["1.credit", "1.bonus"]),
        ("bonus", "'movement', 900", &["1.bonus"], &["bonus_given"]),
    ];
    const ACCOUNTS: [&str; 5] = ["1.credit", "1.bonus", "cash", "revenue", "bonus_given"];
    let db = books().await;
    let live = db.role(RealmKind::Live).await;
    let grant = "insert into bonus_grant (id, customer_id, currency, amount, reason) values (900, 1, 'EUR', 300, '')";
    for (kind, of, to, from) in MAY {
        for given in ACCOUNTS {
            for taken in ACCOUNTS.into_iter().filter(|taken| *taken != given) {
                let sql = format!("begin; {grant}; {}", post(kind, of, "1", &[(given, 300), (taken, -300)]));
                if to.contains(&given) && from.contains(&taken) {
                    live.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
                } else {
                    assert_eq!(refused(&live, &sql).await, "LD011", "{sql}");
                }
                live.batch_execute("rollback").await.unwrap();
            }
        }
    }
    db.verify_books().await;
}

#[tokio::test]
async fn what_a_journal_is_of_is_there_is_its_customer_s_and_costs_that() {
    let db = books().await;
    let live = db.role(RealmKind::Live).await;
    let charge = |amount: i64| [("1.credit", -amount), ("revenue", amount)];
    let expiry = [("1.bonus", -300), ("bonus_given", 300)];
    let bonus = [("1.bonus", 300), ("bonus_given", -300)];
    let refund = [("1.credit", 300), ("revenue", -300)];
    for sql in [
        post("charge", "'invoice', 999", "1", &charge(300)),
        post("charge", "'invoice', 2", "1", &charge(300)),
        post("charge", "'invoice', 1", "1", &charge(301)),
        post("charge", "'movement', 1", "1", &charge(300)),
        post("deposit", "'invoice', 2", "1", &[("1.credit", 300), ("cash", -300)]),
        post("deposit", "'invoice', 1", "1", &[("1.credit", 299), ("cash", -299)]),
        post("refund", "'credit_note', 999", "1", &refund),
        post("refund", "'movement', 1", "1", &refund),
        post("bonus", "'movement', 999", "1", &bonus),
        post("bonus", "'movement', 2", "1", &bonus),
        post("expiry", "'bonus_grant', 999", "1", &expiry),
        post("expiry", "'bonus_grant', 2", "1", &expiry),
        post("expiry", "'movement', 2", "1", &expiry),
    ] {
        assert_eq!(refused(&live, &sql).await, "LD012", "{sql}");
    }
    db.verify_books().await;
}

#[tokio::test]
async fn a_wallet_holds_no_more_than_can_be_read_exactly() {
    const MOST: i64 = 9_007_199_254_740_991;
    let db = books().await;
    let bob = CustomerId(2);
    let move_money = async |movement, minor| {
        let amount = Money::minor(minor, EUR);
        let moving = async |tx: &mut Tx| ledger::move_money(tx, bob, movement, amount, "").await;
        db.database.live.transaction("move", moving).await
    };
    for movement in [Movement::Deposit, Movement::Bonus] {
        for minor in [i64::MAX, MOST + 1] {
            let refused = move_money(movement, minor).await;
            assert!(matches!(refused, Err(Error::Refused(_))), "{movement:?} {minor}: {refused:?}");
        }
        move_money(movement, MOST).await.unwrap();
        let refused = move_money(movement, 1).await;
        assert!(matches!(refused, Err(Error::Refused(_))), "{movement:?}: {refused:?}");
    }
    let wallets = db.database.live.read(async |c| ledger::balance(c, RealmKind::Live, bob, EUR).await).await.unwrap();
    assert_eq!(wallets.credit.plus(wallets.bonus).unwrap().in_minor(), 2 * MOST);
    db.verify_books().await;
}

#[tokio::test]
async fn a_credit_note_is_refunded_for_its_total_and_to_its_customer() {
    let db = books().await;
    let wanted = Credit { amount: Some(Money::minor(150, EUR)), cause: "test", note: "test", refund: Refund::Wallets };
    let crediting = async |tx: &mut Tx| invoices::credit(tx, InvoiceId(1), &wanted).await;
    db.database.live.transaction("credit", crediting).await.unwrap();
    let live = db.role(RealmKind::Live).await;
    let note: i64 = db.value("select id from live.credit_note").await;
    let of = format!("'credit_note', {note}");
    for (customer, lines) in
        [("1", [("1.bonus", 151), ("revenue", -151)]), ("2", [("2.bonus", 150), ("revenue", -150)])]
    {
        assert_eq!(refused(&live, &post("refund", &of, customer, &lines)).await, "LD012");
    }
    for (to, from) in [("cash", "1.credit"), ("revenue", "1.credit"), ("1.credit", "cash"), ("bonus_given", "revenue")]
    {
        let sql = post("refund", &of, "1", &[(to, 150), (from, -150)]);
        assert_eq!(refused(&live, &sql).await, "LD011", "{sql}");
    }
    db.verify_books().await;
}
