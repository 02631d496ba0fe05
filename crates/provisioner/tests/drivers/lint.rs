//! `vartai hook lint` against a hook that keeps the protocol, and against ones that each break it in one way.

use std::time::Duration;

use domain::{orders::OrderId, tasks::Operation};
use futures_util::future::join_all;
use provisioner::lint::{Finding, Scratch, lint};

use crate::bed::{Place, exec_settings};

fn scratch() -> Scratch {
    Scratch {
        server: OrderId(999),
        image: "debian-12-x86_64".into(),
        hostname: "lint.example.com".into(),
        operations: Operation::ALL.into(),
        slow: Duration::from_secs(60),
        timeout: Duration::from_secs(120),
    }
}

async fn found(place: &Place, sabotage: &str, scratch: &Scratch) -> Vec<Finding> {
    lint(&exec_settings(place.good_hook(sabotage)), scratch).await
}

/// What is wrong, each with where it was found.
fn wrong(findings: &[Finding]) -> Vec<String> {
    findings.iter().flat_map(|f| f.wrong.iter().map(move |wrong| format!("{}: {wrong}", f.what))).collect()
}

#[tokio::test]
async fn a_good_hook_has_nothing_wrong_and_leaves_nothing() {
    let place = Place::new();
    let findings = found(&place, "", &scratch()).await;
    assert_eq!(wrong(&findings), Vec::<String>::new());
    for operation in Operation::ALL {
        assert!(findings.iter().any(|finding| finding.what == operation.short_name()), "{operation}");
    }
    assert!(!place.read("999.json").contains("generation"), "it is gone");
}

/// Each is looked for among the operations that it has to do with: a hook is made and removed for each.
#[tokio::test]
async fn each_sabotage_is_found() {
    let cases: [(&str, &[Operation], &str); 12] = [
        ("twice", &[], "create: asked again it does it again"),
        ("small", &[], "create: observe says otherwise: the machine's size is not what it is to be"),
        (
            "small",
            &[Operation::Reinstall],
            "recreate: observe says otherwise: the machine's size is not what it is to be",
        ),
        ("nameless", &[], "create: observe says otherwise: the machine's hostname is not what it is to be"),
        ("liar", &[Operation::Suspend], "suspend: observe says otherwise: the machine is running"),
        ("fence", &[], "fence: a task with an older fence is not refused with code 79: it says that it is done"),
        ("destroys-once", &[], "missing: removing what is not there fails: the hook failed (code 1)"),
        ("blind", &[Operation::Restart], "reboot: observe does not show it: restart"),
        ("negative", &[], "usage: there are no counters to read"),
        ("leaks", &[], "create: it writes the password into its log"),
        ("mute", &[], "create: the hook told no result"),
        ("without-reboot", &[Operation::Restart], "probe: it does not know reboot"),
    ];
    let found = cases.map(async |(sabotage, operations, wanted)| {
        let place = Place::new();
        let scratch = Scratch { operations: operations.to_vec(), ..scratch() };
        let wrong = wrong(&found(&place, sabotage, &scratch).await);
        assert!(wrong.iter().any(|wrong| wrong == wanted), "{sabotage}: {wrong:?}");
    });
    join_all(found).await;
}

#[tokio::test]
async fn what_is_slow_is_told_with_its_time() {
    let place = Place::new();
    let hurried = Scratch { slow: Duration::from_millis(900), operations: Vec::new(), ..scratch() };
    let wrong = wrong(&found(&place, "slow", &hurried).await);
    assert!(wrong.iter().any(|wrong| wrong.starts_with("create: it is slow: ")), "{wrong:?}");
}

#[tokio::test]
async fn a_machine_that_is_there_is_not_touched() {
    let place = Place::new();
    std::fs::write(
        place.path("999.json"),
        r#"{"generation": 3, "running": true, "boot": 7, "size": null, "hostname": null, "password_version": 1}"#,
    )
    .unwrap();
    let before = place.read("999.json");
    let wrong = wrong(&found(&place, "", &scratch()).await);
    assert_eq!(wrong, ["observe: there is a machine of this server's number: choose another"]);
    assert_eq!(place.read("999.json"), before);
}

#[tokio::test]
async fn a_hook_that_can_not_be_trusted_is_not_run() {
    let place = Place::new();
    let findings = lint(&exec_settings(place.path("nothing")), &scratch()).await;
    assert_eq!(findings.len(), 1);
    assert!(wrong(&findings)[0].contains("is not there"), "{findings:?}");
}
