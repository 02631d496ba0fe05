//! A company's own program behind the queue.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use domain::{orders::PowerOperation, tasks::Operation};
use provisioner::{
    WorkerSettings,
    driver::{DriverKind, DriverSettings, ExecSettings, Limits, Supervisor, Timeouts},
};
use store::RealmKind;
use tempfile::TempDir;

use crate::bed::{Bed, quick};

/// A worker whose tariffs' driver is this hook, and a directory for its machines.
pub fn hooked(text: &str) -> (TempDir, WorkerSettings) {
    let place = TempDir::new().unwrap();
    let hook = place.path().join("hook");
    let good = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/hooks/machine.py");
    let (here, good) = (place.path().display(), good.display());
    let text =
        format!("#!/bin/bash\nHERE={here}\nexport MACHINES=$HERE\ngood() {{ python3 '{good}' \"$@\"; }}\n{text}\n");
    fs::write(&hook, text).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let supervisor = Supervisor {
        program: PathBuf::from(env!("CARGO_BIN_EXE_hook-exec")),
        arguments: Vec::new(),
        directories: std::env::temp_dir(),
    };
    let limits = Limits { grace: Duration::from_millis(300), ..Limits::default() };
    let exec = ExecSettings { hook, environment: Vec::new(), limits, supervisor };
    let driver = DriverSettings {
        operations: Operation::ALL.into(),
        timeouts: Timeouts::default(),
        kind: DriverKind::Exec(exec),
    };
    (place, WorkerSettings { drivers: BTreeMap::from([("hooked".to_owned(), driver)]), ..quick() })
}

pub async fn bed() -> Bed {
    let bed = Bed::new().await;
    bed.rename_driver("hooked").await;
    bed
}

const ALL_DONE: &str = "select not exists (select from task where state <> 'succeeded')";

#[tokio::test]
async fn an_order_lives_on_a_hook() {
    let bed = bed().await;
    let (place, settings) = hooked("good \"$@\"");
    let order = bed.order().await;
    bed.work_until(settings.clone(), "select state = 'active' from orders").await;
    let log = bed.text("select results from task").await;
    assert_eq!(log, format!("create of server {order}\ncreated on file-1, system generation 1, running\n"));
    for operation in [PowerOperation::Restart, PowerOperation::Reinstall, PowerOperation::Suspend] {
        bed.power(order, operation).await;
        bed.work_until(settings.clone(), ALL_DONE).await;
    }
    assert!(bed.holds("select bool_and(verified) and count(*) = 4 from task").await);
    assert!(fs::read_to_string(place.path().join(format!("{order}.json"))).unwrap().contains("\"boot\": 3"));
    bed.terminate(order).await;
    bed.work_until(settings, ALL_DONE).await;
    bed.all_is_done().await;
}

#[tokio::test]
async fn a_hook_that_is_busy_is_asked_again() {
    let bed = bed().await;
    let busy = "[ \"$1\" = create ] && { echo x >> $HERE/asked; [ $(wc -l < $HERE/asked) -lt 3 ] && exit 75; }";
    let (_place, settings) = hooked(&format!("{busy}\ngood \"$@\""));
    bed.order().await;
    let now = async {
        loop {
            bed.until("select exists (select from task where state = 'queued' and run_at > now())").await;
            bed.run("update task set run_at = now() where state = 'queued'").await;
        }
    };
    tokio::select! {
        () = now => {}
        () = bed.work_until(settings, "select state = 'active' from orders") => {}
    }
    assert!(bed.holds("select attempt = 1 from task").await, "what could not be begun is no try");
    bed.all_is_done().await;
}

#[tokio::test]
async fn which_hook_a_try_ran_is_kept_with_it() {
    let bed = bed().await;
    let (place, settings) = hooked("[ \"$1\" = create ] && exit 75\ngood \"$@\"");
    bed.order().await;
    bed.work_until(settings.clone(), "select state = 'queued' and waiting_since is not null from task").await;
    // Staff deploy another one while the task waits for its next try.
    let hook = place.path().join("hook");
    let mended = fs::read_to_string(&hook).unwrap().replace("exit 75", "true");
    fs::write(&hook, mended).unwrap();
    bed.run("update task set run_at = now()").await;
    bed.work_until(settings, ALL_DONE).await;
    let tried = "select count(distinct driver) = 2 and bool_and(driver ~ '^hooked, protocol 1, sha256 [0-9a-f]{12}$') \
        and array_agg(outcome order by fence) = '{retry,succeeded}' from task_attempt";
    assert!(
        bed.holds(tried).await,
        "{}",
        bed.text("select string_agg(to_jsonb(a)::text, ' ') from task_attempt a").await
    );
    bed.all_is_done().await;
}

