//! Several processes on one installation.

use super::{bed::Bed, client::Client};
use crate::support::until;

#[tokio::test(flavor = "multi_thread")]
async fn those_that_begin_together_share_all_and_the_last_one_out_stops_postgresql() {
    let mut bed = Bed::new();
    // Neither cluster nor key file is there yet: one of the four makes them.
    let together = ["--if-empty"; 2].map(|option| bed.start(&["demo", "load", option]));
    let mut serving = [bed.start(&["serve"]), bed.start(&["serve"])];
    for each in &mut serving {
        each.greeted().await;
    }
    let [first, second] = serving;
    for loading in together {
        let outcome = loading.end().await;
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
    }
    assert_eq!(bed.json(&["customer", "list"]).await.as_array().unwrap().len(), 6);
    let (here, there) = (Client::demo(first.gateway), Client::demo(second.gateway));
    let placed = here.bytes("createOrder", "vid=vds&tarifid=10&period=1&addons=20&requestid=1").await;
    assert_eq!(there.bytes("createOrder", "vid=vds&tarifid=10&period=1&addons=20&requestid=1").await, placed);

    let taken = first.gateway.to_string();
    bed.set("HTTP__BIND", &taken);
    let refused = bed.run(&["serve"]).await;
    assert!(refused.code == Some(1) && refused.told().contains("in use"), "{refused:?}");
    bed.set("HTTP__BIND", "127.0.0.1:0");

    let server = bed.postmaster();
    assert_eq!(first.stop().await.code, Some(0));
    assert!(server.is_some() && bed.postmaster() == server);
    assert_eq!(there.code().await, None);
    assert_eq!(second.stop().await.code, Some(0));
    assert_eq!(bed.postmaster(), None, "the last one out did not stop PostgreSQL");
}

/// Asked to stop, a worker brings what it has in hand to its end, and nothing is left for a lease to run out.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_hand_is_finished_before_the_end() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let order = Client::demo(serving.gateway).order("").await;
    let task = async || bed.json(&["task", "list", "--order", &order]).await[0]["state"].clone();
    let owner = bed.owner().await;
    let running = format!("select count(*) from live.task where order_id = {order} and state <> 'queued'");
    until("a worker has the task", async || {
        owner.query_one(&running, &[]).await.unwrap().get::<_, i64>(0) == 1 //
    })
    .await;
    assert_eq!(serving.stop().await.code, Some(0));
    assert_eq!(task().await, "succeeded");
    assert_eq!(bed.postmaster(), None);

    // Asked while it opens, it gives up, and leaves nothing running.
    let opening = bed.start(&["worker"]);
    until("PostgreSQL is being started", async || bed.postmaster().is_some()).await;
    let stopped = opening.stop().await;
    assert!(stopped.code == Some(0) || stopped.told().contains("interrupted"), "{stopped:?}");
    assert_eq!(bed.postmaster(), None, "PostgreSQL runs on");
}
