//! Real clients: PHP with unserialize(), and curl.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{App, until};

/// Runs a program; the test fails, with what it said, when it can't be run or fails.
async fn run(program: &'static str, arguments: Vec<String>) -> String {
    let output = tokio::task::spawn_blocking(move || Command::new(program).args(arguments).output()).await.unwrap();
    let Output { status, stdout, stderr } =
        output.unwrap_or_else(|error| panic!("{program} can't be run ({error}): ./test installs it"));
    assert!(status.success(), "{program}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_php_script_creates_renews_suspends_resumes_restarts_reinstalls_and_lists() {
    let app = App::new().await;
    let (serving, worker) = (app.serve(), app.worker());
    let url = format!("http://{}/apih.php", serving.address);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/php/client.php");
    let said = run("php", [script, &url, "ann", "ann-key"].map(str::to_owned).to_vec()).await;
    let order = said.trim_end().rsplit("done ").next().unwrap().to_owned();
    until("its tasks have ended", async || {
        app.db.value::<i64>("select count(*) from live.task where state <> 'succeeded'").await == 0
    })
    .await;
    let tasks = format!("select string_agg(operation, ' ' order by id) from live.task where order_id = {order}");
    let wanted = "server_create server_suspend server_unsuspend server_reboot server_recreate";
    assert_eq!(app.db.value::<String>(&tasks).await, wanted);
    worker.stop().await.unwrap();
    serving.stop().await;
    app.db.verify_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_goes_through_the_same_life_by_get_post_and_multipart() {
    let app = App::new().await;
    let (serving, worker) = (app.serve(), app.worker());
    let url = format!("http://{}/apih.php", serving.address);
    let curl = async |how: &str, command: &str, fields: &[(&str, &str)]| -> Value {
        let mut arguments = vec!["-fsS".to_owned(), "--max-time".into(), "10".into()];
        if how == "-G" {
            arguments.push("-G".into());
        }
        let common = [("command", command), ("login", "ann"), ("apikey", "ann-key"), ("json", "1")];
        for (name, value) in common.iter().chain(fields) {
            let option = if how == "-F" { "--form-string" } else { "--data-urlencode" };
            arguments.extend([option.to_owned(), format!("{name}={value}")]);
        }
        arguments.push(url.clone());
        serde_json::from_str(&run("curl", arguments).await).unwrap()
    };
    let placed =
        curl("-F", "createOrder", &[("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "21")]).await;
    assert_eq!(placed["cost"], "14.90", "{placed}");
    let order = placed["orderid"].as_str().unwrap();
    let status = async || curl("-G", "getOrders", &[("orderid", order)]).await["orders"][0]["status"].clone();
    until("the order runs", async || status().await == "1").await;
    for (how, command) in [
        ("-d", "renewOrder"),
        ("-G", "suspendOrder"),
        ("-F", "unSuspendOrder"),
        ("-d", "restartOrder"),
        ("-G", "reinstallOrder"),
    ] {
        let answer = curl(how, command, &[("orderid", order), ("period", "1")]).await;
        assert_eq!(answer["status"], "SUCCESS", "{command}: {answer}");
        assert_eq!(answer.get("errorCode"), None, "{command}: {answer}");
    }
    assert_eq!(status().await, "1");
    worker.stop().await.unwrap();
    serving.stop().await;
    app.db.verify_books().await;
}
