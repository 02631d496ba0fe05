//! Which subcommands make an installation, where the configuration is found, and whose the files are.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use super::bed::Bed;
use crate::support::until;

/// `daemon`: an account that every system has.
const OWNER: u32 = 1;

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// What a directory holds, and what is in that.
fn all_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(all_below(&path));
        }
        found.push(path);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn only_four_subcommands_make_an_installation_and_the_others_say_what_they_looked_for() {
    let mut bed = Bed::new();
    let wanted = bed.data_dir().display().to_string();
    for relative in [false, true] {
        if relative {
            bed.unset("DATA_DIR");
        }
        for arguments in [
            &["ledger", "verify"][..],
            &["rate", "set", "EUR", "PLN", "4.25"],
            &["catalogue", "show"],
            &["order", "list", "demo"],
            &["customer", "add", "ann"],
            &["billing", "run"],
            &["worker"],
        ] {
            let refused = bed.run(arguments).await;
            let why = refused.error(1);
            assert!(why.contains("there is no installation") && why.contains(&wanted), "{arguments:?}: {why}");
            assert!(why.contains("/etc/vartai/vartai.toml") && why.contains("vartai migrate"), "{why}");
        }
        let doctor = bed.run(&["doctor", "--json"]).await;
        assert_eq!(doctor.code, Some(1));
        assert!(doctor.json()["findings"].to_string().contains(&wanted), "{doctor:?}");
        assert_eq!(all_below(&bed.dir), Vec::<PathBuf>::new(), "somebody wrote something");
    }
    // Nobody said where: that it is here, by chance, is not to be decided by a default.
    for arguments in [&["migrate"][..], &["serve"], &["demo", "load"], &["demo", "load", "--if-empty"]] {
        let refused = bed.run(arguments).await;
        assert!(refused.told().contains("absolute path") && refused.code == Some(1), "{refused:?}");
    }
    assert_eq!(all_below(&bed.dir), Vec::<PathBuf>::new());

    bed.set("DATA_DIR", &wanted);
    assert_eq!(bed.run(&["migrate"]).await.code, Some(0));
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    // One that is there is opened by whatever path.
    bed.set("DATA_DIR", "var");
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
}

/// PostgreSQL was made, and the process killed before its migrations.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_nobody_set_up_is_no_installation() {
    let bed = Bed::new();
    let settings = pg_cluster::Settings::new(bed.data_dir());
    pg_cluster::Cluster::join(&settings).await.unwrap().leave().await.unwrap();
    let refused = bed.run(&["ledger", "verify"]).await;
    assert!(refused.error(1).contains("there is no installation"), "{refused:?}");
    assert!(!bed.data_dir().join("keys").exists());
    assert_eq!(bed.run(&["migrate"]).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_of_the_machine_is_found_where_none_is_named() {
    let mut bed = Bed::new();
    let etc = bed.dir.join("etc");
    fs::create_dir_all(etc.join("vartai")).unwrap();
    let file = etc.join("vartai/vartai.toml");
    fs::write(&file, format!("data_dir = \"{}\"\n", bed.data_dir().display())).unwrap();
    bed.unset("DATA_DIR");
    // A mount namespace in which that is below /etc.
    let mount = format!("mount -t overlay overlay -o lowerdir='{}':/etc /etc && exec \"$0\" \"$@\"", etc.display());
    let apart = ["--mount", "sh", "-c", &mount];
    let tried = std::process::Command::new("unshare").args(apart).arg("true").output();
    if !tried.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: nothing can be mounted over /etc here: {tried:?}");
        return;
    }
    let migrated = bed.start_through("unshare", &apart, &["migrate"]).end().await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    assert!(bed.data_dir().join("keys").exists());
    // It is not there: another place is named, and what was read.
    fs::write(&file, "data_dir = \"/nowhere/vartai\"\n").unwrap();
    let refused = bed.start_through("unshare", &apart, &["order", "list"]).end().await;
    let why = refused.error(1);
    assert!(why.contains("/nowhere/vartai") && why.contains("the configuration is /etc/vartai/vartai.toml"), "{why}");
    // The directory's own goes first, and one that can't be read is not taken for absent.
    fs::write(bed.dir.join("vartai.toml"), format!("data_dir = \"{}\"\n", bed.data_dir().display())).unwrap();
    let listed = bed.start_through("unshare", &apart, &["order", "list"]).end().await;
    assert_eq!(listed.code, Some(0), "{listed:?}");
    fs::remove_file(bed.dir.join("vartai.toml")).unwrap();
    fs::create_dir(bed.dir.join("vartai.toml")).unwrap();
    let refused = bed.start_through("unshare", &apart, &["order", "list"]).end().await;
    assert!(refused.error(1).contains("can't be read"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_root_runs_leaves_every_file_to_the_owner_of_the_directory() {
    if !is_root() {
        eprintln!("SKIPPED: only root can be root");
        return;
    }
    let mut bed = Bed::new();
    fs::create_dir(bed.data_dir()).unwrap();
    chown(bed.data_dir(), Some(OWNER), Some(OWNER)).unwrap();
    fs::set_permissions(bed.data_dir(), Permissions::from_mode(0o711)).unwrap();
    let roots = |bed: &Bed| -> Vec<PathBuf> {
        let all = all_below(&bed.data_dir());
        assert!(all.len() > 100);
        all.into_iter().filter(|path| fs::symlink_metadata(path).is_ok_and(|file| file.uid() != OWNER)).collect()
    };
    assert_eq!(bed.run(&["migrate"]).await.code, Some(0));
    assert_eq!(roots(&bed), Vec::<PathBuf>::new());
    bed.json(&["demo", "load"]).await;
    bed.json(&["customer", "profile", "demo", "--email", "demo@example.com"]).await;
    // Files of mail, too: a customer's own realm writes them.
    bed.json(&["ledger", "verify"]).await;
    bed.run(&["doctor"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = super::client::Client::demo(serving.gateway);
    demo.processed(&demo.order("").await).await;
    bed.set("MAIL__STAFF", "staff@example.com");
    assert_eq!(serving.stop().await.code, Some(0));
    assert_eq!(roots(&bed), Vec::<PathBuf>::new());

    // What an older version left to root is given back by whatever root runs.
    for file in ["keys", "opening.lock"] {
        chown(bed.data_dir().join(file), Some(0), Some(0)).unwrap();
    }
    bed.json(&["order", "list"]).await;
    assert_eq!(roots(&bed), Vec::<PathBuf>::new());

    // And the service starts as the owner, with what root made.
    let id = OWNER.to_string();
    let as_owner = ["--reuid", &id, "--regid", &id, "--clear-groups"];
    let mut serving = bed.start_through("setpriv", &as_owner, &["serve", "--with-worker"]);
    serving.greeted().await;
    until("it is ready", async || super::client::get(serving.admin, "/readyz").await.status == 200).await;
    assert_eq!(serving.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn root_that_may_not_become_another_user_is_told_so() {
    if !is_root() {
        eprintln!("SKIPPED: only root can lack root's capabilities");
        return;
    }
    let bed = Bed::new();
    let without = ["--bounding-set", "-setuid,-setgid", "--inh-caps", "-setuid,-setgid"];
    let refused = bed.start_through("setpriv", &without, &["migrate"]).end().await;
    let why = refused.error(1);
    assert!(why.contains("CAP_SETUID") && why.contains("--user"), "{why}");
    assert!(!why.contains("chmod"), "{why}");
}
