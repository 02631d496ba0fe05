//! How many tasks a second the queue hands out and takes back, through our own code and as the bare statements of the
//! same work: `cargo run --release -p provisioner --example throughput`.
//!
//! Two processes, which are this program again, with 16 slots each on 10 000 tasks of 500 servers; three rounds of both
//! ways, in turns. Each process claims one task after the other, as a worker does, and ends what its slots have. No
//! task is done: this is the queue alone. Whatever was claimed while another of its server ran is counted; there must
//! be none. The bare statements are those that our code keeps prepared on its connections: they are asked of the
//! database once it has done a task.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a measurement, run by hand")]

use std::{
    cell::RefCell,
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    calendar::Months,
    catalogue::{AddonId, TariffId, Vid},
    field::Field,
    orders::{AddonChoice, PlaceRequest, Unpaid},
    tasks::Operation,
};
use futures_util::future::join_all;
use store::{
    Database, Realm,
    db::{ConnectSettings, RoleAuth},
    orders::place,
    seal::Keyring,
    tasks::{self, Claim, ClaimedTask},
};
use testkit::TestDb;
use tokio::{
    sync::{Notify, Semaphore},
    task::{JoinSet, LocalSet},
    time::timeout,
};
use tokio_postgres::{Client, Config, NoTls, Statement, config::Host, error::SqlState};
use uuid::Uuid;

const SERVERS: usize = 500;
const TASKS: i64 = 10_000;
const PROCESSES: usize = 2;
const SLOTS: usize = 16;
const ROUNDS: usize = 3;
/// What each task's log is told.
const DONE: &str = "done\n";

/// How the statements of the work begin: what a transaction asks first, whether anything is due, claim, what connects
/// the server, hold its order, end, end of the try.
const STATEMENTS: [&str; 7] = [
    "select realm_now()",
    "select coalesce((select true from task",
    "with due as",
    "select coalesce(f.pps",
    "select from orders where id = $1 for no key update",
    "update task set state = 'succeeded'",
    "update task_attempt set ended_at",
];
const LEFT: &str = "select count(*) from task where state = 'queued'";

async fn fill(db: &TestDb) {
    db.run_sql(&format!(
        "truncate live.task cascade; \
         insert into live.task (order_id, operation, state) \
           select (select min(id) from live.orders) + n % {SERVERS}, 'server_reboot', 'queued' \
           from generate_series(1, {TASKS}) n; \
         analyze live.task"
    ))
    .await;
    db.run_sql("vacuum live.task, live.task_attempt").await;
}

/// The queue, as a worker uses it.
trait Queue {
    /// A task that was claimed.
    type Claimed: 'static;

    async fn is_due(&self) -> bool;

    async fn claim(&self) -> Option<Self::Claimed>;

    async fn end(&self, claimed: Self::Claimed);

    async fn is_empty(&self) -> bool;
}

/// Works as a worker does: one claims, as many as there are slots end; it looks first where it found nothing before.
async fn work<Q: Queue + 'static>(queue: Q) {
    let (queue, slots, ended) = (Rc::new(queue), Arc::new(Semaphore::new(SLOTS)), Rc::new(Notify::new()));
    let mut ending = JoinSet::new();
    let mut found = false;
    loop {
        let slot = slots.clone().acquire_owned().await.unwrap();
        let claimed = if found || queue.is_due().await { queue.claim().await } else { None };
        found = claimed.is_some();
        if let Some(claimed) = claimed {
            let (queue, ended) = (queue.clone(), ended.clone());
            ending.spawn_local(async move {
                queue.end(claimed).await;
                drop(slot);
                ended.notify_one();
            });
            while let Some(over) = ending.try_join_next() {
                over.unwrap();
            }
        } else if queue.is_empty().await {
            break;
        } else {
            drop(slot);
            // What other processes end is not told here.
            let _told = timeout(Duration::from_millis(1), ended.notified()).await;
        }
    }
    while let Some(over) = ending.join_next().await {
        over.unwrap();
    }
}

/// Through our own code.
struct Ours {
    realm: Realm,
    worker: Uuid,
}

impl Queue for Ours {
    type Claimed = Box<ClaimedTask>;

    async fn is_due(&self) -> bool {
        self.realm.read(async |connection| tasks::is_due(connection).await).await.unwrap()
    }

    async fn claim(&self) -> Option<Self::Claimed> {
        match self.realm.transaction("claim", async |tx| tasks::claim(tx, self.worker).await).await {
            Ok(Some(Claim::Ready(task))) => Some(task),
            Ok(Some(unreadable)) => panic!("{unreadable:?}"),
            Ok(None) => None,
            Err(error) => {
                assert!(tasks::is_lost_race(&error), "{error}");
                None
            }
        }
    }

