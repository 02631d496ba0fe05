//! The processes below this one: all of them are the hook's.

use std::{collections::BTreeSet, fs, time::Duration};

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, wait};
use tokio::time;

/// Between two looks while processes are dying.
const PACE: Duration = Duration::from_millis(5);
/// So many looks at the most: what outlives them all is in the kernel's hands, and can't be killed.
const LOOKS: u32 = 1000;

/// Asks all of them to end.
pub(super) fn terminate() {
    signal(&all(), Signal::TERM);
}

/// Ends all of them: first none may go on, so that none makes others meanwhile.
pub(super) fn kill() {
    let mut stopped = BTreeSet::new();
    loop {
        let found = all();
        let new: BTreeSet<i32> = found.difference(&stopped).copied().collect();
        if new.is_empty() {
            return signal(&stopped, Signal::KILL);
        }
        signal(&new, Signal::STOP);
        stopped.extend(new);
    }
}

/// Ends what the hook left behind, once it has ended itself. Returns how many that were.
pub(super) async fn sweep() -> usize {
    let mut swept = BTreeSet::new();
    for _ in 0..LOOKS {
        reap();
        let left = all();
        if left.is_empty() {
            break;
        }
        swept.extend(left);
        kill();
        time::sleep(PACE).await;
    }
    swept.len()
}

/// Takes note of the dead, so that they are gone.
fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

fn signal(pids: &BTreeSet<i32>, signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // It may have ended by itself.
        let _ = kill_process(pid, signal);
    }
}

/// All processes below this one.
pub(super) fn all() -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut open = vec![getpid().as_raw_nonzero().get()];
    while let Some(parent) = open.pop() {
        open.extend(children(parent).into_iter().filter(|child| found.insert(*child)));
    }
    found
}

/// A process's children, of all its threads.
fn children(pid: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let lists = threads
        .into_iter()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}
