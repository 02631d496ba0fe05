//! Passwords of servers: told once done, to their customer, for some days, and nowhere else.

use serde_json::Value;

use super::bed::Bed;

const VDS: [(&str, &str); 4] = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];
const SECRET: &str = "cAnAry of a password";

/// Everything in the database, as text.
async fn dump(bed: &Bed) -> String {
    let tables = "select string_agg(table_schema || '.' || table_name, ' ') from information_schema.tables \
         where table_schema in ('live', 'test', 'catalogue') and table_type = 'BASE TABLE'";
    let mut all = String::new();
    for table in bed.app.db.value::<String>(tables).await.split(' ') {
        let rows = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        all += &bed.app.db.value::<String>(&rows).await;
    }
    assert!(all.contains("ann-api"), "the dump is not one");
    all
}

fn results(tasks: &Value, id: &str) -> String {
    let task = tasks.as_array().unwrap().iter().find(|task| task["ta_id"] == id).unwrap();
    assert!(!task["ta_params"].to_string().contains(SECRET), "{task}");
    task["ta_results"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_in_the_results_for_its_days_and_nowhere_else() {
    let bed = Bed::new().await;
    let id = bed.made(&VDS).await;
    let commands = [
        ("server_reset_password", vec![("id", id.as_str()), ("new_password", SECRET)]),
        ("server_recreate", vec![("id", id.as_str()), ("os", "debian-12-x86_64"), ("new_password", SECRET)]),
    ];
    for (command, fields) in commands {
        let task = bed.queued(command, &fields).await;
        let tasks = bed.done("server_tasks", &[("id", &id)]).await;
        assert!(!results(&tasks, &task).contains(SECRET), "{command}: told before it is done");
        let worker = bed.app.worker();
        bed.until_idle().await;
        worker.stop().await.unwrap();
        let tasks = bed.done("server_tasks", &[("id", &id), ("task_id", &task)]).await;
        assert!(results(&tasks, &task).contains(&format!("password: {SECRET}\n")), "{command}: {tasks}");
        assert!(!dump(&bed).await.contains(SECRET), "{command}: in clear in the database");
        for (age, told) in [(6, true), (8, false)] {
            let older = format!("update live.task set completed_at = now() - interval '{age} days' where id = {task}");
            bed.app.db.run_sql(&older).await;
            let sweep = async |tx: &mut store::Tx| store::sweep::task_secrets(tx, 7).await;
            let swept = bed.app.db.database.live.transaction("sweep", sweep).await.unwrap();
            let tasks = bed.done("server_tasks", &[("id", &id)]).await;
            assert_eq!(results(&tasks, &task).contains(SECRET), told, "{command}: after {age} days");
            assert_eq!(swept, usize::from(!told), "{command}");
        }
    }
    let others = bed.by("ben-api", "server_tasks", &[("id", &id)]).await;
    assert_eq!(others.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_one_given_a_reset_makes_a_strong_one_and_a_recreation_keeps_the_one_in_force() {
    let bed = Bed::new().await;
    let id = bed.made(&VDS).await;
    let mut told = Vec::new();
    let recreate = ("server_recreate", vec![("id", id.as_str()), ("os", "debian-12-x86_64")]);
    let reset = ("server_reset_password", vec![("id", id.as_str())]);
    for (command, fields) in [reset.clone(), recreate, reset] {
        let task = bed.queued(command, &fields).await;
        let worker = bed.app.worker();
        bed.until_idle().await;
        worker.stop().await.unwrap();
        let tasks = bed.done("server_tasks", &[("id", &id)]).await;
        let results = results(&tasks, &task);
        let password = results.lines().find_map(|line| line.strip_prefix("password: ")).unwrap().to_owned();
        assert!(password.chars().count() >= 16, "{password}");
        told.push(password);
    }
    assert_eq!(told[0], told[1], "the recreated server has another password");
    assert_ne!(told[1], told[2]);
    let dump = dump(&bed).await;
    assert!(told.iter().all(|password| !dump.contains(password)));
}
