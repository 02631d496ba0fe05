//! The programs that the page shows: run in the languages that are on the machine, against what records their requests,
//! and the first of them against the gateway itself.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Command, Output},
};

use actix_web::http::Method;
use apidoc::{
    model::{Exchange, Surface},
    snippets::{Tongue, program},
};
use gateway_http::request::decode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{bed::Desk, rust_program};

type Sent = BTreeMap<String, String>;

/// How a language's programs are run: its program, what comes before the file, and the file's name. Rust's are compiled
/// with this test (`rust_program.rs`).
fn runner(tongue: Tongue) -> Option<(&'static str, &'static [&'static str], &'static str)> {
    match tongue {
        Tongue::Curl => Some(("sh", &[], "call.sh")),
        Tongue::Php => Some(("php", &[], "call.php")),
        Tongue::Python => Some(("python3", &[], "call.py")),
        Tongue::Go => Some(("go", &["run"], "call.go")),
        Tongue::Ruby => Some(("ruby", &[], "call.rb")),
        Tongue::JavaScript => Some(("node", &[], "call.mjs")),
        Tongue::Rust => None,
    }
}

/// Whether the machine has the language. The first three are what `./test` installs.
fn is_here(tongue: Tongue) -> bool {
    let Some((program, _, _)) = runner(tongue) else { return false };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let needed = matches!(tongue, Tongue::Curl | Tongue::Php);
    assert!(here || !needed, "{program} is needed: ./test installs it");
    if !here {
        eprintln!("NOT RUN: the page's programs in {}, which is not on this machine", tongue.name());
    }
    here
}

async fn run(tongue: Tongue, text: String) -> String {
    let (program, before, file) = runner(tongue).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file: PathBuf = dir.path().join(file);
    std::fs::write(&file, &text).unwrap();
    let mut command = Command::new(program);
    command
        .args(before)
        .arg(&file)
        .env("GOCACHE", dir.path().join("cache"))
        .env("no_proxy", "*")
        .env_remove("http_proxy");
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(status.success(), "{}: {}\n{text}", tongue.name(), String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Takes one request, answers it, and tells its path and fields.
async fn record(listener: &TcpListener, answer: &[u8]) -> (String, Sent) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (head, body) = read(&mut stream).await;
    let length = answer.len();
    let said =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n");
    stream.write_all(said.as_bytes()).await.unwrap();
    stream.write_all(answer).await.unwrap();
    stream.shutdown().await.ok();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    assert!(head.starts_with("POST "), "{head}");
    let content_type = header(&head, "content-type");
    let fields = decode(&Method::POST, b"", content_type.as_deref(), body.into()).await;
    (path, fields.given().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

pub async fn read(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length: usize = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return (head, bytes[end + 4..].to_vec());
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "the client hung up");
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let found = head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)));
    found.map(|(_, value)| value.to_owned())
}

/// The fields that a program in a language must send.
fn wanted(tongue: Tongue, exchange: &Exchange) -> Sent {
    let mut fields: Sent = exchange.fields.iter().cloned().collect();
    if exchange.surface == Surface::Apih && tongue != Tongue::Php {
        fields.insert("json".to_owned(), "1".to_owned());
    }
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn every_program_sends_exactly_the_call_that_was_made_and_reads_its_answer() {
    let desk = Desk::unwritten().await;
    let model = desk.model().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    for tongue in Tongue::ALL.into_iter().filter(|tongue| is_here(*tongue)) {
        for command in &model.commands {
            let exchange = command.example.as_ref().unwrap();
            let in_php = tongue == Tongue::Php && exchange.surface == Surface::Apih;
            let answer = if in_php { exchange.php.clone().unwrap() } else { exchange.json.clone() };
            let running = run(tongue, program(tongue, &url, exchange));
            let (said, (path, sent)) = tokio::join!(running, record(&listener, answer.as_bytes()));
            assert_eq!(path, exchange.surface.path(), "{} in {}", command.name, tongue.name());
            assert_eq!(sent, wanted(tongue, exchange), "{} in {}", command.name, tongue.name());
            assert!(!said.trim().is_empty(), "{} in {} says nothing", command.name, tongue.name());
            if exchange.surface == Surface::Apih {
                assert!(said.contains("SUCCESS"), "{} in {}: {said}", command.name, tongue.name());
            }
        }
    }
    desk.serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_answers_the_programs() {
    let desk = Desk::unwritten().await;
    let model = desk.model().await;
    let url = format!("http://{}", desk.serving.address);
    for tongue in Tongue::ALL.into_iter().filter(|tongue| is_here(*tongue)) {
        for name in ["getBalance", "createOrder"] {
            let exchange = model.command(name).unwrap().example.as_ref().unwrap();
            let said = run(tongue, program(tongue, &url, exchange)).await;
            assert!(said.contains("SUCCESS") && said.contains("1000.00"), "{name} in {}: {said}", tongue.name());
        }
    }
    // One requestid, one order, whatever the language.
    assert_eq!(desk.app.db.value::<i64>("select count(*) from test.orders").await, 1);
    desk.serving.stop().await;
}

#[test]
fn the_program_in_rust_is_the_one_that_is_compiled() {
    let fields = [("command", "getBalance"), ("login", "test"), ("pass", "test")];
    let exchange = Exchange {
        surface: Surface::Apih,
        fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        status: 200,
        php: None,
        json: String::new(),
    };
    let base = rust_program::URL.strip_suffix("/apih.php").unwrap();
    assert_eq!(program(Tongue::Rust, base, &exchange), rust_program::TEXT.trim_end());
}
