//! Backups and what becomes of them: elsewhere, at another moment, and when something dies in the middle.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
};

use super::{bed::Bed, client::Client, scratch::Scratch};
use crate::support::until;

/// A user that every machine has.
const NOBODY: u32 = 65534;
const CREATE: &str = "vid=vds&tarifid=10&period=1&addons=20";

/// An installation with two orders of the demo's customer, and what they were answered.
async fn two_orders(bed: &Bed) -> [Vec<u8>; 2] {
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    let mut answers = [Vec::new(), Vec::new()];
    for (number, answer) in answers.iter_mut().enumerate() {
        *answer = demo.bytes("createOrder", &format!("{CREATE}&requestid=r{number}")).await;
        assert!(String::from_utf8_lossy(answer).contains("SUCCESS"));
    }
    assert_eq!(serving.stop().await.code, Some(0));
    answers
}

/// The one backup in a directory.
fn only_file(dir: &Path) -> String {
    let files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() == 1 && files[0].extension().unwrap() == "tar", "{files:?}");
    files[0].to_str().unwrap().to_owned()
}

async fn backed_up(bed: &Bed) -> String {
    let dir = bed.dir.join("backups");
    let made = bed.run(&["backup", dir.to_str().unwrap()]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stderr.contains("key file"), "that the keys are kept apart is not said: {made:?}");
    only_file(&dir)
}

fn copy_keys(from: &Bed, to: &Bed) {
    fs::create_dir_all(to.data_dir()).unwrap();
    fs::copy(from.data_dir().join("keys"), to.data_dir().join("keys")).unwrap();
}

