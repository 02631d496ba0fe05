//! The clients to download, driven by real PHP and Python: against the gateway, and against a server that fails.

use std::{path::PathBuf, process::Stdio};

use apidoc::{
    clients,
    model::{Model, Surface},
};
use gateway_http::http::Serving;
use serde_json::{Value, json};
use testkit::TestDb;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{bed::facts, snippets::read};
use crate::{conformance, iv, iv::bed::Bed};

/// What a client is run by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    PhpStreams,
    PhpCurl,
    Python,
}

impl Kind {
    const ALL: [Self; 3] = [Self::PhpStreams, Self::PhpCurl, Self::Python];

    const fn program(self) -> &'static str {
        match self {
            Self::PhpStreams | Self::PhpCurl => "php",
            Self::Python => "python3",
        }
    }

    /// Whether the machine has it. PHP and Python are what `./test` installs; PHP's curl is an extension.
    fn is_here(self) -> bool {
        let code = if self == Self::PhpCurl { "exit(extension_loaded('curl') ? 0 : 1);" } else { "exit(0);" };
        let code = if self == Self::Python { ["-c", "pass"] } else { ["-r", code] };
        let run = std::process::Command::new(self.program()).args(code).status();
        let here = run.unwrap_or_else(|error| panic!("{} is needed: {error}", self.program())).success();
        if !here {
            eprintln!("NOT RUN: the client by PHP's extension curl, which is not on this machine");
        }
        here
    }

    fn all() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_here())
    }
}

/// A client that waits for calls.
struct Driven {
    asks: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
    _child: Child,
    _files: tempfile::TempDir,
}

impl Driven {
    /// A client of a customer's.
    fn start(kind: Kind, login: &str, base: &str, pauses: &[u32], timeout: f64) -> Self {
        let model =
            Model::of(facts(base.to_owned()), &TestDb::demo_catalogue(), &apidoc::examples::Captured::default());
        let files = tempfile::tempdir().unwrap();
        let (name, text, driver) = match kind {
            Kind::PhpStreams | Kind::PhpCurl => ("vartai_client.php", clients::php(&model), "client_driver.php"),
            Kind::Python => ("vartai_client.py", clients::python(&model), "client_driver.py"),
        };
        let client = files.path().join(name);
        std::fs::write(&client, text).unwrap();
        let mut options = json!({ "pauses": pauses, "timeout": timeout });
        match kind {
            Kind::PhpStreams => options["transport"] = "streams".into(),
            Kind::PhpCurl => options["transport"] = "curl".into(),
            Kind::Python => {}
        }
        let driver: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../tests/reference", driver].iter().collect();
        let mut child = Command::new(kind.program())
            .arg(driver)
            .arg(client)
            .args([&format!("{base}/apih.php"), &format!("{base}/json.php")])
            .args([login, &format!("{login}-key"), &format!("{login}-api"), &format!("{login}-api-password")])
            .arg(options.to_string())
            .env("no_proxy", "*")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (asks, says) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { asks, says: BufReader::new(says).lines(), _child: child, _files: files }
    }

    async fn call(&mut self, surface: Surface, command: &str, fields: &[(&str, &str)]) -> Value {
        let surface = if surface == Surface::Apih { "apih" } else { "json" };
        let fields: serde_json::Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        let ask = json!({ "surface": surface, "command": command, "fields": fields });
        self.asks.write_all(format!("{ask}\n").as_bytes()).await.unwrap();
        let said = self.says.next_line().await.unwrap();
        let said = said.unwrap_or_else(|| panic!("the client broke off at {command}"));
        serde_json::from_str(&said).unwrap()
    }
}

