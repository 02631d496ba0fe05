//! The OpenAPI document: held against the standard, and the gateway held against it, by tools that `./test` fetches
//! from PyPI and names in `OPENAPI_TOOLS`.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use super::bed::Desk;
use crate::support::until;

/// The same calls in every run.
const SEED: &str = "20261122";
/// How many calls are made up for each operation in each phase.
const EXAMPLES: &str = "12";

/// A program of the tools; it says so where they are not there.
fn tool(name: &str) -> Option<PathBuf> {
    let Some(tools) = std::env::var_os("OPENAPI_TOOLS") else {
        eprintln!("NOT RUN: {name}; OPENAPI_TOOLS names no directory (./test fetches the tools from PyPI)");
        return None;
    };
    Some(PathBuf::from(tools).join("bin").join(name))
}

fn beside(name: &str) -> String {
    format!("{}/../../tests/reference/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs a tool; the test fails, with what it said, when it does.
async fn run(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_valid_and_so_are_its_examples() {
    let Some(python) = tool("python") else { return };
    let desk = Desk::unwritten().await;
    let document = apidoc::openapi::document(&desk.model().await);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, document).unwrap();
    let mut command = Command::new(python);
    command.arg(beside("openapi_valid.py")).arg(file.path());
    let said = run(command).await;
    assert!(said.contains(" 0 wrong") && !said.contains(" 0 examples"), "{said}");
    desk.serving.stop().await;
}

/// Two servers and a web hosting of test access, running.
async fn orders(desk: &Desk) -> String {
    let server = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];
    let hosting = [("tarifid", "1"), ("period", "1"), ("domain", "one.example")];
    let mut ids = Vec::new();
    for fields in [server.as_slice(), &server, &hosting] {
        let placed: Value = desk.app.by("test", "createOrder", fields).await;
        ids.push(placed["orderid"].as_str().unwrap().to_owned());
    }
    let left = "select count(*) from test.task where completed_at is null";
    until("the orders run", async || desk.app.db.value::<i64>(left).await == 0).await;
    ids.join(",")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_that_can_be_made_up_is_answered_outside_the_document() {
    let Some(schemathesis) = tool("schemathesis") else { return };
    let desk = Desk::new().await;
    let worker = desk.app.worker();
    let orders = orders(&desk).await;
    let mut command = Command::new(schemathesis);
    command
        .args(["run", &format!("http://{}/apidoc/openapi.json", desk.serving.address)])
        // Refusals of /apih.php come with HTTP 200, so a status does not tell what was accepted.
        .args(["--checks", "all", "--exclude-checks", "negative_data_rejection,positive_data_acceptance"])
        .args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", SEED])
        .args(["--workers", "1", "--request-timeout", "15", "--continue-on-failure", "--no-color"])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .env("SCHEMATHESIS_HOOKS", beside("openapi_hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("KNOWN_ORDERS", orders)
        .env("no_proxy", "*")
        .current_dir(std::env::temp_dir());
    let said = run(command).await;
    println!("schemathesis, seed {SEED}:\n{said}");
    let done = said.split(" commands done").next().and_then(|before| before.rsplit(' ').next()?.parse::<usize>().ok());
    let commands = gateway_http::commands::COMMANDS.len() + iv_json::commands::COMMANDS.len();
    assert!(done.is_some_and(|done| done * 2 > commands), "most commands were never done: {said}");
    worker.stop().await.unwrap();
    desk.serving.stop().await;
    desk.app.db.verify_books().await;
}
