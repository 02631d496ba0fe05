//! What only the http driver can get wrong.

use std::{path::PathBuf, time::Duration};

use domain::tasks::Operation;
use provisioner::driver::{
    Class, Driver, DriverKind, DriverSettings, EndpointSettings, HttpDriver, HttpSettings, Observed, Outcome, Timeouts,
};
use store::tasks::{ClaimedTask, Recorded, record_callback};
use testkit::TestDb;
use tokio::time::Instant;

use crate::{
    bed::{ctx, going_on, task, unhurried},
    hook_service::{Canned, HANDLE, Service, nowhere, raw},
};

/// A service, and a realm that its callbacks come in at.
pub struct Bed {
    pub service: Service,
    db: TestDb,
}

impl Bed {
    pub async fn new() -> Self {
        Self { service: Service::new(), db: TestDb::with_demo_catalogue().await }
    }

    pub fn driver(&self) -> HttpDriver {
        self.driver_at(&self.service.url, &[])
    }

    fn driver_at(&self, url: &str, networks: &[&str]) -> HttpDriver {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        self.driver_with(
            EndpointSettings { url: url.to_owned(), networks, ca_file: None },
            &[self.service.place.path("secret")],
        )
    }

    fn driver_of(&self, secret_files: &[PathBuf]) -> HttpDriver {
        let endpoint = EndpointSettings { url: self.service.url.clone(), networks: Vec::new(), ca_file: None };
        self.driver_with(endpoint, secret_files)
    }

    fn driver_with(&self, endpoint: EndpointSettings, secret_files: &[PathBuf]) -> HttpDriver {
        let http = HttpSettings { endpoint, secret_files: secret_files.to_vec() };
        let settings = DriverSettings {
            operations: Operation::ALL.into(),
            timeouts: Timeouts::default(),
            kind: DriverKind::Http(http.clone()),
        };
        HttpDriver::new(&settings, &http).of_realm(self.db.database.live.clone())
    }

    /// What comes of an operation whose first answer is this.
    async fn answered(&self, operation: Operation, canned: Canned) -> Outcome {
        self.service.next(canned);
        let (ctx, _lines) = unhurried();
        self.driver().execute(&task(operation), &ctx).await
    }

    /// Makes the task one that the queue knows, of an order with a driver.
    async fn queued(&self, task: &ClaimedTask, fence: i64) {
        let buyer = self.db.customer("ann").credit("1000.00").add().await;
        crate::conformance::subjects::order(&self.db, &buyer).await;
        let id = task.lease.id.0;
        let insert = format!(
            "insert into live.task (id, order_id, operation, state, fence, lease_owner, lease_until) \
             overriding system value select {id}, max(id), 'server_create', 'running', {fence}, gen_random_uuid(), \
             now() + interval '1 hour' from live.orders"
        );
        self.db.run_sql("update live.task set state = 'cancelled', completed_at = now()").await;
        self.db.run_sql(&insert).await;
    }

    async fn called_back(&self, task: &ClaimedTask, fence: i64, status: u16, body: &str) -> Recorded {
        let record = async |tx: &mut store::Tx| record_callback(tx, task.lease.id, fence, status, body).await;
        self.db.database.live.transaction("callback", record).await.unwrap()
    }
}

fn canned(status: u16) -> Canned {
    Canned { status, ..Canned::default() }
}

