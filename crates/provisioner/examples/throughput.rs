//! How many tasks a second the queue hands out and takes back, through our own code and as the bare statements of the
//! same work: `cargo run --release -p provisioner --example throughput`.
//!
//! Two processes, which are this program again, with 16 slots each on 10 000 tasks of 500 servers; three rounds of both
//! ways, in turns. Both have their statements prepared before the time runs. No task is done: this is the queue alone.
//! Whatever was claimed while another of its server ran is counted; there must be none. The bare statements do a little
//! less: they tell nobody what connects a server, and know no hypervisors with places.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a measurement, run by hand")]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Instant,
};

use domain::{
    calendar::Months,
    catalogue::{AddonId, TariffId, Vid},
    field::Field,
    orders::{AddonChoice, PlaceRequest, Unpaid},
};
use futures_util::future::join_all;
use store::{
    Database, Realm,
    db::{ConnectSettings, RoleAuth},
    orders::place,
    seal::Keyring,
    tasks::{self, Claim},
};
use testkit::TestDb;
use tokio_postgres::{Client, Config, NoTls, Statement, config::Host};

const SERVERS: usize = 500;
const TASKS: i64 = 10_000;
const PROCESSES: usize = 2;
const SLOTS: usize = 16;
const ROUNDS: usize = 3;

/// The statements of the work, without the program around them: begin, what a transaction asks first, claim or end, the
/// row of the try, commit.
const HEAD: &str = "select realm_now(), pg_current_xact_id()::text, (select coalesce(max(id), 0) from revision)";
const DUE: &str = "select exists (select from task t join orders o on o.id = t.order_id where t.state = 'queued' \
    and t.run_at <= now() \
    and (t.rank = 0 or o.state not in ('suspended', 'terminated') or t.cancel_requested_at is not null) \
    and not exists (select from task p where p.order_id = t.order_id and (p.state = 'running' \
      or p.state = 'queued' and (p.rank, p.id) < (t.rank, t.id))))";
const CLAIM: &str = "\
    with due as (select t.id from task t join orders o on o.id = t.order_id where t.state = 'queued' \
        and t.run_at <= now() \
        and (t.rank = 0 or o.state not in ('suspended', 'terminated') or t.cancel_requested_at is not null) \
        and not exists (select from task p where p.order_id = t.order_id and (p.state = 'running' \
          or p.state = 'queued' and (p.rank, p.id) < (t.rank, t.id))) \
        order by t.run_at, t.id limit 1 for update of t skip locked), \
      taken as (update task t set state = 'running', attempt = attempt + 1, fence = nextval('task_fence'), \
        lease_owner = gen_random_uuid(), lease_until = now() + interval '30 s', \
        assigned_at = coalesce(assigned_at, now()) from due where t.id = due.id returning t.id, t.order_id, t.fence, t.lease_owner), \
      tried as (insert into task_attempt (task_id, fence, attempt, worker) select id, fence, 1, lease_owner from taken) \
    select id, order_id, fence from taken";
const HOLD: &str = "select from orders where id = $1 for no key update";
const END: &str = "update task set state = 'succeeded', completed_at = greatest(now(), assigned_at), lease_owner = null, \
    lease_until = null, undo = null, results = results || 'done', verified = true, handle = null, handle_at = null \
    where id = $1 and state = 'running' and fence = $2";
const TRIED: &str = "update task_attempt set ended_at = greatest(now(), started_at), outcome = 'succeeded' \
    where task_id = $1 and fence = $2";
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

/// One slot of a worker: claims and ends; looks first where it found nothing before.
async fn ours(realm: &Realm) {
    let worker = uuid::Uuid::new_v4();
    let mut found = false;
    loop {
        if !std::mem::take(&mut found) && !realm.read(async |connection| tasks::is_due(connection).await).await.unwrap() {
            if open(realm).await == 0 {
                return;
            }
            continue;
        }
        match realm.transaction("claim", async |tx| tasks::claim(tx, worker).await).await {
            Ok(Some(Claim::Ready(task))) => {
                let done =
                    realm.transaction("succeed", async |tx| tasks::succeed(tx, &task, "done\n", true).await).await;
                assert!(done.unwrap());
                found = true;
            }
            Ok(Some(unreadable)) => panic!("{unreadable:?}"),
            Ok(None) => {}
            Err(error) => assert!(tasks::is_lost_race(&error), "{error}"),
        }
    }
}

