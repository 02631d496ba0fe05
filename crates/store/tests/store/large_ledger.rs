//! How long verifying takes, and in how much memory, of a ledger as big as `VARTAI_TEST_ENTRIES` says (100 000 unless
//! told otherwise; `docs/operations.md` has the figures of 10 000 000).

use std::{fs, path::PathBuf, time::Instant};

use store::ledger;
use testkit::{OwnServer, TestDb};

/// Each customer has one deposit and so many paid months, two entries each.
const MONTHS: u64 = 99;
/// Of which each order has so many.
const OF_ORDER: u64 = 11;

/// Sets of rows, each made by one statement; `$c` stands for the number of customers. Triggers and foreign keys are
/// off. What the ledger's functions would have written one by one is written at once.
const MADE: [&str; 12] = [
    "insert into customer (login, currency, language) select 'c' || n, 'EUR', 'en' from generate_series(1, $c) n",
    "insert into account (customer_id, kind, currency, balance) values (null, 'cash', 'EUR', null), (null, 'revenue', 'EUR', null)",
    "insert into account (customer_id, kind, currency, balance, version) \
       select n, 'credit', 'EUR', 1000000 - $m * 990, $m + 1 from generate_series(1, $c) n",
    "insert into journal (customer_id, kind, ref_type, ref_id) select n, 'deposit', 'movement', n from generate_series(1, $c) n",
    "insert into entry (journal_id, line, account_id, currency, amount, balance_after, account_version) \
       select n, 1, n + 2, 'EUR', 1000000, 1000000, 1 from generate_series(1, $c) n \
       union all select n, 2, 1, 'EUR', -1000000, null, null from generate_series(1, $c) n",
    "insert into orders (customer_id, tariff_id, vid, once_only, months, state, by_hand, start_day, paid_until) \
       select (n - 1) / ($m / $o) + 1, 1, 'hosting', false, 1, 'active', false, '2020-01-01', '2020-01-01'::date + interval '1 month' * $o \
       from generate_series(1, $c * $m / $o) n",
    "insert into invoice (customer_id, order_id, purpose, months, status, currency, total, vat_points, prices, paid_at, buyer, language) \
       select (n - 1) / $m + 1, (n - 1) / $o + 1, case (n - 1) % $o when 0 then 'order' else 'renewal' end, 1, 'paid', 'EUR', 990, 2100, \
         'gross', now(), '{}', 'en' from generate_series(1, $c * $m) n",
    "insert into invoice_line (invoice_id, line, item, item_id, title, quantity, unit_price, months, discount_points, net, vat, gross) \
       select n, 1, 'tariff', 1, 'Hosting', 1, 990, 1, 0, 818, 172, 990 from generate_series(1, $c * $m) n",
    "insert into service_period (order_id, invoice_id, span) select (n - 1) / $o + 1, n, \
       daterange(('2020-01-01'::date + interval '1 month' * ((n - 1) % $o))::date, \
         ('2020-01-01'::date + interval '1 month' * ((n - 1) % $o + 1))::date) from generate_series(1, $c * $m) n",
    "insert into journal (customer_id, kind, ref_type, ref_id) \
       select (n - 1) / $m + 1, 'charge', 'invoice', n from generate_series(1, $c * $m) n",
    "insert into entry (journal_id, line, account_id, currency, amount, balance_after, account_version) \
       select $c + n, 1, (n - 1) / $m + 3, 'EUR', -990, 1000000 - ((n - 1) % $m + 1) * 990, (n - 1) % $m + 2 \
       from generate_series(1, $c * $m) n union all \
       select $c + n, 2, 2, 'EUR', 990, null, null from generate_series(1, $c * $m) n",
    "insert into sealed_entry (account_id, account_version, previous, hash, key_id, signature) \
       select a + 2, v, case v when 1 then decode(repeat('00', 32), 'hex') else sha256(int8send(a * 1000 + v - 1)) end, \
         sha256(int8send(a * 1000 + v)), 1, decode(repeat('00', 64), 'hex') \
       from generate_series(1::bigint, $c) a, generate_series(1::bigint, $m + 1) v",
];

/// On a disk, where `VARTAI_TEST_DISK` says which: ten million entries are too many for memory.
async fn server() -> OwnServer {
    match std::env::var_os("VARTAI_TEST_DISK") {
        Some(dir) => OwnServer::within(&PathBuf::from(dir)).await,
        None => OwnServer::start().await,
    }
}

fn entries() -> u64 {
    std::env::var("VARTAI_TEST_ENTRIES").map_or(100_000, |number| number.parse().unwrap())
}

/// The most memory that this process ever had, in MB.
fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_ledger_is_verified_in_little_memory() {
    let customers = entries().div_ceil(2 * (MONTHS + 1));
    let server = server().await;
    let db = TestDb::on(&server).await;
    let owner = server.session().await;
    // It is faster to make all days at once without looking for overlaps.
    let alone = "set session_replication_role = replica; set search_path to live, catalogue; \
         alter table service_period drop constraint service_period_billed_once";
    owner.batch_execute(alone).await.unwrap();
    let began = Instant::now();
    for sql in MADE {
        let sql = sql.replace("$c", &customers.to_string()).replace("$m", &MONTHS.to_string());
        let sql = sql.replace("$o", &OF_ORDER.to_string());
        owner.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    owner.batch_execute("create index on service_period (order_id); analyze").await.unwrap();
    let count = async |table: &str| {
        owner.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap().get::<_, i64>(0)
    };
    let (entries, journals) = (count("entry").await, count("journal").await);
    println!("{entries} entries of {journals} journals, made in {:.0?}", began.elapsed());
    let mut connection = ledger::verifier(&db.settings).await.unwrap();
    let began = Instant::now();
    assert_eq!(ledger::verify(&mut connection).await.unwrap(), []);
    println!("verified in {:.1?}; this process had {} MB at the most", began.elapsed(), peak_mb());
    // It would have found the one entry among them that is wrong.
    owner.batch_execute("update entry set amount = amount - 1 where journal_id = 77 and line = 1").await.unwrap();
    assert!(!ledger::verify(&mut connection).await.unwrap().is_empty());
}