fn serve(bed: &Bed) -> (Serving, String) {
    let serving = bed.serve(&bed.api);
    let base = format!("http://{}", serving.address);
    (serving, base)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_both_surfaces_can_be_called() {
    for kind in Kind::all() {
        let bed = Bed::new().await.with_target().await;
        let (serving, base) = serve(&bed);
        let mut client = Driven::start(kind, "ann", &base, &[], 15.0);
        for command in gateway_http::commands::COMMANDS {
            let (name, order) = (command.spec().name, conformance::order_for(&bed.app, *command).await);
            let said = client.call(Surface::Apih, name, &conformance::good_fields(*command, &order)).await;
            assert_eq!(said["answer"]["status"], "SUCCESS", "{kind:?} {name}: {said}");
            for told in command.spec().reply {
                assert!(said["answer"].get(told.name).is_some(), "{kind:?} {name}: {said}");
            }
        }
        for command in iv_json::commands::COMMANDS {
            let (name, service) = (command.spec().name, bed.service_for(*command).await);
            let fields = iv::conformance::good_fields(*command, &service);
            let said = client.call(Surface::Json, name, &fields).await;
            // An array of PHP's does not tell whether it is a list without items or an object without fields.
            let answer = said["answer"].to_string().replace(r#""ta_params":[]"#, r#""ta_params":{}"#);
            iv::conformance::assert_shape(&serde_json::from_str(&answer).unwrap(), *command);
        }
        serving.stop().await;
        bed.app.db.verify_books().await;
    }
}

/// What a client makes of a code: its id, whether it is critical, what was charged, whether to send again.
fn meaning(said: &Value) -> String {
    let fields = ["id", "critical", "charged", "again"].map(|name| said[name].to_string());
    fields.join(" ").replace('"', "")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_from_a_code_is_told() {
    for kind in Kind::all() {
        let bed = Bed::new().await;
        let (serving, base) = serve(&bed);
        let mut client = Driven::start(kind, "poor", &base, &[], 15.0);
        let unknown = client.call(Surface::Apih, "suspendOrder", &[("orderid", "999")]).await;
        assert_eq!(meaning(&unknown["refused"]), "19 true no useless", "{kind:?}: {unknown}");
        assert!(unknown["requestid"].as_str().is_some_and(|id| id.len() > 20), "{unknown}");

        // The same requestid is the same order, and the notice comes with it.
        let fields = [("vid", "dedicated"), ("tarifid", "30"), ("period", "12"), ("requestid", "mine-1")];
        for _ in 0..2 {
            let owed = client.call(Surface::Apih, "createOrder", &fields).await;
            assert_eq!(meaning(&owed["notice"]), "31 false later no", "{kind:?}: {owed}");
        }
        assert_eq!(bed.app.db.value::<i64>("select count(*) from live.orders").await, 1);

        let server = [("id", "999"), ("width", "5000"), ("ip", "::1")];
        let service = client.call(Surface::Json, "server_graphs", &server).await;
        assert_eq!(meaning(&service["refused"]), "service true no useless", "{kind:?}: {service}");
        let count = client.call(Surface::Json, "account_credits", &[("count", "0")]).await;
        assert_eq!((meaning(&count["refused"]), &count["status"]), ("parameter true no useless".into(), &json!(400)));
        assert!(count["text"].as_str().is_some_and(|text| text.ends_with(": count")), "{count}");

        let typo = client.call(Surface::Apih, "getOrders", &[("order", "1")]).await;
        assert!(typo["wrong"].as_str().is_some_and(|text| text.contains("order")), "{kind:?}: {typo}");
        serving.stop().await;
    }
}

/// Takes a request and gives its body; what is answered is written as it stands, and the connection is closed.
async fn answer(listener: &TcpListener, said: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (_, body) = read(&mut stream).await;
    stream.write_all(said.as_bytes()).await.unwrap();
    stream.shutdown().await.ok();
    String::from_utf8(body).unwrap()
}

fn said(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// An answer in the format that a client asks for.
fn balance(kind: Kind) -> String {
    match kind {
        Kind::Python => said("200 OK", r#"{"status":"SUCCESS","orderid":"7"}"#),
        _ => said("200 OK", r#"a:2:{s:6:"status";s:7:"SUCCESS";s:7:"orderid";s:1:"7";}"#),
    }
}

fn busy(kind: Kind) -> String {
    match kind {
        Kind::Python => said("429 Too Many Requests", r#"{"status":"ERROR","errorCode":"100","errorMsg":"x"}"#),
        _ => said(
            "429 Too Many Requests",
            r#"a:3:{s:6:"status";s:5:"ERROR";s:9:"errorCode";s:3:"100";s:8:"errorMsg";s:1:"x";}"#,
        ),
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_answer_is_lost_is_sent_again_with_the_same_requestid() {
    for kind in Kind::all() {
        let (listener, base) = listen().await;
        let mut client = Driven::start(kind, "ann", &base, &[0, 0, 0, 0], 15.0);
        let whole = balance(kind);
        let lost =
            [String::new(), said("502 Bad Gateway", "no gateway"), busy(kind), whole[..whole.len() - 2].to_owned()];
        let serving = async {
            let mut bodies = Vec::new();
            for one in lost.iter().chain([&whole]) {
                bodies.push(answer(&listener, one).await);
            }
            bodies
        };
        let fields = [("tarifid", "10"), ("period", "1")];
        let (said, bodies) = tokio::join!(client.call(Surface::Apih, "createOrder", &fields), serving);
        assert_eq!(said["answer"]["orderid"], "7", "{kind:?}: {said}");
        assert!(bodies[0].contains("requestid=") && bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_requestid_is_sent_once_and_what_only_reads_again() {
    for kind in Kind::all() {
        let (listener, base) = listen().await;
        let mut client = Driven::start(kind, "ann", &base, &[0], 15.0);
        let id = [("id", "7")];
        let (said, _) = tokio::join!(client.call(Surface::Json, "server_reboot", &id), answer(&listener, ""));
        assert!(said["none"].is_string() && said["requestid"].is_null(), "{kind:?}: {said}");
        let again = async {
            answer(&listener, "").await;
            answer(&listener, &self::said("200 OK", r#"{"version":"1.0"}"#)).await
        };
        // Were the one before sent again, it would be answered here in place of this.
        let (said, body) = tokio::join!(client.call(Surface::Json, "version", &[]), again);
        assert_eq!(said["answer"]["version"], "1.0", "{kind:?}: {said}");
        assert!(body.contains("command=version"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_comes_in_time_and_no_object_is_made() {
    for kind in Kind::all() {
        let (listener, base) = listen().await;
        let mut client = Driven::start(kind, "ann", &base, &[], 0.2);
        let silent = async { listener.accept().await.unwrap() };
        let (said, _held) = tokio::join!(client.call(Surface::Apih, "getBalance", &[]), silent);
        assert!(said["none"].is_string(), "{kind:?}: {said}");
        let mut client = Driven::start(kind, "ann", &base, &[], 15.0);
        for bad in [
            r#"a:2:{s:6:"status";s:7:"SUCCESS";s:1:"x";O:8:"stdClass":0:{}}"#,
            r#"O:8:"stdClass":1:{s:6:"status";s:7:"SUCCESS";}"#,
            r#"a:1:{s:6:"status";i:1;}"#,
            "<html>",
            "",
        ] {
            let answered = self::said("200 OK", bad);
            let (said, _) = tokio::join!(client.call(Surface::Apih, "getBalance", &[]), answer(&listener, &answered));
            assert!(said["none"].is_string(), "{kind:?}: {bad}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_s_own_use_of_the_clients_works() {
    let bed = Bed::new().await;
    let (serving, base) = serve(&bed);
    let model = Model::of(facts(base), &TestDb::demo_catalogue(), &apidoc::examples::Captured::default());
    for (program, file, client, name, used) in [
        ("php", "vartai_client.php", clients::php(&model), "use.php", apidoc::page::USE_PHP),
        ("python3", "vartai_client.py", clients::python(&model), "use.py", apidoc::page::USE_PYTHON),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(file), client).unwrap();
        std::fs::write(dir.path().join(name), used).unwrap();
        let output = Command::new(program).arg(name).current_dir(&dir).env("no_proxy", "*").output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "VDS-2 9.90 EUR", "{program}: {said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(lines[lines.len() - 1].starts_with("19"), "{said}");
    }
    serving.stop().await;
}
