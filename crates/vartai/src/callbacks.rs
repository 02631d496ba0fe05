//! `POST /hooks/callback/{task}`: what hooks say by themselves of work that they left under way (`docs/hooks.md`).
//!
//! It is kept where the worker that waits for it looks; that worker may be another process, and decides what comes of
//! it.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Bytes, Data, Path, PayloadConfig, ServiceConfig, post},
};
use domain::tasks::TaskId;
use gateway_http::http::exchange;
use provisioner::driver::{Callback, DriverKind, NoCallback, Signed};
use store::{
    Realm, Tx,
    tasks::{Recorded, driver_of_task, record_callback},
};

use crate::settings::Drivers;

/// The longest callback, in bytes.
const LIMIT: usize = 64 * 1024;

/// Who may call back, and where it is kept: only customers' machines have hooks.
pub struct Callbacks {
    live: Realm,
    secret_files: BTreeMap<String, Vec<PathBuf>>,
}

impl Callbacks {
    /// For the hooks that are set up.
    pub fn new(live: Realm, drivers: &Drivers) -> Self {
        let secret_files = drivers.0.iter().filter_map(|(name, driver)| match &driver.kind {
            DriverKind::Http(http) => Some((name.clone(), http.secret_files.clone())),
            DriverKind::Simulated | DriverKind::Exec(_) | DriverKind::Proxmox(_) => None,
        });
        Self { live, secret_files: secret_files.collect() }
    }

    /// The route, where there is a hook that could use it.
    pub fn routes(this: &Arc<Self>, config: &mut ServiceConfig) {
        if !this.secret_files.is_empty() {
            let data = Data::from(this.clone());
            config.app_data(data).app_data(PayloadConfig::new(LIMIT)).route("/hooks/callback/{task}", post().to(take));
        }
    }

    async fn take(&self, task: TaskId, signed: Signed<'_>, body: &Bytes) -> Result<StatusCode, store::Error> {
        // The signature first: whoever has none must not cost the database a transaction.
        let signers =
            self.secret_files.iter().filter_map(|(driver, files)| match Callback::read(task, files, signed, body) {
                Err(NoCallback::Forged) => None,
                read => Some((driver, read)),
            });
        let signers: BTreeMap<_, _> = signers.collect();
        if signers.is_empty() {
            return Ok(StatusCode::UNAUTHORIZED);
        }
        let text = String::from_utf8_lossy(body);
        let record = async |tx: &mut Tx| {
            // Whoever is not known, or is another hook, learns nothing of which tasks there are.
            let driver = driver_of_task(tx, task).await?;
            let Some(read) = driver.and_then(|driver| signers.get(&driver)) else {
                return Ok(StatusCode::UNAUTHORIZED);
            };
            let Ok(&Callback { task, fence, status }) = read.as_ref() else { return Ok(StatusCode::BAD_REQUEST) };
            Ok(match record_callback(tx, task, fence, status, &text).await? {
                Recorded::Kept => StatusCode::OK,
                Recorded::Outdated => StatusCode::CONFLICT,
            })
        };
        self.live.transaction("callback", record).await
    }
}