    async fn end(&self, task: Self::Claimed) {
        let done = self.realm.transaction("succeed", async |tx| tasks::succeed(tx, &task, DONE, true).await).await;
        assert!(done.unwrap());
    }

    async fn is_empty(&self) -> bool {
        let filter = tasks::TaskFilter { state: Some("queued".to_owned()), most: 1, ..Default::default() };
        self.realm.read(async |connection| tasks::list(connection, &filter).await).await.unwrap().is_empty()
    }
}

#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = sql_types::Text)]
    statement: String,
}

/// The statements that our code has its connection keep, after a task.
async fn statements(settings: &ConnectSettings, keys: Arc<Keyring>) -> Vec<String> {
    let ours = Ours { realm: Database::open(settings, 1, keys, TestDb::rules()).unwrap().live, worker: Uuid::new_v4() };
    assert!(ours.is_due().await);
    let task = ours.claim().await.unwrap();
    ours.end(task).await;
    let prepared: Vec<Prepared> = ours
        .realm
        .read(async |connection| {
            let prepared = sql_query("select statement from pg_prepared_statements").load(connection).await;
            prepared.map_err(store::Error::from)
        })
        .await
        .unwrap();
    let found = |begins: &&str| {
        let all: Vec<_> = prepared.iter().filter(|prepared| prepared.statement.starts_with(begins)).collect();
        let [one] = all.as_slice() else { panic!("{} statements begin with {begins:?}", all.len()) };
        one.statement.clone()
    };
    STATEMENTS.iter().map(found).collect()
}

/// A session with the statements, and how many are left.
struct Session {
    client: Client,
    statements: [Statement; 8],
}

impl Session {
    async fn open(config: &Config, texts: &[String]) -> Self {
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("set search_path to live, catalogue, pg_temp").await.unwrap();
        let mut statements = Vec::new();
        for text in texts.iter().map(String::as_str).chain([LEFT]) {
            statements.push(client.prepare(text).await.unwrap());
        }
        Self { client, statements: statements.try_into().unwrap() }
    }
}

/// The bare statements: a session to claim with, and those to end with that nobody has at the moment.
struct Bare {
    claims: Session,
    ends: RefCell<Vec<Session>>,
    known: Vec<&'static str>,
    worker: Uuid,
}

impl Bare {
    async fn open(config: &Config, texts: &[String]) -> Self {
        let claims = Session::open(config, texts).await;
        let ends = RefCell::new(join_all((0..SLOTS).map(|_| Session::open(config, texts))).await);
        let known = Operation::ALL.into_iter().map(Operation::name).collect();
        Self { claims, ends, known, worker: Uuid::new_v4() }
    }
}

impl Queue for Bare {
    /// The task, its order and the fence.
    type Claimed = (i64, i64, i64);

    async fn is_due(&self) -> bool {
        let Session { client, statements: [_, due, ..] } = &self.claims;
        client.query_one(due, &[&self.known]).await.unwrap().get(0)
    }

    async fn claim(&self) -> Option<Self::Claimed> {
        let Session { client, statements: [head, _, claim, network, ..] } = &self.claims;
        client.batch_execute("begin").await.unwrap();
        client.query_one(head, &[]).await.unwrap();
        let (no_names, no_places) = (Vec::<&str>::new(), Vec::<i32>::new());
        let row = match client.query_opt(claim, &[&self.known, &self.worker, &30.0, &no_names, &no_places]).await {
            Ok(row) => row,
            Err(error) => {
                assert_eq!(error.code(), Some(&SqlState::UNIQUE_VIOLATION), "{error}");
                client.batch_execute("rollback").await.unwrap();
                return None;
            }
        };
        let claimed: Option<(i64, i64, i64)> = row.map(|row| (row.get("id"), row.get("order_id"), row.get("fence")));
        if let Some((id, order, _)) = &claimed {
            client.query(network, &[order, id]).await.unwrap();
        }
        client.batch_execute("commit").await.unwrap();
        claimed
    }

    async fn end(&self, (id, order, fence): Self::Claimed) {
        let session = self.ends.borrow_mut().pop().unwrap();
        let Session { client, statements: [head, _, _, _, hold, end, tried, _] } = &session;
        client.batch_execute("begin").await.unwrap();
        client.query_one(head, &[]).await.unwrap();
        client.execute(hold, &[&order]).await.unwrap();
        assert_eq!(client.execute(end, &[&id, &fence, &DONE, &true]).await.unwrap(), 1);
        let nothing = None::<&str>;
        client.execute(tried, &[&id, &fence, &"succeeded", &nothing, &nothing, &DONE]).await.unwrap();
        client.batch_execute("commit").await.unwrap();
        self.ends.borrow_mut().push(session);
    }

    async fn is_empty(&self) -> bool {
        let Session { client, statements: [.., left] } = &self.claims;
        client.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0
    }
}

