//! The program's own log, as talkative as it can be made, and PostgreSQL's: no password and no key in either.

use super::{
    bed::Bed,
    client::{Client, get, post},
    process::Running,
};
use crate::support::{code, raw};

/// What a secret in these tests looks like, so that it is found wherever it comes out.
const CANARY: &str = "cAnAry";

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_at_any_level() {
    let mut bed = Bed::new().with("LOG__LEVEL", "trace");
    let mut logs = bed.run(&["demo", "load"]).await.stderr;
    let added = bed.run_with_stdin(&["customer", "add", "cara", "--password-stdin"], "cAnAry-password\n").await;
    assert_eq!(added.code, Some(0));
    let issued = bed.run(&["key", "issue", "cara", "--json"]).await;
    let key = issued.json()["key"].as_str().unwrap().to_owned();
    logs += &(added.stderr + &issued.stderr);
    logs += &bed.run(&["balance", "deposit", "cara", "500"]).await.stderr;
    let mut secrets = vec![CANARY.to_owned(), key.clone(), "demo-key".to_owned(), "demo-password".to_owned()];
    for format in ["text", "json"] {
        bed.set("LOG__FORMAT", format);
        let serving = bed.serve(&["--with-worker"]).await;
        secrets.extend(requests(&serving, &key).await);
        let stopped = serving.stop().await;
        assert_eq!(stopped.code, Some(0));
        assert!(stopped.stderr.contains("TRACE"), "{format}: nothing was traced");
        if format == "json" {
            let no_json = stopped.stderr.lines().find(|line| serde_json::from_str::<serde_json::Value>(line).is_err());
            assert_eq!(no_json, None);
        }
        logs += &(stopped.stdout.replace("demo-key", "").replace("demo-password", "") + &stopped.stderr);
    }
    let file = std::fs::read_to_string(bed.data_dir().join("keys")).unwrap();
    secrets.push(file.lines().last().unwrap().split_once(' ').unwrap().1.to_owned());
    assert!(secrets.len() > 6, "no server was ordered");
    let server_log = std::fs::read_to_string(bed.data_dir().join("postgres.log")).unwrap();
    assert!(server_log.contains("database system is ready"));
    for (place, text) in [("the log", &logs), ("PostgreSQL's log", &server_log)] {
        for secret in &secrets {
            // As text, and as bytes are printed.
            for form in [secret.clone(), format!("{:?}", secret.as_bytes()).trim_matches(['[', ']']).to_owned()] {
                let at =
                    text.find(&form).map(|at| text[at.saturating_sub(300)..].chars().take(600).collect::<String>());
                assert_eq!(at, None, "{secret} in {place}");
            }
        }
    }
}

/// Requests that end in every way there is. The passwords of the servers that were ordered.
async fn requests(serving: &Running, key: &str) -> Vec<String> {
    let address = serving.gateway;
    let mut passwords = Vec::new();
    for secret in [format!("apikey={key}"), format!("pass={CANARY}-password")] {
        let cara = Client::new(address, "cara", &secret);
        assert_eq!(cara.code().await, None);
        let form = format!("command=createOrder&login=cara&{secret}&vid=vds&tarifid=10&period=1&addons=20&json=1");
        let by_post = post(address, "/apih.php", &format!("{form}&requestid={}", passwords.len())).await;
        let by_get = get(address, &format!("/apih.php?{form}")).await;
        for placed in [by_post, by_get] {
            let placed: serde_json::Value = serde_json::from_slice(&placed.body).unwrap();
            assert_eq!(code(&placed), None, "{placed}");
            passwords.push(placed["serverpassword"].as_str().unwrap().to_owned());
        }
        cara.processed(&passwords_order(&cara).await).await;
    }
    let mut targets: Vec<String> = ["cara", "demo", "nobody", "fenced", "noapi", "test", "a%00b", "%ff", ""]
        .iter()
        .flat_map(|login| ["apikey", "pass"].map(|field| format!("command=getBalance&login={login}&{field}={CANARY}1")))
        .collect();
    targets.push(format!("command={CANARY}2&login=cara&apikey={key}&orderid={CANARY}3&pass="));
    targets.push(format!("command=getBalance&login=cara&apikey={key}&pass={CANARY}4"));
    targets
        .push(format!("command=createOrder&login=cara&apikey={key}&domain=%ff&period={CANARY}5&requestid={CANARY}!"));
    // Enough wrong passwords for code 100.
    targets.extend((0..25).map(|n| format!("command=getBalance&login=demo&pass={CANARY}-wrong-{n}")));
    for target in &targets {
        for path in ["/apih.php", "/json.php", "/nowhere"] {
            get(address, &format!("{path}?{target}")).await;
            post(address, path, target).await;
        }
    }
    // What is no HTTP at all may be quoted by whoever can't read it.
    for target in targets.iter().take(1) {
        for broken in [
            format!("GET /apih.php?{target} HTTP/9.9\r\n\r\n"),
            format!("GET /apih.php?{target}\r\n\r\n"),
            format!("BREW /apih.php?{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            format!("GET /apih.php?{target} HTTP/1.1\r\nHost: x\r\nbad header {CANARY}\r\n\r\n"),
        ] {
            let connection = raw_until_closed(address, broken.as_bytes()).await;
            assert!(!connection.contains(CANARY), "{connection}");
        }
    }
    passwords
}

/// The newest order.
async fn passwords_order(of: &Client) -> String {
    let listed = of.call("getOrders", "").await;
    listed["orders"].as_array().unwrap().last().unwrap()["orderid"].as_str().unwrap().to_owned()
}

/// Sends what may be no HTTP, and reads what comes back.
async fn raw_until_closed(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let response = raw(address, bytes).await;
    response.head + &String::from_utf8_lossy(&response.body)
}
