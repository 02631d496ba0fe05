//! What is asked of servers becomes tasks: the same asked again is one, and a worker brings it about.

use super::bed::Bed;

const VDS: [(&str, &str); 4] = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];

/// A request, and another of the same command that is not equal to it.
type Pair = (&'static str, Vec<(&'static str, &'static str)>, Vec<(&'static str, &'static str)>);

fn pairs() -> Vec<Pair> {
    let debian = ("os", "debian-12-x86_64");
    vec![
        ("server_recreate", vec![debian], vec![("os", "ubuntu-24.04-x86_64")]),
        ("server_recreate", vec![debian], vec![debian, ("new_password", "another one")]),
        ("server_recreate", vec![debian, ("new_password", "same same")], vec![debian, ("new_password", "another one")]),
        ("server_recreate", vec![debian, ("new_password", "same same")], vec![debian]),
        ("server_reset_password", vec![], vec![("new_password", "another one")]),
        ("server_reset_password", vec![("new_password", "same same")], vec![("new_password", "another one")]),
        ("server_reset_password", vec![("new_password", "same same")], vec![]),
        ("server_change", vec![("cpu", "4")], vec![("cpu", "5")]),
        ("server_domain", vec![("domain", "a.example")], vec![("domain", "b.example")]),
        ("server_reboot", vec![], vec![]),
    ]
}

fn with<'a>(id: &'a str, fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().copied().chain([("id", id)]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_request_that_no_worker_has_taken_is_the_same_task() {
    let bed = Bed::new().await;
    for (command, one, other) in pairs() {
        let (server, second) = (bed.app.running_order().await, bed.app.running_order().await);
        let first = bed.queued(command, &with(&server, &one)).await;
        let before = bed
            .app
            .db
            .value::<String>(&format!(
                "select o::text || s::text from live.orders o \
             join live.server s on s.order_id = o.id where o.id = {server}"
            ))
            .await;
        assert_eq!(bed.queued(command, &with(&server, &one)).await, first, "{command} {one:?}");
        let after = bed
            .app
            .db
            .value::<String>(&format!(
                "select o::text || s::text from live.orders o \
             join live.server s on s.order_id = o.id where o.id = {server}"
            ))
            .await;
        assert_eq!(before, after, "{command} {one:?}: asked again, and something moved");
        assert_ne!(bed.queued(command, &with(&second, &one)).await, first, "{command} of another server");
        if one != other {
            let later = bed.queued(command, &with(&server, &other)).await;
            assert_ne!(later, first, "{command} {one:?} is not {other:?}");
            assert_ne!(bed.queued(command, &with(&server, &one)).await, first, "{command}: the last one wins");
        }
        let taken = bed.app.running_order().await;
        let first = bed.queued(command, &with(&taken, &one)).await;
        bed.app.db.run_sql(&format!("update live.task set assigned_at = now() where id = {first}")).await;
        assert_ne!(bed.queued(command, &with(&taken, &one)).await, first, "{command}: a worker has taken it");
    }
    bed.app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_brings_everything_about_and_the_list_tells() {
    let bed = Bed::new().await;
    for (order, is_machine) in [(&VDS[..], false), (&[("vid", "dedicated"), ("tarifid", "30"), ("period", "1")], true)]
    {
        let id = bed.made(order).await;
        let worker = bed.app.worker();
        let ubuntu = [("os", "ubuntu-24.04-x86_64"), ("new_password", "recreated-with")];
        bed.queued("server_reboot", &with(&id, &[])).await;
        bed.queued("server_recreate", &with(&id, &ubuntu)).await;
        bed.queued("server_reset_password", &with(&id, &[])).await;
        bed.queued("server_domain", &with(&id, &[("domain", "ąžuolas.example")])).await;
        if !is_machine {
            bed.queued("server_change", &with(&id, &[("cpu", "4"), ("quota", "40")])).await;
        }
        bed.until_idle().await;
        worker.stop().await.unwrap();
        let tasks = bed.done("server_tasks", &[("id", &id)]).await;
        for task in tasks.as_array().unwrap() {
            let state = format!("select state from live.task where id = {}", task["ta_id"].as_str().unwrap());
            assert_eq!(bed.app.db.value::<String>(&state).await, "succeeded", "{task}");
            assert!(task["ta_assigned"].is_string() && task["ta_completed"].is_string(), "{task}");
            assert!(!task["ta_results"].as_str().unwrap().is_empty(), "{task}");
        }
        let info = bed.done("server_info", &[("id", &id)]).await;
        if !is_machine {
            assert_eq!(info["se_plan"], "4GHz:2048MB:40GB:20Mbps");
            assert_eq!(info["se_domain"], "ąžuolas.example");
            let seen = "select cpu_ghz::text || ' ' || disk_gb::text || ' ' || image_id || ' ' || hostname \
                 from live.simulated_server where order_id = ";
            let seen = bed.app.db.value::<String>(&format!("{seen}{id}")).await;
            assert_eq!(seen, "4 40 ubuntu-24.04-x86_64 xn--uolas-2wa16f.example");
        }
    }
    bed.app.db.verify_books().await;
}
