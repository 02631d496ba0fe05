//! Hooks that are not run (fault 35): staff's to mend, and no tries are spent on them.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    time::Duration,
};

use domain::tasks::Operation;
use provisioner::driver::{Class, Driver, Outcome};

use super::{RESULT, class, done, ran, ran_with};
use crate::bed::{Place, exec_settings, exec_with, task};

/// The hook is refused for such a reason, as a wrong set-up is.
async fn refused(hook: PathBuf, reason: &str) {
    let (outcome, log) = ran(hook).await;
    assert_eq!(class(&outcome), Some(Class::Configuration), "{reason}: {outcome:?}");
    let Outcome::Retry { why, .. } = outcome else { panic!("{reason}: {outcome:?}") };
    assert!(why.contains(reason), "{reason}: {why}");
    assert_eq!(log, "", "{reason}");
}

fn allow(path: &PathBuf, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_is_not_there_or_no_program_is_not_run() {
    let place = Place::new();
    refused(place.path("nothing"), "is not there").await;
    let hook = place.sh(RESULT);
    allow(&hook, 0o644);
    refused(hook.clone(), "is not executable").await;
    refused(hook.parent().unwrap().to_owned(), "is not a file").await;
    refused(place.program("no-interpreter", "#!/nowhere/at/all\n"), "No such file").await;
    refused(place.program("no-program", "nothing of any format"), "Exec format").await;
}

#[tokio::test]
async fn where_no_hook_can_work_none_is_run_and_that_is_said() {
    let place = Place::new();
    let mut settings = exec_settings(place.sh(RESULT));
    // As a read-only root file system refuses it, for everybody.
    settings.supervisor.directories = place.path("not/there");
    let told = format!("no working directory can be made in {}", settings.supervisor.directories.display());
    let (outcome, _) = ran_with(settings.clone(), &task(Operation::Create), Duration::from_secs(60)).await;
    assert_eq!(class(&outcome), Some(Class::Configuration), "{outcome:?}");
    let Outcome::Retry { why, .. } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains(&told) && why.contains("work_dir"), "{why}");
    let trouble = exec_with(settings.clone()).probe().await.unwrap_err();
    assert!(trouble.class == Class::Configuration && trouble.why.contains(&told), "the doctor says so: {trouble}");
    settings.supervisor.directories = place.path(".");
    assert_eq!(ran_with(settings, &task(Operation::Create), Duration::from_secs(60)).await.0, done());
}

#[tokio::test]
async fn what_others_can_change_is_not_run() {
    let place = Place::new();
    let hook = place.sh(RESULT);
    allow(&hook, 0o757);
    refused(hook.clone(), "can be written to by others").await;
    let link = place.path("link");
    symlink(&hook, &link).unwrap();
    refused(link.clone(), "can be written to by others").await;
    allow(&hook, 0o755);
    assert_eq!(ran(link).await.0, done());
    let open = place.path("open");
    fs::create_dir(&open).unwrap();
    let inside = place.program("open/hook", &format!("#!/bin/sh\n{RESULT}\n"));
    assert_eq!(ran(inside.clone()).await.0, done());
    allow(&open, 0o777);
    refused(inside, "can be written to by others").await;
}

#[tokio::test]
async fn what_is_being_written_is_not_run() {
    let place = Place::new();
    let hook = place.sh(RESULT);
    let writing = File::options().append(true).open(&hook).unwrap();
    refused(hook.clone(), "Text file busy").await;
    drop(writing);
    assert_eq!(ran(hook).await.0, done());
}