#[tokio::test]
async fn statuses_say_what_exit_codes_do() {
    let bed = Bed::new().await;
    let class = |outcome: &Outcome| match outcome {
        Outcome::Retry { class, .. } => Some(("retry", *class)),
        Outcome::Fail { class, .. } => Some(("fail", *class)),
        Outcome::Unknown { class, .. } => Some(("unknown", *class)),
        Outcome::Done { .. } | Outcome::Pending { .. } => None,
    };
    for (status, wanted) in [
        (409, ("retry", Class::Unavailable)),
        (425, ("retry", Class::Unavailable)),
        (503, ("retry", Class::Unavailable)),
        (412, ("retry", Class::Fenced)),
        (401, ("retry", Class::Configuration)),
        (302, ("retry", Class::Configuration)),
        (410, ("fail", Class::Missing)),
        (404, ("retry", Class::Configuration)),
        (405, ("retry", Class::Configuration)),
        (424, ("retry", Class::Guest)),
        (422, ("fail", Class::Refused)),
        (200, ("fail", Class::Protocol)),
        (202, ("fail", Class::Protocol)),
        (500, ("unknown", Class::Internal)),
        (502, ("unknown", Class::Internal)),
    ] {
        let outcome = bed.answered(Operation::Suspend, canned(status)).await;
        assert_eq!(class(&outcome), Some(wanted), "{status}: {outcome:?}");
    }
    let gone = bed.answered(Operation::Destroy, canned(410)).await;
    assert!(matches!(gone, Outcome::Done { .. }), "{gone:?}");
}