async fn open(realm: &Realm) -> usize {
    let filter = tasks::TaskFilter { state: Some("queued".to_owned()), most: 1, ..Default::default() };
    realm.read(async |connection| tasks::list(connection, &filter).await).await.unwrap().len()
}

/// A session with its statements.
struct Plain {
    client: Client,
    statements: [Statement; 7],
}

impl Plain {
    async fn connect(config: &Config) -> Self {
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("set search_path to live, catalogue, pg_temp").await.unwrap();
        let mut statements = Vec::new();
        for text in [HEAD, DUE, CLAIM, HOLD, END, TRIED, LEFT] {
            statements.push(client.prepare(text).await.unwrap());
        }
        Self { client, statements: statements.try_into().unwrap() }
    }

    async fn work(&self) {
        let Self { client, statements: [head, due, claim, hold, end, tried, left] } = self;
        let mut found = false;
        loop {
            if !std::mem::take(&mut found) && !client.query_one(due, &[]).await.unwrap().get::<_, bool>(0) {
                if client.query_one(left, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                    return;
                }
                continue;
            }
            client.batch_execute("begin").await.unwrap();
            client.query_one(head, &[]).await.unwrap();
            let Ok(claimed) = client.query_opt(claim, &[]).await else {
                client.batch_execute("rollback").await.unwrap();
                continue;
            };
            client.batch_execute("commit").await.unwrap();
            let Some(row) = claimed else { continue };
            let (id, order, fence): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
            client.batch_execute("begin").await.unwrap();
            client.query_one(head, &[]).await.unwrap();
            client.execute(hold, &[&order]).await.unwrap();
            assert_eq!(client.execute(end, &[&id, &fence]).await.unwrap(), 1);
            client.execute(tried, &[&id, &fence]).await.unwrap();
            client.batch_execute("commit").await.unwrap();
            found = true;
        }
    }
}

/// One of the two processes: says that it is ready, waits for a word, works until nothing is left.
async fn process(way: &str, socket: &str, user: &str, database: &str) {
    let mut owner = Config::new();
    owner.host_path(socket).user(user).dbname(database);
    let settings = ConnectSettings { owner, role_prefix: "vartai".to_owned(), auth: RoleAuth::Peer };
    let ready = || {
        println!("ready");
        std::io::stdout().flush().unwrap();
        assert!(std::io::stdin().lines().next().is_some());
    };
    if way == "bare" {
        let mut config = settings.owner.clone();
        config.user("vartai_live");
        let sessions = join_all((0..SLOTS).map(|_| Plain::connect(&config))).await;
        ready();
        join_all(sessions.iter().map(Plain::work)).await;
    } else {
        let keys = Arc::new(Keyring::parse(&Keyring::generate().unwrap()).unwrap());
        let database = Database::open(&settings, SLOTS, keys, TestDb::rules()).unwrap();
        // Each connection is there, with what it prepares.
        join_all((0..SLOTS).map(|_| open(&database.live))).await;
        ready();
        join_all((0..SLOTS).map(|_| ours(&database.live))).await;
    }
    println!("done");
}

/// A process, once it is ready.
fn begun(way: &str, config: &Config) -> (Child, BufReader<std::process::ChildStdout>) {
    let Some(Host::Unix(socket)) = config.get_hosts().first() else { panic!("{config:?}") };
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([way, socket.to_str().unwrap(), config.get_user().unwrap(), config.get_dbname().unwrap()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    told.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, told)
}

/// Has two processes empty the queue this way. Tasks a second.
async fn measured(way: &str, db: &TestDb) -> u128 {
    fill(db).await;
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| begun(way, &db.settings.owner)).collect();
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
    each_second
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
    for _ in 0..ROUNDS {
        let bare = measured("bare", &db).await;
        let through = measured("ours", &db).await;
        println!("{} % of the bare statements", through * 100 / bare.max(1));
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => compared().await,
        [way, socket, user, database] => process(way, socket, user, database).await,
        other => panic!("{other:?}"),
    }
}