#[tokio::test]
async fn a_liar_is_not_believed() {
    let bed = bed().await;
    let lies = "[ \"$1\" = create ] && { echo '{\"t\":\"result\",\"task\":\"'$VARTAI_TASK'\"}'; exit 0; }";
    let (_place, settings) = hooked(&format!("{lies}\ngood \"$@\""));
    bed.order().await;
    bed.work_until(settings, "select state = 'queued' and attempt >= 1 from task").await;
    let log = bed.text("select results from task").await;
    assert!(log.starts_with("attempt 1: there is no machine\n"), "{log}");
    assert!(bed.holds("select verified is null from task").await);
}

#[tokio::test]
async fn a_machine_that_is_smaller_than_it_was_sold_is_not_taken_for_done() {
    let bed = bed().await;
    let (_place, settings) = hooked("export SABOTAGE=small\ngood \"$@\"");
    bed.order().await;
    bed.work_until(settings, "select state = 'queued' and attempt >= 1 from task").await;
    let log = bed.text("select results from task").await;
    assert!(log.contains("\nattempt 1: the machine's size is not what it is to be\n"), "{log}");
    assert!(bed.holds("select verified is null from task").await);
    assert!(bed.holds("select class = 'unverified' from task_attempt order by fence limit 1").await);
}

#[tokio::test]
async fn a_hook_that_wants_a_person_gets_one() {
    let bed = bed().await;
    let (_place, settings) = hooked("exit 77");
    bed.order().await;
    bed.work_until(settings, "select state = 'manual' from task").await;
    assert!(bed.holds("select by_hand and state = 'manual' from orders").await);
}

#[tokio::test]
async fn a_hook_that_is_not_trusted_costs_no_tries() {
    let bed = bed().await;
    let (place, settings) = hooked("good \"$@\"");
    fs::set_permissions(place.path().join("hook"), fs::Permissions::from_mode(0o777)).unwrap();
    bed.order().await;
    bed.work_until(settings.clone(), "select state = 'queued' and waiting_since is not null from task").await;
    assert!(bed.holds("select attempt = 0 from task").await);
    fs::set_permissions(place.path().join("hook"), fs::Permissions::from_mode(0o755)).unwrap();
    bed.run("update task set run_at = now()").await;
    bed.work_until(settings, "select state = 'active' from orders").await;
}

#[tokio::test]
async fn the_log_can_be_read_while_the_work_goes_on() {
    let bed = bed().await;
    let (place, settings) = hooked(
        "[ \"$1\" = create ] && { echo '{\"t\":\"log\",\"line\":\"half way\"}'; until [ -e $HERE/go ]; do sleep 0.1; done; }\n\
         good \"$@\"",
    );
    bed.order().await;
    let go = async {
        bed.until("select state = 'running' and results = E'half way\\n' from task").await;
        fs::write(place.path().join("go"), "").unwrap();
        bed.until("select state = 'active' from orders").await;
    };
    let work = bed.work_until(settings, "select state = 'active' from orders");
    tokio::join!(work, go);
}

#[tokio::test]
async fn a_worker_that_dies_takes_its_hook_along_and_another_ends_the_task() {
    let bed = bed().await;
    let (place, settings) =
        hooked("[ \"$1\" = create ] && [ ! -e $HERE/pid ] && { echo $$ > $HERE/pid; sleep 1000; }\ngood \"$@\"");
    bed.order().await;
    let begun = async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        while !place.path().join("pid").exists() {
            assert!(tokio::time::Instant::now() < deadline, "the hook did not begin");
            pace.tick().await;
        }
    };
    tokio::select! {
        () = bed.work_until(settings.clone(), "select state = 'succeeded' from task") => panic!("it hangs"),
        () = begun => {}
    }
    bed.expire_leases().await;
    bed.work_until(settings, "select state = 'active' from orders").await;
    assert!(bed.holds("select attempt = 2 from task").await);
    bed.all_is_done().await;
}

#[tokio::test]
async fn the_test_realm_reaches_no_hook_whatever_is_asked_of_it() {
    let bed = Bed::of(RealmKind::Test).await;
    bed.rename_driver("hooked").await;
    let (place, settings) = hooked("echo x >> $HERE/reached; good \"$@\"");
    let order = bed.order_in(&bed.db.database.test).await;
    let nothing_left = "select not exists (select from task where state in ('queued', 'running'))";
    let insert =
        |operation| format!("insert into task (order_id, operation, state) values ({order}, '{operation}', 'queued')");
    // Its removal comes last: nothing that waits is done after that.
    let of_life = |operation: &Operation| !matches!(operation, Operation::Create | Operation::Destroy);
    for operation in Operation::ALL.into_iter().filter(of_life) {
        bed.run(&insert(operation)).await;
    }
    bed.work_until(settings.clone(), nothing_left).await;
    bed.run(&insert(Operation::Destroy)).await;
    bed.work_until(settings, nothing_left).await;
    assert!(bed.holds("select count(*) filter (where state = 'succeeded') >= 5 from task").await);
    assert!(!place.path().join("reached").exists());
}