#[tokio::test]
async fn who_asks_to_be_left_alone_is_for_ten_minutes_at_most() {
    let bed = Bed::new().await;
    for (asked, left) in [("86400", Some(600)), ("7", Some(7)), ("soon", None)] {
        let headers = vec![("retry-after", asked)];
        let outcome = bed.answered(Operation::Suspend, Canned { headers, ..canned(429) }).await;
        let Outcome::Retry { after, class: Class::Unavailable, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(after, left.map(Duration::from_secs), "{asked}");
    }
}

#[tokio::test]
async fn nobody_is_sent_elsewhere() {
    let bed = Bed::new().await;
    let other = Service::new();
    let location: &'static str = Box::leak(format!("{}/create", other.url).into_boxed_str());
    for status in [301, 302, 303, 307, 308] {
        let outcome =
            bed.answered(Operation::Create, Canned { headers: vec![("location", location)], ..canned(status) });
        let outcome = outcome.await;
        assert!(matches!(outcome, Outcome::Retry { class: Class::Configuration, .. }), "{outcome:?}");
    }
    assert_eq!(other.asked(""), 0);
}

#[tokio::test]
async fn what_was_not_sent_is_tried_again_and_what_was_is_looked_at() {
    let bed = Bed::new().await;
    let (unhurried, _lines) = unhurried();
    let (task, dead) = (task(Operation::Create), bed.driver_at(&nowhere(), &[]));
    let outcome = dead.execute(&task, &unhurried).await;
    assert!(matches!(outcome, Outcome::Retry { class: Class::Unavailable, .. }), "{outcome:?}");
    assert!(matches!(dead.observe(&task, &unhurried).await, Observed::Unavailable(_)));

    let (hurried, _lines) = ctx(Duration::from_millis(300));
    let silent = bed.driver_at(&raw(Vec::new()), &[]);
    let outcome = silent.execute(&task, &hurried).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");

    let cut =
        bed.driver_at(&raw(vec![(Duration::ZERO, b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{".to_vec())]), &[]);
    let (hurried, _lines) = ctx(Duration::from_millis(300));
    assert!(matches!(cut.execute(&task, &hurried).await, Outcome::Unknown { .. }));
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    let bed = Bed::new().await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 2000000000\r\n\r\n".to_vec();
    let mut pieces = vec![(Duration::ZERO, head)];
    pieces.extend((0..32).map(|_| (Duration::ZERO, vec![b' '; 64 * 1024])));
    let (ctx, _lines) = unhurried();
    let outcome = bed.driver_at(&raw(pieces), &[]).execute(&task(Operation::Create), &ctx).await;
    let Outcome::Unknown { why, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(why.contains("no end"), "{why}");
}

#[tokio::test]
async fn who_answers_byte_by_byte_is_cut_at_the_deadline() {
    let bed = Bed::new().await;
    let mut pieces = vec![(Duration::ZERO, b"HTTP/1.1 200 OK\r\n".to_vec())];
    pieces.extend((0..1000).map(|_| (Duration::from_millis(20), b"a: b\r\n".to_vec())));
    let (ctx, _lines) = ctx(Duration::from_millis(500));
    let begun = Instant::now();
    let outcome = bed.driver_at(&raw(pieces), &[]).execute(&task(Operation::Create), &ctx).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_endpoint_that_is_dead_takes_no_time() {
    let bed = Bed::new().await;
    let silent = bed.driver_at(&raw(Vec::new()), &[]);
    let suspend = task(Operation::Suspend);
    for _ in 0..3 {
        let (hurried, _lines) = ctx(Duration::from_millis(50));
        assert!(matches!(silent.execute(&suspend, &hurried).await, Outcome::Unknown { .. }));
    }
    let (ctx, _lines) = unhurried();
    let outcome = silent.execute(&suspend, &ctx).await;
    let Outcome::Retry { after: Some(after), class: Class::Unavailable, .. } = outcome else { panic!("{outcome:?}") };
    assert!(after <= Duration::from_secs(5));
}

#[tokio::test]
async fn nothing_outside_of_its_networks_is_asked() {
    let bed = Bed::new().await;
    let (ctx, _lines) = unhurried();
    let by_name = bed.service.url.replace("127.0.0.1", "localhost");
    for (url, networks) in [
        ("http://169.254.169.254/latest", &[][..]),
        ("http://[::ffff:169.254.169.254]/latest", &[]),
        (bed.service.url.as_str(), &["10.0.0.0/8"]),
        (by_name.as_str(), &["10.0.0.0/8"]),
        ("ftp://127.0.0.1/", &[]),
        ("http://user:pass@127.0.0.1/", &[]),
    ] {
        let outcome = bed.driver_at(url, networks).execute(&task(Operation::Create), &ctx).await;
        assert!(matches!(outcome, Outcome::Retry { .. }), "{url}: {outcome:?}");
    }
    assert_eq!(bed.service.asked(""), 0);
    let allowed = bed.driver_at(&bed.service.url, &["127.0.0.0/8"]);
    assert!(matches!(allowed.execute(&task(Operation::Create), &ctx).await, Outcome::Done { .. }));
}

#[tokio::test]
async fn a_wrong_secret_or_none_is_for_staff_to_mend() {
    let bed = Bed::new().await;
    let (ctx, _lines) = unhurried();
    let driver = bed.driver_of(&[bed.service.place.path("other")]);
    for secret in [Some("someone else's, 24 bytes!"), Some("short"), None] {
        let file = bed.service.place.path("other");
        match secret {
            Some(secret) => std::fs::write(file, secret).unwrap(),
            None => std::fs::remove_file(file).unwrap(),
        }
        let outcome = driver.execute(&task(Operation::Create), &ctx).await;
        assert!(matches!(outcome, Outcome::Retry { class: Class::Configuration, .. }), "{outcome:?}");
    }
    assert_eq!(bed.service.asked("create"), 1, "without a secret nothing is asked");
    // While it changes, both sides know both.
    std::fs::write(bed.service.place.path("other"), "someone else's, 24 bytes!").unwrap();
    let both = bed.driver_of(&[bed.service.place.path("other"), bed.service.place.path("secret")]);
    assert!(matches!(both.execute(&task(Operation::Create), &ctx).await, Outcome::Done { .. }));
}

#[tokio::test]
async fn what_is_left_under_way_is_asked_after_by_whoever_has_the_task() {
    let bed = Bed::new().await;
    bed.service.script().later = Some(2);
    let (driver, create) = (bed.driver(), task(Operation::Create));
    let mut under_way = None;
    let outcome = loop {
        let (ctx, _lines) = going_on(Duration::from_secs(60), under_way.take());
        match driver.execute(&create, &ctx).await {
            Outcome::Pending { handle, .. } => under_way = Some(handle),
            outcome => break outcome,
        }
    };
    assert_eq!(outcome, Outcome::Done { node: "file-1".into() });
    assert_eq!(bed.service.asked("POST /hook/create"), 1, "it is begun once");
    assert_eq!(bed.service.asked("GET /hook/tasks/1042?handle=job%207%2F%C3%A4"), 3);
}

#[tokio::test]
async fn work_that_the_hook_has_forgotten_is_looked_at() {
    let bed = Bed::new().await;
    let create = task(Operation::Create);
    bed.service.next(Canned { body: HANDLE.into(), ..canned(202) });
    let (ctx, _lines) = unhurried();
    let Outcome::Pending { handle, .. } = bed.driver().execute(&create, &ctx).await else { panic!("it is under way") };
    // Neither silence nor a failure says that it is not under way any more.
    for status in [500, 503] {
        bed.service.next(canned(status));
        let (ctx, _lines) = going_on(Duration::from_secs(60), Some(handle.clone()));
        assert!(matches!(bed.driver().execute(&create, &ctx).await, Outcome::Pending { .. }), "{status}");
    }
    let (ctx, _lines) = going_on(Duration::from_secs(60), Some(handle));
    assert!(matches!(bed.driver().execute(&create, &ctx).await, Outcome::Unknown { .. }));
}

#[tokio::test]
async fn a_callback_ends_the_waiting_also_when_it_came_first() {
    let bed = Bed::new().await;
    let create = task(Operation::Create);
    let fence = create.lease.fence;
    bed.queued(&create, fence).await;
    let result = r#"{"t":"result","task":"1042","node":"n7"}"#;
    assert_eq!(bed.called_back(&create, fence - 1, 200, result).await, Recorded::Outdated);
    assert_eq!(bed.called_back(&create, fence + 1, 200, result).await, Recorded::Outdated);
    // Before the handle is known.
    assert_eq!(bed.called_back(&create, fence, 200, result).await, Recorded::Kept);
    assert_eq!(bed.called_back(&create, fence, 500, "").await, Recorded::Kept, "the first word counts");
    bed.service.next(Canned { body: HANDLE.replace('0', "60"), ..canned(202) });
    let (ctx, _lines) = unhurried();
    let Outcome::Pending { handle, .. } = bed.driver().execute(&create, &ctx).await else { panic!("it is under way") };
    let (ctx, _lines) = going_on(Duration::from_secs(60), Some(handle));
    assert_eq!(bed.driver().execute(&create, &ctx).await, Outcome::Done { node: "n7".into() });
    assert_eq!(bed.service.asked("GET"), 0);
}

#[tokio::test]
async fn a_late_callback_is_kept_and_moves_nothing() {
    let bed = Bed::new().await;
    let create = task(Operation::Create);
    bed.queued(&create, 1042).await;
    let over = "update live.task set state = 'failed', completed_at = now(), lease_owner = null, lease_until = null \
                where state = 'running'";
    bed.db.run_sql(over).await;
    assert_eq!(bed.called_back(&create, 1042, 200, "late").await, Recorded::Kept);
    assert_eq!(bed.db.value::<String>("select state from live.task where id = 1042").await, "failed");
    assert_eq!(bed.db.value::<String>("select body from live.task_callback").await, "late");
}

#[tokio::test]
async fn what_was_done_though_the_answer_was_lost_is_seen() {
    let bed = Bed::new().await;
    let outcome = bed.answered(Operation::Create, Canned { does_it: true, ..canned(504) }).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    let (ctx, _lines) = unhurried();
    let seen = bed.driver().observe(&task(Operation::Create), &ctx).await;
    assert!(matches!(seen, Observed::Present(_)), "{seen:?}");
    assert!(bed.service.script().asked.iter().all(|(_, fence)| fence == "1042"));
}
