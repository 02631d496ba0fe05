//! Methods that ask and don't do: over both registries, so that a new command is held to it, too.

use gateway_http::commands::COMMANDS;

use crate::{
    iv::bed::{Bed, api_on, settings},
    support::raw,
};

/// All commands of both surfaces: where, who asks, name, whether it writes.
fn commands() -> Vec<(&'static str, &'static str, &'static str, bool)> {
    let apih =
        COMMANDS.iter().map(|command| ("/apih.php", "login=ann&apikey=ann-key", command.spec().name, command.writes()));
    let json = iv_json::commands::COMMANDS.iter();
    let json = json
        .map(|command| ("/json.php", "nick=ann-api&password=ann-api-password", command.spec().name, command.writes()));
    apih.chain(json).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_is_done_by_a_method_that_only_asks() {
    let bed = Bed::new().await;
    let api = api_on(&bed.app, bed.app.db.database.clone(), settings());
    let serving = bed.serve(&api);
    for (path, caller, name, writes) in commands() {
        for (method, wanted, allowed) in [
            ("HEAD", if writes { 405 } else { 0 }, "GET, POST"),
            ("OPTIONS", 405, "GET, HEAD, POST"),
            ("PUT", 405, "GET, HEAD, POST"),
        ] {
            let head = "Host: x\r\nContent-Length: 0\r\nConnection: close";
            let request = format!("{method} {path}?command={name}&{caller} HTTP/1.1\r\n{head}\r\n\r\n");
            let answered = raw(serving.address, request.as_bytes()).await;
            if wanted == 0 {
                assert_ne!(answered.status, 405, "{method} {path} {name}");
                continue;
            }
            assert_eq!((answered.status, answered.header("allow")), (wanted, Some(allowed)), "{method} {path} {name}");
        }
    }
    let order = "command=createOrder&login=ann&apikey=ann-key&vid=vds&tarifid=10&period=1&addons=20";
    for method in ["HEAD", "OPTIONS"] {
        let request = format!("{method} /apih.php?{order} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(raw(serving.address, request.as_bytes()).await.status, 405, "{method}");
    }
    let done = "select (select count(*) from live.orders) + (select count(*) from live.task) \
                + (select count(*) from live.invoice) + (select count(*) from live.saved_answer)";
    assert_eq!(bed.app.db.value::<i64>(done).await, 0, "something was done");
    serving.stop().await;
}
