//! Time, output and processes (faults 28 to 31, 33 and 34).

use std::{fs, time::Duration};

use domain::tasks::Operation;
use provisioner::driver::{Class, Driver, Limits, Outcome};
use serde_json::json;
use tokio::time::Instant;

use super::{RESULT, class, done, lives, ran, ran_with, until};
use crate::bed::{Place, ctx, exec, exec_settings, task};

/// Long enough for a shell to begin, on a slow machine too.
const SHORT: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_hook_that_hangs_is_ended_when_its_time_is_over() {
    let place = Place::new();
    for (name, heeds) in [("heeds TERM", ""), ("ignores TERM", "trap '' TERM;")] {
        let hook = place.sh(&format!("{heeds} echo $$ > $HERE/pid; while :; do sleep 1000; done"));
        let began = Instant::now();
        let (outcome, _) = ran_with(exec_settings(hook), &task(Operation::Create), SHORT).await;
        assert_eq!(
            outcome,
            Outcome::Unknown { class: Class::Internal, why: "the hook did not end in time".into() },
            "{name}"
        );
        assert!(began.elapsed() >= SHORT, "{name}");
        let pid = place.read("pid");
        assert!(!pid.is_empty() && !lives(&pid), "{name}: {pid}");
    }
}

#[tokio::test]
async fn a_hook_whose_worker_is_gone_is_ended_with_all_it_started() {
    let place = Place::new();
    let hook =
        place.sh("setsid sleep 1000 & echo $! > $HERE/daemon; echo $$ > $HERE/pid; trap '' TERM; wait; sleep 1000");
    let driver = exec(hook);
    let (ctx, _lines) = ctx(Duration::from_secs(600));
    let task = task(Operation::Create);
    let begun = until("the hook has begun", || !place.read("pid").is_empty());
    tokio::select! {
        outcome = driver.execute(&task, &ctx) => panic!("{outcome:?}"),
        () = begun => {}
    }
    // What a worker that is killed leaves behind is the same: a socket without its other end.
    let (pid, daemon) = (place.read("pid"), place.read("daemon"));
    until("both have ended", || !lives(&pid) && !lives(&daemon)).await;
}

#[tokio::test]
async fn a_hundred_megabytes_of_output_are_read_and_not_kept() {
    let place = Place::new();
    let hook = place.sh(&format!(
        "yes \"$(printf 'x%.0s' {{1..999}})\" | head -c 50000000\n\
         head -c 50000000 /dev/zero | tr '\\0' 'y'\n\
         head -c 10000000 /dev/urandom >&2\n\
         echo; {RESULT}; echo the end"
    ));
    let peak = || -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let before = peak();
    let (outcome, log) = ran(hook).await;
    let grown_kb = peak() - before;
    assert_eq!(outcome, done());
    assert!(grown_kb < 32 * 1024, "{grown_kb} kB");
    assert!(log.len() < 1200 * 1024, "{}", log.len());
    assert!(log.contains("[truncated: ") && log.contains("the end\n"), "the middle is left out");
    assert!(log.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
}

#[tokio::test]
async fn a_daemon_left_behind_is_ended_and_holds_nothing_up() {
    let place = Place::new();
    let hook = place.sh(&format!("setsid nohup sleep 1000 & echo $! > $HERE/daemon; {RESULT}; exit 0"));
    let began = Instant::now();
    let (outcome, log) = ran(hook).await;
    assert_eq!(outcome, done());
    assert!(began.elapsed() < Duration::from_secs(30), "it did not wait for the daemon");
    assert!(log.contains("the hook left 1 processes behind; they were ended\n"), "{log}");
    assert!(!lives(&place.read("daemon")));
}

#[tokio::test]
async fn a_hook_that_takes_too_much_is_ended() {
    let place = Place::new();
    let limits = Limits { memory_mb: 128, processes: 32, grace: Duration::from_millis(300) };
    let bomb = "bomb() { [ $1 -gt 0 ] && { bomb $(($1 - 1)) & bomb $(($1 - 1)) & }; sleep 1000; }; bomb 7";
    let hog = "exec python3 -c 'import time; b = bytearray(b\"x\") * (300 << 20); time.sleep(1000)'";
    for (what, text) in [("processes", bomb), ("memory", hog)] {
        let settings = exec_settings(place.sh(&format!("echo $$ > $HERE/pid; {text}")));
        let settings = provisioner::driver::ExecSettings { limits, ..settings };
        let (outcome, _) = ran_with(settings, &task(Operation::Create), Duration::from_secs(300)).await;
        assert_eq!(class(&outcome), Some(Class::Resource), "{what}: {outcome:?}");
        assert!(!lives(&place.read("pid")), "{what}");
    }
}

#[tokio::test]
async fn a_hook_ended_by_a_signal_has_done_nobody_knows_what() {
    let place = Place::new();
    let (outcome, _) = ran(place.sh("kill -SEGV $$")).await;
    let why = "the hook was ended by signal 11".into();
    assert_eq!(outcome, Outcome::Unknown { class: Class::Internal, why });
}

#[tokio::test]
async fn nobody_waits_for_a_hook_to_read() {
    let place = Place::new();
    let mut large = task(Operation::Create);
    large.params = json!({ "much": "x".repeat(1024 * 1024) });
    for text in ["exec 0<&-", "", "head -c 10 > /dev/null"] {
        let settings = exec_settings(place.sh(&format!("{text}\n{RESULT}")));
        assert_eq!(ran_with(settings, &large, Duration::from_secs(60)).await.0, done(), "{text}");
    }
    let settings = exec_settings(place.sh(&format!("wc -c > $HERE/size; {RESULT}")));
    assert_eq!(ran_with(settings, &large, Duration::from_secs(60)).await.0, done());
    assert!(place.read("size").trim().parse::<usize>().unwrap() > 1024 * 1024);
}

#[tokio::test]
async fn what_is_not_wanted_any_more_is_ended() {
    let place = Place::new();
    let driver = exec(place.sh("echo $$ > $HERE/pid; sleep 1000"));
    let (log, _lines) = provisioner::driver::Log::new(None);
    let (cancel, cancelled) = tokio::sync::watch::channel(false);
    let ctx = provisioner::driver::Ctx::new(log, Duration::from_secs(600), None, cancelled);
    let task = task(Operation::Create);
    let withdraw = async {
        until("the hook has begun", || !place.read("pid").is_empty()).await;
        cancel.send_replace(true);
    };
    let (outcome, ()) = tokio::join!(driver.execute(&task, &ctx), withdraw);
    assert_eq!(class(&outcome), Some(Class::Cancelled), "{outcome:?}");
    assert!(!lives(&place.read("pid")));
}