async fn answers_again(bed: &Bed, answers: &[Vec<u8>]) {
    let serving = bed.serve(&[]).await;
    let demo = Client::demo(serving.gateway);
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(demo.bytes("createOrder", &format!("{CREATE}&requestid=r{number}")).await, *answer);
    }
    assert_eq!(serving.stop().await.code, Some(0));
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_makes_the_same_installation_elsewhere() {
    let (bed, other) = (Bed::new(), Bed::new());
    let answers = two_orders(&bed).await;
    let file = backed_up(&bed).await;
    // Without the keys, with others, and of a file that is not whole, nothing is made.
    let refused = other.run(&["restore", &file]).await;
    assert!(refused.error(1).contains("key file"), "{refused:?}");
    fs::create_dir_all(other.data_dir()).unwrap();
    fs::write(other.data_dir().join("keys"), format!("1 {}\n", "ab".repeat(32))).unwrap();
    let refused = other.run(&["restore", &file]).await;
    assert!(refused.error(1).contains("not the one that the backed-up installation had"), "{refused:?}");
    copy_keys(&bed, &other);
    let cut = other.dir.join("cut.tar");
    let whole = fs::read(&file).unwrap();
    for length in [whole.len() - 2048, whole.len() / 2, 100] {
        fs::write(&cut, &whole[..length]).unwrap();
        let refused = other.run(&["restore", cut.to_str().unwrap()]).await;
        assert_eq!(refused.code, Some(1), "{length} bytes: {refused:?}");
    }
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 1;
    fs::write(&cut, altered).unwrap();
    let refused = other.run(&["restore", cut.to_str().unwrap()]).await;
    assert!(refused.error(1).contains("damaged"), "{refused:?}");
    assert!(!other.data_dir().join("pg").exists() && !other.data_dir().join("restore").exists());

    let restored = other.json(&["restore", &file]).await;
    assert_eq!(restored["ok"], true, "{restored}");
    answers_again(&other, &answers).await;
    assert_eq!(other.json(&["doctor"]).await["ok"], true);
    let refused = other.run(&["restore", &file]).await;
    assert!(refused.error(1).contains("--set-aside"), "{refused:?}");
    // An order more, which the backup lacks: it is told of, and what was there is kept.
    let serving = other.serve(&[]).await;
    let order = Client::demo(serving.gateway).order("").await;
    let refused = other.run(&["restore", &file, "--set-aside"]).await;
    assert!(refused.error(1).contains("in use"), "{refused:?}");
    assert_eq!(serving.stop().await.code, Some(0));
    let again = other.json(&["restore", &file, "--set-aside"]).await;
    assert_eq!(again["lost"]["orders"], 1, "{again}");
    assert!(again["lost"]["named_orders"].to_string().contains(&format!("order {order} of demo")), "{again}");
    assert!(Path::new(again["set_aside"].as_str().unwrap()).join("PG_VERSION").exists());
    answers_again(&other, &answers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_on_stdout_brings_its_keys_under_a_passphrase() {
    let (bed, other) = (Bed::new(), Bed::new());
    let answers = two_orders(&bed).await;
    for (bed, phrase) in [(&bed, "correct horse"), (&other, "wrong horse")] {
        fs::write(bed.dir.join("phrase"), format!("{phrase}\n")).unwrap();
    }
    let vartai = env!("CARGO_BIN_EXE_vartai");
    let shell = format!("{vartai} backup - --with-keys phrase > piped.tar");
    assert!(bed.shell(&shell).await.stderr.is_empty());
    let file = bed.dir.join("piped.tar").to_str().unwrap().to_owned();
    let key = fs::read_to_string(bed.data_dir().join("keys")).unwrap();
    let key = key.lines().last().unwrap().split_once(' ').unwrap().1;
    assert!(!String::from_utf8_lossy(&fs::read(&file).unwrap()).contains(key), "the key stands in the backup");
    let refused = other.run(&["restore", &file, "--passphrase-file", "phrase"]).await;
    assert!(refused.error(1).contains("passphrase does not open"), "{refused:?}");
    fs::write(other.dir.join("phrase"), "correct horse\n").unwrap();
    // On a machine where it is another user's.
    fs::create_dir_all(other.data_dir()).unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root {
        chown(other.data_dir(), Some(NOBODY), None).unwrap();
    }
    assert_eq!(other.json(&["restore", &file, "--passphrase-file", "phrase"]).await["ok"], true);
    let owner = fs::metadata(other.data_dir().join("pg")).unwrap().uid();
    assert!(!is_root || owner == NOBODY, "{owner}");
    answers_again(&other, &answers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_into_an_empty_database_by_url() {
    let (bed, mut other) = (Bed::new(), Bed::new());
    let answers = two_orders(&bed).await;
    let file = backed_up(&bed).await;
    let scratch = Scratch::new(&other).await;
    other.set("DATABASE__URL", &scratch.url("company"));
    copy_keys(&bed, &other);
    assert_eq!(other.json(&["restore", &file]).await["ok"], true);
    answers_again(&other, &answers).await;
    let refused = other.run(&["restore", &file]).await;
    assert!(refused.error(1).contains("holds an installation already"), "{refused:?}");
    // And back again, out of the one that is not Vartai's own.
    let there = Bed::new();
    copy_keys(&bed, &there);
    let file = backed_up(&other).await;
    assert_eq!(there.json(&["restore", &file]).await["ok"], true);
    answers_again(&there, &answers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_backup_leaves_no_file_that_looks_like_one() {
    let bed = Bed::new();
    two_orders(&bed).await;
    let serving = bed.serve(&[]).await;
    let owner = bed.owner().await;
    // It waits for this lock, with its file begun.
    owner.batch_execute("begin; lock table live.orders in access exclusive mode").await.unwrap();
    let dir = bed.dir.join("backups");
    let backing_up = bed.start(&["backup", dir.to_str().unwrap()]);
    let files = || fs::read_dir(&dir).map(|entries| entries.count()).unwrap_or(0);
    until("the backup is begun", async || files() == 1).await;
    backing_up.kill();
    owner.batch_execute("rollback").await.unwrap();
    let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left[0].to_str().unwrap().ends_with(".partial"), "{left:?}");
    let file = backed_up(&bed).await;
    assert!(file.ends_with(".tar"));
    assert_eq!(serving.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_restore_is_told_and_it_can_be_done_again() {
    let (bed, other) = (Bed::new(), Bed::new());
    let answers = two_orders(&bed).await;
    let file = backed_up(&bed).await;
    copy_keys(&bed, &other);
    // Before its server runs, and while it does: that goes on running then.
    for seen in ["restore", "restore/pg/postmaster.pid"] {
        let restoring = other.start(&["restore", &file]);
        until("the restore is begun", async || other.data_dir().join(seen).exists()).await;
        restoring.kill();
        assert!(!other.data_dir().join("pg").exists(), "it was over before it was killed: nothing is tested");
        for command in [&["migrate"][..], &["serve"], &["ledger", "verify"]] {
            let refused = other.run(command).await;
            assert_eq!(refused.code, Some(1), "{command:?}: {refused:?}");
            assert!(refused.told().contains("restore"), "{command:?}: {refused:?}");
        }
    }
    assert_eq!(other.json(&["restore", &file]).await["ok"], true);
    answers_again(&other, &answers).await;
    // One that is to be replaced is what it was.
    let restoring = other.start(&["restore", &file, "--set-aside"]);
    until("the restore is begun", async || other.data_dir().join("restore/pg").exists()).await;
    restoring.kill();
    answers_again(&other, &answers).await;
    // As a kill leaves it when the old one is set aside already and the new one is not in its place yet.
    let restoring = other.start(&["restore", &file, "--set-aside"]);
    until("the restore is begun", async || other.data_dir().join("restore/pg").exists()).await;
    restoring.kill();
    let aside = other.data_dir().join("pg.before-the-kill");
    fs::rename(other.data_dir().join("pg"), &aside).unwrap();
    let refused = other.run(&["serve"]).await;
    assert!(refused.told().contains("restore"), "{refused:?}");
    assert_eq!(other.json(&["restore", &file]).await["ok"], true);
    answers_again(&other, &answers).await;
    assert!(aside.join("PG_VERSION").exists(), "what was set aside is kept");
}

/// The moment, by the database's clock.
async fn now(bed: &Bed) -> String {
    let moment = "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    bed.owner().await.query_one(moment, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moment_between_two_orders_is_restored_to() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let early = bed.run(&["restore", "--to", "2020-01-01T00:00:00Z", "--set-aside"]).await;
    assert!(early.error(1).contains("no base backup"), "{early:?}");
    let serving = bed.serve(&[]).await;
    let demo = Client::demo(serving.gateway);
    bed.json(&["backup", "base"]).await;
    let first = demo.bytes("createOrder", &format!("{CREATE}&requestid=r0")).await;
    let balance = demo.call("getBalance", "").await;
    let books = bed.json(&["balance", "statement", "demo"]).await;
    let between = now(&bed).await;
    let second = demo.order("requestid=r1").await;
    assert_eq!(serving.stop().await.code, Some(0));

    for (moment, why) in
        [("2020-01-01T00:00:00Z", "oldest base backup"), ("2099-01-01T00:00:00Z", "archive ends before")]
    {
        let refused = bed.run(&["restore", "--to", moment, "--set-aside"]).await;
        assert!(refused.error(1).contains(why), "{refused:?}");
        assert!(
            !fs::read_dir(bed.data_dir()).unwrap().any(|entry| entry
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .starts_with("pg."))
        );
    }
    // Killed in the middle, it is what it was.
    let restoring = bed.start(&["restore", "--to", &between, "--set-aside"]);
    until("the recovery is begun", async || bed.data_dir().join("restore/pg").exists()).await;
    restoring.kill();
    assert_eq!(bed.json(&["order", "list", "demo"]).await.as_array().map(Vec::len), Some(2));
    let restored = bed.json(&["restore", "--to", &between, "--set-aside"]).await;
    assert_eq!((&restored["ok"], &restored["lost"]["orders"]), (&true.into(), &1.into()), "{restored}");
    assert!(restored["lost"]["named_orders"].to_string().contains(&format!("order {second} of demo")), "{restored}");
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    assert_eq!(demo.call("getBalance", "").await, balance);
    assert_eq!(bed.json(&["balance", "statement", "demo"]).await, books);
    assert_eq!(demo.bytes("createOrder", &format!("{CREATE}&requestid=r0")).await, first);
    let orders = bed.json(&["order", "list", "demo"]).await;
    assert_eq!(orders.as_array().map(Vec::len), Some(1), "{orders}");
    // It goes on, on a history of its own, and can be restored from there again.
    let third = demo.order("requestid=r2").await;
    demo.processed(&third).await;
    assert_eq!(bed.json(&["ledger", "verify"]).await["ok"], true);
    bed.json(&["backup", "base", "--keep", "1"]).await;
    let after = now(&bed).await;
    demo.order("requestid=r3").await;
    assert_eq!(serving.stop().await.code, Some(0));
    let again = bed.json(&["restore", "--to", &after, "--set-aside"]).await;
    assert_eq!((&again["ok"], &again["lost"]["orders"]), (&true.into(), &1.into()), "{again}");
}

/// What doctor says of the archive.
async fn of_archive(bed: &Bed) -> (bool, String) {
    let doctor = bed.run(&["doctor", "--json"]).await.json();
    let findings = doctor["findings"].as_array().unwrap().iter();
    let mut of = findings.filter(|finding| finding["what"].as_str().unwrap().contains("archive"));
    let finding = of.next().unwrap_or_else(|| panic!("{doctor}"));
    (finding["ok"] == true, finding["what"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_archive_is_told_until_there_is_a_new_base_backup() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let (ok, what) = of_archive(&bed).await;
    assert!(ok && what.contains("must have been run"), "{what}");
    bed.json(&["backup", "base"]).await;
    let (ok, what) = of_archive(&bed).await;
    assert!(ok && what.contains("every moment"), "{what}");
    let archive = bed.data_dir().join("archive");
    let needed = fs::read_to_string(archive.join("needed")).unwrap();
    fs::remove_file(archive.join("wal").join(format!("{needed}.gz"))).unwrap();
    let (ok, what) = of_archive(&bed).await;
    assert!(!ok && what.contains("lacks WAL"), "{what}");
    bed.json(&["backup", "base"]).await;
    assert!(of_archive(&bed).await.0);
    // Of three base backups the two newest stay, and what they reach.
    bed.json(&["backup", "base"]).await;
    let before = base_backups(&archive);
    bed.json(&["backup", "prune", "--keep", "2"]).await;
    assert_eq!((before.len(), base_backups(&archive)), (3, before[1..].to_vec()));
    assert!(of_archive(&bed).await.0);
}

/// The archive's base backups, the oldest first.
fn base_backups(archive: &Path) -> Vec<String> {
    let entries = fs::read_dir(archive.join("base")).unwrap();
    let mut found: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort_unstable();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_can_not_be_looked_through_are_not_called_wrong() {
    let bed = Bed::new();
    bed.json(&["demo", "load"]).await;
    let serving = bed.serve(&[]).await;
    bed.owner().await.batch_execute("revoke select on live.entry from vartai_live").await.unwrap();
    let told = bed.run(&["ledger", "verify"]).await;
    assert!(told.error(3).contains("could not be verified"), "{told:?}");
    assert_eq!(serving.stop().await.code, Some(0));
}

/// The commands of the page, as they stand there: each block below a heading that ends so.
fn block(heading: &str, number: usize) -> String {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md")).unwrap();
    let (_, section) = page.split_once(&format!("\n### {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let section = section.split("\n#").next().unwrap();
    section.split("```").nth(number * 2 + 1).unwrap_or_else(|| panic!("{heading} has no block {number}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_procedures_of_the_page_work_as_they_are_written() {
    let (bed, other) = (Bed::new(), Bed::new());
    let answers = two_orders(&bed).await;
    let here = |commands: &str| commands.replace("/var/backups", bed.dir.join("backups").to_str().unwrap());
    bed.shell(&here(&block("One file", 0))).await;
    fs::create_dir_all(other.data_dir()).unwrap();
    let elsewhere =
        here(&block("A new machine", 0)).replace("/root/vartai.keys", bed.data_dir().join("keys").to_str().unwrap());
    let elsewhere = elsewhere.replace("/var/lib/vartai", other.data_dir().to_str().unwrap());
    other.shell(&elsewhere).await;
    answers_again(&other, &answers).await;

    bed.shell(&block("Any moment", 0)).await;
    let serving = bed.serve(&[]).await;
    let moment = now(&bed).await;
    Client::demo(serving.gateway).order("").await;
    assert_eq!(serving.stop().await.code, Some(0));
    bed.shell(&block("Any moment", 1).replace("2026-11-30T20:15:00Z", &moment)).await;
    answers_again(&bed, &answers).await;
    assert_eq!(bed.json(&["order", "list", "demo"]).await.as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_one_s_own_goes_back_to_a_moment_as_the_page_says() {
    let mut bed = Bed::new();
    let scratch = Scratch::new(&bed).await;
    bed.set("DATABASE__URL", &scratch.url("company"));
    let there = |commands: String| commands.replace("/var/backups", scratch.dir().to_str().unwrap());
    scratch.administer(&there(block("A server of your own", 0)));
    scratch.stop().await;
    scratch.start().await;
    assert_eq!(bed.run(&["migrate"]).await.code, Some(0));
    let answers = two_orders(&bed).await;
    scratch.administer(&there(block("A server of your own", 1)));
    let clock = "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')";
    let moment: String = scratch.owner("company").await.query_one(clock, &[]).await.unwrap().get(0);
    let serving = bed.serve(&[]).await;
    Client::demo(serving.gateway).order("").await;
    assert_eq!(serving.stop().await.code, Some(0));
    scratch.stop().await;
    scratch.administer(&there(block("A server of your own", 2)).replace("2026-11-30 20:15:00+00", &moment));
    scratch.start().await;
    until("it takes writes", async || {
        let owner = scratch.owner("company").await;
        !owner.query_one("select pg_is_in_recovery()", &[]).await.unwrap().get::<_, bool>(0)
    })
    .await;
    let refused = bed.run(&["migrate"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("vartai database accept"), "{refused:?}");
    bed.json(&["database", "accept", "--yes"]).await;
    assert_eq!(bed.run(&["migrate"]).await.code, Some(0));
    answers_again(&bed, &answers).await;
    assert_eq!(bed.json(&["order", "list", "demo"]).await.as_array().map(Vec::len), Some(2));
}
