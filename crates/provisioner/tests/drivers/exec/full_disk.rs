//! A disk that a hook fills up, or finds full (fault 31).

use std::{fs, path::Path, time::Duration};

use domain::tasks::Operation;
use provisioner::driver::{Class, ExecSettings, Outcome, Supervisor};
use testkit::{in_own_mounts, mount};

use super::{RESULT, done, ran_with};
use crate::bed::{Place, exec_settings, task};

/// A hook that works on this disk.
fn on(disk: &Path, place: &Place, text: &str) -> ExecSettings {
    let settings = exec_settings(place.sh(text));
    let supervisor = Supervisor { directories: disk.to_owned(), ..settings.supervisor };
    ExecSettings { supervisor, ..settings }
}

async fn ran(settings: ExecSettings) -> Outcome {
    ran_with(settings, &task(Operation::Create), Duration::from_secs(60)).await.0
}

fn full() -> Outcome {
    let why = "there is no room left on the disk that the hook works on".into();
    Outcome::Unknown { class: Class::Resource, why }
}

#[tokio::test]
async fn a_hook_that_fills_its_disk_is_told_from_one_that_failed_and_leaves_the_room_behind() {
    if !in_own_mounts(
        "exec::full_disk::a_hook_that_fills_its_disk_is_told_from_one_that_failed_and_leaves_the_room_behind",
    ) {
        return;
    }
    let (disk, place) = (tempfile::tempdir().unwrap(), Place::new());
    let disk = disk.path();
    mount(disk, 8);
    for (fills, outcome) in [("exit 3", None), ("head -c 100M /dev/zero > much || exit 3", Some(full()))] {
        let settings = on(disk, &place, fills);
        let came = ran(settings).await;
        let failed = Outcome::Unknown { class: Class::Internal, why: "the hook failed (code 3)".into() };
        assert_eq!(came, outcome.unwrap_or(failed), "{fills}");
        assert_eq!(fs::read_dir(disk).unwrap().count(), 0, "what it wrote is gone");
    }
    assert_eq!(ran(on(disk, &place, &format!("head -c 1M /dev/zero > some && {RESULT}"))).await, done());
}

#[tokio::test]
async fn a_disk_that_is_full_already_is_told_and_found_free_later() {
    if !in_own_mounts("exec::full_disk::a_disk_that_is_full_already_is_told_and_found_free_later") {
        return;
    }
    let (disk, place) = (tempfile::tempdir().unwrap(), Place::new());
    let disk = disk.path();
    mount(disk, 8);
    let others = disk.join("others");
    fs::write(&others, vec![0; 16 << 20]).unwrap_err();
    // It needs no room, so it may go on; what it can't do for want of it is no failure of its own.
    assert_eq!(ran(on(disk, &place, RESULT)).await, done());
    assert_eq!(ran(on(disk, &place, "echo x > some || exit 64")).await, full());
    fs::remove_file(others).unwrap();
    assert_eq!(ran(on(disk, &place, &format!("echo x > some && {RESULT}"))).await, done());
}
