//! A network that fails between the program and the database.

use std::time::{Duration, Instant};

use store::{
    Database, Error, RealmKind,
    db::{ConnectSettings, Connector, HostState},
    ledger,
    orders::Buyer,
};
use testkit::{FaultProxy, TestDb};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time,
};
use tokio_postgres::{Config, config::Host};

use crate::acts::{balance, deposit, deposit_in};

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found_out() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let (proxy, store) = db.behind_proxy().await;
    for lost in 1..=3 {
        proxy.lose_answer_to_commit();
        deposit(&store.live, &ann, 100).await.unwrap();
        assert_eq!(proxy.lost(), lost);
        assert_eq!(balance(&db.database, &ann).await, 100 * i64::try_from(lost).unwrap());
    }
    db.verify_books().await;
}

#[tokio::test]
async fn a_commit_that_is_lost_is_an_error_and_nothing_is_done() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let (proxy, store) = db.behind_proxy().await;
    proxy.lose_commit();
    let error = deposit(&store.live, &ann, 100).await.unwrap_err();
    assert!(matches!(&error, Error::Failed(why) if why.starts_with("rolled back")), "{error:?}");
    assert_eq!((proxy.lost(), balance(&db.database, &ann).await), (1, 0));
    deposit(&store.live, &ann, 7).await.unwrap();
    assert_eq!(balance(&db.database, &ann).await, 7);
    db.verify_books().await;
}

async fn read(store: &Database, buyer: &Buyer) -> Result<i64, Error> {
    let wallets = store.live.read(async |c| ledger::balance(c, RealmKind::Live, buyer.customer, buyer.currency).await);
    wallets.await.map(|wallets| wallets.balance().unwrap().in_minor())
}

/// The database goes away as `fail` has it go, and comes back.
async fn gone_and_back(fail: impl Fn(&FaultProxy)) {
    let db = TestDb::new().await;
    let ann = db.customer("ann").credit("1.00").add().await;
    let (proxy, store) = db.behind_proxy().await;
    assert_eq!(read(&store, &ann).await.unwrap(), 100);
    fail(&proxy);
    let start = Instant::now();
    let error = loop {
        // A cut connection may not be noticed at once, but is never waited for.
        match read(&store, &ann).await {
            Err(error) => break error,
            Ok(_) => assert!(start.elapsed() < Duration::from_secs(2), "it still answers"),
        }
    };
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let gone = time::timeout(Duration::from_secs(5), store.monitor().gone());
    assert!(gone.await.is_ok(), "nobody noticed");
    // Now that it is known, nobody waits.
    let start = Instant::now();
    assert!(matches!(deposit(&store.live, &ann, 1).await, Err(Error::Unreachable(_))));
    assert!(start.elapsed() < Duration::from_millis(200), "{:?}", start.elapsed());
    proxy.recover();
    assert!(store.live.wait_until_up(Duration::from_secs(10)).await);
    assert_eq!(read(&store, &ann).await.unwrap(), 100);
    deposit(&store.live, &ann, 1).await.unwrap();
    assert_eq!(read(&store, &ann).await.unwrap(), 101);
    db.verify_books().await;
}

#[tokio::test]
async fn a_database_that_falls_silent_is_given_up_within_two_seconds() {
    gone_and_back(FaultProxy::go_silent).await;
}

#[tokio::test]
async fn a_database_that_refuses_is_given_up_within_two_seconds() {
    gone_and_back(FaultProxy::refuse).await;
}

/// A host that doesn't answer: its queue of connections is full and nobody takes any out, as if it were switched off;
/// or it takes them and says nothing, as one that is frozen does.
#[derive(Clone, Copy)]
enum Deaf {
    SwitchedOff,
    Frozen,
}

/// The port of such a host, for as long as what comes with it lives.
async fn deaf(how: Deaf) -> (u16, Vec<TcpStream>, TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(if matches!(how, Deaf::Frozen) { 128 } else { 1 }).unwrap();
    let (address, mut waiting) = (listener.local_addr().unwrap(), Vec::new());
    if matches!(how, Deaf::SwitchedOff) {
        while let Ok(stream) = time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            waiting.push(stream.unwrap());
        }
    }
    (address.port(), waiting, listener)
}

#[tokio::test]
async fn a_host_that_is_silent_keeps_nobody_from_the_next() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").credit("1.00").add().await;
    for (how, before) in [(Deaf::SwitchedOff, 100), (Deaf::Frozen, 101)] {
        let (port, _waiting, _listener) = deaf(how).await;
        let mut owner = Config::new();
        let real = &db.settings.owner;
        let Host::Unix(socket) = &real.get_hosts()[0] else { panic!("{real:?}") };
        owner.host("127.0.0.1").port(port).host_path(socket).port(5432);
        owner.user(real.get_user().unwrap()).dbname(real.get_dbname().unwrap());
        let settings = ConnectSettings::new(owner, db.settings.role_prefix.clone(), db.settings.auth.clone());
        let store = Database::open(&settings, 4, db.keys.clone(), TestDb::rules()).unwrap();
        let began = Instant::now();
        assert_eq!(read(&store, &ann).await.unwrap(), before);
        deposit(&store.live, &ann, 1).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let role = RealmKind::Live.role(&settings.role_prefix);
        let connector = Connector::new(&settings, Some(&role), "live, catalogue", tokio::runtime::Handle::current());
        let hosts = connector.hosts().await;
        assert!(hosts[0].found.as_ref().is_err_and(|error| error.why.contains("does not answer")), "{hosts:?}");
        assert_eq!(hosts[1].found.as_ref().unwrap(), &HostState::Primary);
    }
}

#[tokio::test]
async fn who_falls_silent_is_left_for_the_next_host_within_five_seconds() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").credit("1.00").add().await;
    let ((first, _), (second, _)) = (db.behind_proxy().await, db.behind_proxy().await);
    let mut owner = first.way(&db.settings.owner);
    let other = second.way(&db.settings.owner);
    let Host::Unix(socket) = &other.get_hosts()[0] else { panic!("{other:?}") };
    owner.host_path(socket);
    let settings = ConnectSettings::new(owner, db.settings.role_prefix.clone(), db.settings.auth.clone());
    // As a standby does, the second host takes nobody until it is promoted.
    second.refuse();
    let store = Database::open(&settings, 4, db.keys.clone(), TestDb::rules()).unwrap();
    assert_eq!(read(&store, &ann).await.unwrap(), 100);
    first.go_silent();
    second.recover();
    let began = Instant::now();
    assert!(read(&store, &ann).await.is_err(), "the first host answers");
    assert!(store.live.wait_until_up(Duration::from_secs(10)).await);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(read(&store, &ann).await.unwrap(), 100);
}

#[tokio::test]
async fn a_transaction_under_way_ends_with_nothing_done_when_the_database_goes_away() {
    let db = TestDb::new().await;
    let ann = db.customer("ann").add().await;
    let (proxy, store) = db.behind_proxy().await;
    let start = Instant::now();
    let outcome = store.live.transaction("deposits", async |tx| {
        deposit_in(tx, &ann, 100).await?;
        proxy.go_silent();
        deposit_in(tx, &ann, 100).await
    });
    assert!(matches!(outcome.await, Err(Error::Unreachable(_))));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    proxy.recover();
    assert!(store.live.wait_until_up(Duration::from_secs(10)).await);
    deposit(&store.live, &ann, 7).await.unwrap();
    assert_eq!(balance(&db.database, &ann).await, 7);
    db.verify_books().await;
}