/// Nothing is sealed here: any key does.
fn keys() -> Arc<Keyring> {
    Arc::new(Keyring::parse(&Keyring::generate().unwrap()).unwrap())
}

/// One of the two processes: is told the statements, says that it is ready, waits for a word, works until nothing is
/// left.
async fn process(way: &str, socket: &str, user: &str, database: &str) {
    let mut owner = Config::new();
    owner.host_path(socket).user(user).dbname(database);
    let settings = ConnectSettings::new(owner, "vartai".to_owned(), RoleAuth::Peer);
    let mut told = String::new();
    std::io::stdin().read_line(&mut told).unwrap();
    let ready = || {
        println!("ready");
        std::io::stdout().flush().unwrap();
        assert!(std::io::stdin().lines().next().is_some());
    };
    if way == "bare" {
        let mut config = settings.owner.clone();
        config.user("vartai_live");
        let bare = Bare::open(&config, &serde_json::from_str::<Vec<String>>(&told).unwrap()).await;
        ready();
        work(bare).await;
    } else {
        let realm = Database::open(&settings, 1 + SLOTS, keys(), TestDb::rules()).unwrap().live;
        let ours = Ours { realm, worker: Uuid::new_v4() };
        // Each connection is there.
        join_all((0..=SLOTS).map(|_| ours.is_empty())).await;
        ready();
        work(ours).await;
    }
    println!("done");
}

/// A process, once it is ready.
fn begun(way: &str, config: &Config, statements: &[String]) -> (Child, BufReader<std::process::ChildStdout>) {
    let Some(Host::Unix(socket)) = config.get_hosts().first() else { panic!("{config:?}") };
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([way, socket.to_str().unwrap(), config.get_user().unwrap(), config.get_dbname().unwrap()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.as_mut().unwrap(), "{}", serde_json::to_string(statements).unwrap()).unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, told)
}

/// Has two processes empty the queue this way. How many milliseconds it took.
async fn measured(way: &str, db: &TestDb, statements: &[String]) -> u128 {
    fill(db).await;
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| begun(way, &db.settings.owner, statements)).collect();
    let since = Instant::now();
    for (child, _) in &mut processes {
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    for (_, told) in &mut processes {
        let mut line = String::new();
        told.read_line(&mut line).unwrap();
        assert_eq!(line, "done\n");
    }
    let millis = since.elapsed().as_millis().max(1);
    for (mut child, _) in processes {
        assert!(child.wait().unwrap().success());
    }
    let done: i64 = db.value("select count(*) from live.task where state = 'succeeded'").await;
    assert_eq!(done, TASKS);
    let overlaps: i64 = db
        .value(
            "select count(*) from live.task_attempt a join live.task t on t.id = a.task_id \
               join live.task u on u.order_id = t.order_id and u.id <> t.id join live.task_attempt b on b.task_id = u.id \
             where a.fence < b.fence and a.ended_at > b.started_at",
        )
        .await;
    let each_second = u128::from(TASKS.unsigned_abs()) * 1000 / millis;
    println!("{way}: {TASKS} tasks of {SERVERS} servers in {millis} ms, {each_second} a second, {overlaps} overlaps");
    millis
}

async fn compared() {
    let db = TestDb::with_demo_catalogue().await;
    let buyer = db.customer("ann").credit("100000.00").add().await;
    let request = PlaceRequest {
        vid: Field::Given(Vid::Vds),
        tariff: Field::Given(TariffId(10)),
        period: Field::Given(Months::new(1).unwrap()),
        domain: Field::Absent,
        addons: vec![AddonChoice { id: Some(AddonId(20)), quantity: Some(1) }],
    };
    for _ in 0..SERVERS {
        let placing = async |tx: &mut store::Tx| place(tx, &buyer, &request, Unpaid::Refuse).await;
        assert!(db.database.live.transaction("order", placing).await.is_ok());
    }
    // Places on the hypervisor are not what is measured; passwords are sealed with a key that the processes don't have.
    db.run_sql("update live.server set node = null; update live.orders set state = 'active', server_password = null")
        .await;
    fill(&db).await;
    let statements = statements(&db.settings, keys()).await;
    let (mut all_bare, mut all_ours) = (0, 0);
    for _ in 0..ROUNDS {
        let bare = measured("bare", &db, &statements).await;
        let ours = measured("ours", &db, &statements).await;
        println!("{} % of the bare statements", bare * 100 / ours);
        (all_bare, all_ours) = (all_bare + bare, all_ours + ours);
    }
    println!("all rounds: {} % of the bare statements", all_bare * 100 / all_ours);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => compared().await,
        [way, socket, user, database] => LocalSet::new().run_until(process(way, socket, user, database)).await,
        other => panic!("{other:?}"),
    }
}
