//! Processes of one installation in several PID namespaces, as containers that share its directory are.

use std::process::Command;

use super::{
    bed::Bed,
    client::{Client, get},
    process::Running,
};
use crate::support::until;

/// What a container has of its own.
const CONTAINER: [&str; 5] = ["--pid", "--ipc", "--fork", "--mount-proc", "--kill-child"];

/// Where a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    Container,
}

fn start(bed: &Bed, place: Place, arguments: &[&str]) -> Running {
    match place {
        Place::Here => bed.start(arguments),
        Place::Container => bed.start_through("unshare", &CONTAINER, arguments),
    }
}

async fn starts_of_the_server(bed: &Bed) -> usize {
    let log = std::fs::read_to_string(bed.data_dir().join("postgres.log")).unwrap();
    log.matches("starting PostgreSQL").count()
}

/// All pairs of what serves, works or answers, in either order and place: one server, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn two_containers_on_one_directory_have_one_postgresql_and_lose_nothing() {
    let tried = Command::new("unshare").args(CONTAINER).arg("true").output();
    if !tried.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no namespaces of its own for a process here: {tried:?}");
        return;
    }
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let mut orders = Vec::new();
    for (first, second) in
        [(Place::Here, Place::Container), (Place::Container, Place::Here), (Place::Container, Place::Container)]
    {
        let before = starts_of_the_server(&bed).await;
        let mut serving = start(&bed, first, &["serve", "--with-worker"]);
        serving.greeted().await;
        let demo = Client::demo(serving.gateway);
        orders.push(demo.order("").await);
        for arguments in [&["order", "list", "demo"][..], &["doctor"], &["ledger", "verify"]] {
            let outcome = start(&bed, second, arguments).end().await;
            assert_eq!(outcome.code, Some(0), "{first:?} {second:?} {arguments:?}: {outcome:?}");
        }
        let worker = start(&bed, second, &["worker"]);
        let mut other = start(&bed, second, &["serve"]);
        other.greeted().await;
        let through_the_other = Client::demo(other.gateway);
        orders.push(through_the_other.order("").await);
        orders.push(demo.order("").await);
        for order in &orders {
            demo.processed(order).await;
            through_the_other.processed(order).await;
        }
        assert_eq!(starts_of_the_server(&bed).await, before + 1, "{first:?} {second:?}: more than one server");
        drop((worker, other));
        assert_eq!(get(serving.admin, "/readyz").await.status, 200, "{first:?} {second:?}");
        drop(serving);
        until("the server is stopped or its container gone", async || {
            let held = std::fs::File::open(bed.data_dir().join("postmaster.lock")).unwrap();
            if first == Place::Here {
                assert_eq!(bed.run(&["order", "list"]).await.code, Some(0));
            }
            held.try_lock().is_ok()
        })
        .await;
        assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
        let listed = bed.json(&["order", "list", "demo"]).await;
        let ids: Vec<String> = listed.as_array().unwrap().iter().map(|order| order["id"].to_string()).collect();
        for order in &orders {
            assert!(ids.contains(order), "order {order} was answered and is gone: {ids:?}");
        }
    }
}