async fn take(request: HttpRequest, task: Path<i64>, body: Bytes, callbacks: Data<Callbacks>) -> HttpResponse {
    let answered = exchange::in_time(async move {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (id, timestamp, signatures) =
            (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
        callbacks.take(TaskId(*task), Signed { id, timestamp, signatures }, &body).await
    });
    let status = match answered.await {
        Some(Ok(status)) => status,
        Some(Err(error)) => {
            store::log_failure!(warn, error, "a hook's callback can't be kept");
            StatusCode::SERVICE_UNAVAILABLE
        }
        None => StatusCode::SERVICE_UNAVAILABLE,
    };
    exchange::respond(status, "application/json", None).body("{}\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::{App, test};
    use domain::{
        calendar::Months,
        catalogue::{TariffId, Vid},
        field::Field,
        orders::{PlaceRequest, Unpaid},
    };
    use provisioner::driver::Secrets;
    use store::{orders::place, tasks};
    use tempfile::TempDir;
    use testkit::TestDb;

    use super::*;

    /// A task under way, and a hook that knows the secret.
    struct Bed {
        db: TestDb,
        directory: TempDir,
        task: i64,
        fence: i64,
    }

    impl Bed {
        async fn new() -> Self {
            let (db, directory) = (TestDb::with_demo_catalogue().await, TempDir::new().unwrap());
            std::fs::write(directory.path().join("secret"), "a secret of both, 24 byte").unwrap();
            let buyer = db.customer("ann").credit("1000.00").add().await;
            let request = PlaceRequest {
                vid: Field::Given(Vid::Dedicated),
                tariff: Field::Given(TariffId(30)),
                period: Field::Given(Months::new(1).unwrap()),
                domain: Field::Absent,
                addons: Vec::new(),
            };
            let live = &db.database.live;
            live.transaction("order", async |tx| place(tx, &buyer, &request, Unpaid::Refuse).await).await.unwrap();
            let worker = uuid::Uuid::new_v4();
            live.transaction("claim", async |tx| tasks::claim(tx, worker).await).await.unwrap().unwrap();
            let task = db.value("select id from live.task").await;
            let fence = db.value("select fence from live.task").await;
            Self { db, directory, task, fence }
        }

        fn secret_files(&self) -> Vec<PathBuf> {
            vec![self.directory.path().join("secret")]
        }

        fn body(&self, fence: i64) -> String {
            let task = self.task;
            format!("{{\"t\":\"callback\",\"task\":\"{task}\",\"fence\":{fence},\"status\":200}}\n{RESULT}")
        }

        /// The status of what is said to a task's address, signed so long ago.
        async fn said(&self, task: i64, body: &str, ago: Duration, signature: Option<&str>) -> u16 {
            let files = BTreeMap::from([("simulated".to_owned(), self.secret_files())]);
            let callbacks = Arc::new(Callbacks { live: self.db.database.live.clone(), secret_files: files });
            let app = test::init_service(App::new().configure(|config| Callbacks::routes(&callbacks, config))).await;
            let timestamp = Signed::now() - ago.as_secs();
            let signed = Secrets::read(&self.secret_files()).unwrap().sign("call-1", timestamp, body.as_bytes());
            let request = test::TestRequest::post()
                .uri(&format!("/hooks/callback/{task}"))
                .insert_header(("webhook-id", "call-1"))
                .insert_header(("webhook-timestamp", timestamp.to_string()))
                .insert_header(("webhook-signature", signature.unwrap_or(&signed)))
                .set_payload(body.to_owned());
            test::call_service(&app, request.to_request()).await.status().as_u16()
        }
    }

    const RESULT: &str = r#"{"t":"result","node":"n1"}"#;
    const NOW: Duration = Duration::ZERO;

    #[actix_web::test]
    async fn only_what_the_hook_says_now_of_its_newest_claim_is_kept() {
        let bed = Bed::new().await;
        let (task, good) = (bed.task, bed.body(bed.fence));
        let transactions = || bed.db.value::<i64>("select count(*) from live.commit_token");
        let before = transactions().await;
        assert_eq!(bed.said(task, &good, NOW, Some("v1,AAAA")).await, 401, "forged");
        assert_eq!(bed.said(task, &good, NOW, Some("")).await, 401, "not signed");
        assert_eq!(bed.said(task, &good, Duration::from_secs(24 * 3600), None).await, 401, "replayed the next day");
        assert_eq!(transactions().await, before, "what is not signed costs no transaction");
        assert_eq!(bed.said(task + 1, &good, NOW, None).await, 401, "of a task that nobody knows");
        assert_eq!(bed.said(task, RESULT, NOW, None).await, 400, "of nothing");
        assert_eq!(bed.said(task, &bed.body(bed.fence - 1), NOW, None).await, 409, "of an older claim");
        assert_eq!(bed.said(task, &"x".repeat(LIMIT + 1), NOW, None).await, 413);
        assert_eq!(bed.db.value::<i64>("select count(*) from live.task_callback").await, 0);
        for _ in 0..2 {
            assert_eq!(bed.said(task, &good, NOW, None).await, 200);
        }
        assert_eq!(bed.db.value::<String>("select body from live.task_callback").await, good);
        assert_eq!(bed.db.value::<String>("select state from live.task").await, "running", "the worker decides");
    }
}
