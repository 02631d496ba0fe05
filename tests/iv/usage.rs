//! Measured usage: what server_info shows of it, and that it stays bounded.

use std::time::Duration;

use domain::{
    orders::OrderId,
    usage::{Counters, ROWS_PER_SERVER, Resolution},
};
use provisioner::WorkerSettings;
use serde_json::Value;

use super::bed::Bed;
use crate::support::until;

const VDS: [(&str, &str); 4] = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];

fn counters(bytes: i64) -> Counters {
    Counters {
        rx_bytes: Some(bytes),
        tx_bytes: Some(2 * bytes),
        memory_used_mb: Some(777),
        disk_used_mb: Some(4321),
        inodes_used: Some(1234),
        inodes_limit: Some(99_999),
        ..Counters::default()
    }
}

async fn record(bed: &Bed, id: &str, counters: &Counters) -> bool {
    let order = OrderId(id.parse().unwrap());
    let record = async |tx: &mut store::Tx| store::usage::record(tx, order, counters, 60).await;
    bed.app.db.database.live.transaction("keep usage", record).await.unwrap()
}

async fn info(bed: &Bed, id: &str) -> Value {
    bed.done("server_info", &[("id", id)]).await["se_info"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_known_at_once_and_usage_once_measured() {
    let bed = Bed::new().await;
    let waiting = bed.app.running_order().await;
    assert_eq!(info(&bed, &waiting).await["in_node"], "simulated-1", "known before it is made");
    let id = bed.made(&[&VDS[..], &[("domain", "vps.example")]].concat()).await;
    let at_once = info(&bed, &id).await;
    assert_eq!(at_once["in_node"], "simulated-1");
    assert_eq!((&at_once["in_qt_limit"], &at_once["in_mm_limit"]), (&"20480".into(), &"2048".into()));
    assert_eq!((&at_once["in_host"], &at_once["in_ips"]), (&"vps.example".into(), &"198.18.0.3".into()));
    let hold = format!("insert into live.address (ip, order_id) values ('2001:db8::5', {id}), ('192.0.2.5', {id})");
    bed.app.db.run_sql(&hold).await;
    assert_eq!(info(&bed, &id).await["in_ips"], "192.0.2.5,198.18.0.3,2001:db8::5");
    for measured in ["in_bw_in", "in_bw_out", "in_qt_usage", "in_inodes_usage", "in_mm_usage"] {
        assert_eq!(at_once[measured], Value::Null, "{measured}");
    }
    assert!(record(&bed, &id, &counters(1_000_000)).await);
    assert!(!record(&bed, &id, &counters(2_000_000)).await, "another worker has just read it");
    let first = info(&bed, &id).await;
    assert_eq!((&first["in_bw_in"], &first["in_bw_out"]), (&Value::Null, &Value::Null), "a rate needs two readings");
    assert_eq!((&first["in_mm_usage"], &first["in_qt_usage"]), (&"777".into(), &"4321".into()));
    assert_eq!((&first["in_inodes_usage"], &first["in_inodes_limit"]), (&"1234".into(), &"99999".into()));

    // 75 MB in a thousand seconds are 600 kbit/s.
    let aged = "update live.usage_reading set read_at = now() - interval '1000 seconds'";
    bed.app.db.run_sql(aged).await;
    assert!(record(&bed, &id, &counters(76_000_000)).await);
    let second = info(&bed, &id).await;
    assert_eq!((&second["in_bw_in"], &second["in_bw_out"]), (&"600".into(), &"1200".into()));

    // A counter that began anew tells what came since; a gap tells nothing.
    bed.app.db.run_sql(aged).await;
    assert!(record(&bed, &id, &counters(1_000_000)).await);
    assert_eq!(info(&bed, &id).await["in_bw_in"], "8");
    bed.app.db.run_sql("update live.usage_reading set read_at = now() - interval '2 hours'").await;
    assert!(record(&bed, &id, &counters(9_000_000)).await);
    assert_eq!(info(&bed, &id).await["in_bw_in"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_reads_the_servers_that_are_due() {
    let bed = Bed::new().await;
    let id = bed.made(&VDS).await;
    let quick = WorkerSettings {
        sample_every: Duration::from_secs(1),
        poll: Duration::from_millis(20),
        operation_time: Duration::from_millis(1),
        ..WorkerSettings::default()
    };
    let worker = provisioner::spawn(bed.app.db.database.clone(), quick).unwrap();
    until("the server is measured twice", async || info(&bed, &id).await["in_bw_in"].is_string()).await;
    worker.stop().await.unwrap();
    let measured = info(&bed, &id).await;
    for (usage, limit) in [("in_mm_usage", "in_mm_limit"), ("in_qt_usage", "in_qt_limit")] {
        let number = |name: &str| measured[name].as_str().unwrap().parse::<i64>().unwrap();
        assert!((0..=number(limit)).contains(&number(usage)), "{measured}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_and_more_of_readings_is_a_bounded_number_of_rows() {
    let bed = Bed::new().await;
    let id = bed.app.running_order().await;
    for resolution in Resolution::ALL {
        let seconds = resolution.seconds();
        // All that there would be after 450 days; of the finest two months, which is many times what is kept.
        let days = if resolution == Resolution::Day { 450 } else { 60 };
        let fill = format!(
            "insert into live.usage_rollup select {id}, {seconds}, \
               to_timestamp(extract(epoch from now())::bigint / {seconds} * {seconds} - n * {seconds}), '{{}}' \
             from generate_series(0, {days} * 86400 / {seconds}) n"
        );
        bed.app.db.run_sql(&fill).await;
    }
    let sweep = async |tx: &mut store::Tx| store::usage::sweep(tx).await;
    let swept = bed.app.db.database.live.transaction("sweep", sweep).await.unwrap();
    assert!(swept > 10_000, "{swept}");
    let left = "select count(*) from live.usage_rollup";
    let rows = bed.app.db.value::<i64>(left).await;
    assert!((ROWS_PER_SERVER - 4..=ROWS_PER_SERVER).contains(&rows), "{rows} rows of {ROWS_PER_SERVER}");
    let swept = bed.app.db.database.live.transaction("sweep", sweep).await.unwrap();
    assert_eq!((swept, bed.app.db.value::<i64>(left).await), (0, rows));
}
