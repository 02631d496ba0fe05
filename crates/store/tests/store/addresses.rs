//! Addresses: handed out once, and given back.

use std::{collections::BTreeSet, net::IpAddr};

use domain::{
    catalogue::{Catalogue, Pool},
    orders::{OrderId, Unpaid},
    tasks::TaskId,
};
use futures_util::future::join_all;
use store::{
    Database, Error, Realm, RealmKind, addresses,
    orders::{Buyer, Placed},
    tasks,
};
use testkit::TestDb;

use crate::acts::{balance, claim, hosting, place, state, succeed, terminate, try_place, vds, vds_by_hand};

pub const MANY: usize = 12;

/// The demo's catalogue with one pool, of these ranges of 198.51.100.0/24.
pub fn with_pool(ranges: &[&str]) -> Catalogue {
    let pool = Pool {
        name: "small".to_owned(),
        network: "198.51.100.0/24".parse().unwrap(),
        gateway: Some("198.51.100.1".parse().unwrap()),
        ranges: ranges.iter().map(|range| range.parse().unwrap()).collect(),
        exclude: Vec::new(),
        tariffs: Vec::new(),
        nodes: Vec::new(),
        reverse: Some("{ip}.static.example.lt".to_owned()),
        quarantine_days: 7,
        open: true,
    };
    Catalogue { pools: vec![pool], ..TestDb::demo_catalogue() }
}

pub async fn bed(ranges: &[&str]) -> (TestDb, Buyer) {
    let db = TestDb::with_demo_catalogue().await;
    db.apply_catalogue(&with_pool(ranges)).await;
    let ann = db.customer("ann").credit("10000.00").add().await;
    (db, ann)
}

pub async fn held(realm: &Realm, order: OrderId) -> Vec<IpAddr> {
    let held = realm.read(async |c| addresses::held(c, Some(order)).await).await.unwrap();
    held.into_iter().map(|held| held.ip).collect()
}

/// Does all that is due as a worker would.
pub async fn work(db: &Database) {
    while let Some(task) = claim(&db.live).await {
        assert!(succeed(&db.live, &task).await);
    }
}

pub async fn order(db: &Database, ann: &Buyer) -> OrderId {
    place(db, ann, &vds()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_is_held_twice_and_who_gets_none_waits_for_staff() {
    let request = vds();
    for left in [0_usize, 1, 5, MANY] {
        let range = format!("198.51.100.10-198.51.100.{}", 9 + left.max(1));
        let (db, ann) = bed(&[&range]).await;
        if left == 0 {
            order(&db.database, &ann).await;
        }
        let store = db.open(MANY);
        let orders = join_all((0..MANY).map(|_| try_place(&store.live, &ann, &request, Unpaid::Refuse))).await;
        let placed: Vec<Placed> = orders.into_iter().map(Result::unwrap).collect();
        let (made, waiting): (Vec<_>, Vec<_>) = placed.iter().partition(|placed| !placed.placement.by_hand);
        assert_eq!((made.len(), waiting.len()), (left, MANY - left));
        let mut all = BTreeSet::new();
        for placed in made {
            let held = held(&store.live, placed.id).await;
            assert_eq!(held.len(), 1);
            all.extend(held);
            assert!(placed.password.is_some());
            assert_eq!(state(&db, placed.id).await, "provisioning");
        }
        assert_eq!(all.len(), left, "one address twice");
        for placed in waiting {
            assert_eq!(
                (held(&store.live, placed.id).await, state(&db, placed.id).await),
                (vec![], "manual".to_owned())
            );
            assert!(placed.password.is_none() && placed.login.is_empty());
        }
        let orders = i64::try_from(MANY + usize::from(left == 0)).unwrap();
        assert_eq!(balance(&store, &ann).await, 1_000_000 - orders * 1_490, "each is paid once");
        db.verify_books().await;
    }
}

/// Different customers' orders don't wait for one another's wallets: they meet at the addresses alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_that_order_at_once_get_different_addresses() {
    let (db, _) = bed(&["198.51.100.10-198.51.100.19"]).await;
    let (request, mut buyers) = (vds(), Vec::new());
    for at in 0..MANY {
        buyers.push(db.customer(&format!("c{at}")).credit("100.00").add().await);
    }
    let store = db.open(MANY);
    let placed = join_all(buyers.iter().map(|buyer| try_place(&store.live, buyer, &request, Unpaid::Refuse))).await;
    let by_hand = placed.into_iter().filter(|placed| placed.as_ref().unwrap().placement.by_hand).count();
    assert_eq!(by_hand, MANY - 10, "the pool was exhausted before its last address was held");
    assert_eq!(db.value::<i64>("select count(distinct ip) from live.address").await, 10);
    db.verify_books().await;
}

#[tokio::test]
async fn what_rolls_back_holds_nothing() {
    let (db, ann) = bed(&["198.51.100.10"]).await;
    let failed = db.database.live.transaction("fail", async |tx| {
        store::orders::place(tx, &ann, &vds(), Unpaid::Refuse).await.map_err(|_| Error::Refused(String::new()))?;
        Err::<(), _>(Error::Refused("thought better of it".to_owned()))
    });
    failed.await.unwrap_err();
    let id = order(&db.database, &ann).await;
    assert_eq!(held(&db.database.live, id).await, ["198.51.100.10".parse::<IpAddr>().unwrap()]);
}

#[tokio::test]
async fn an_address_rests_once_its_machine_is_gone_and_is_then_anothers() {
    let (db, ann) = bed(&["198.51.100.10"]).await;
    let live = &db.database.live;
    let first = order(&db.database, &ann).await;
    let ptr = "select ptr from live.address";
    assert_eq!(db.value::<String>(ptr).await, "198-51-100-10.static.example.lt");
    work(&db.database).await;
    terminate(&db.database, first).await.unwrap();
    assert_eq!(held(live, first).await.len(), 1, "its machine is still there");
    work(&db.database).await;
    assert_eq!(held(live, first).await, Vec::<IpAddr>::new());
    let early = order(&db.database, &ann).await;
    assert_eq!(state(&db, early).await, "manual");
    // What waits is made once there is an address, with the password that it was to have.
    let create = TaskId(db.value(&format!("select id from live.task where order_id = {early}")).await);
    let retry = async || live.transaction("retry", async |tx| tasks::retry(tx, create).await).await;
    assert!(matches!(retry().await, Err(Error::Refused(why)) if why.contains("small")));
    db.run_sql("update live.address set released_at = now() - interval '6 days 23 hours'").await;
    assert!(matches!(retry().await, Err(Error::Refused(_))));
    db.run_sql("update live.address set released_at = now() - interval '7 days'").await;
    retry().await.unwrap();
    assert_eq!((held(live, early).await.len(), state(&db, early).await), (1, "provisioning".to_owned()));
    let task = claim(live).await.unwrap();
    let [address] = &task.network.addresses[..] else { panic!("{task:?}") };
    assert_eq!((address.prefix, address.gateway), (Some(24), Some("198.51.100.1".parse().unwrap())));
    assert_eq!(address.ptr.as_deref(), Some("198-51-100-10.static.example.lt"));
    assert!(task.password.is_some());
    assert!(succeed(live, &task).await);
    assert_eq!(state(&db, early).await, "active");
    assert_eq!(db.value::<i64>("select count(*) from live.address").await, 1);
    db.verify_books().await;
}

#[tokio::test]
async fn gaps_are_filled_once_the_end_is_reached() {
    let (db, ann) = bed(&["198.51.100.10-198.51.100.12", "198.51.100.20"]).await;
    let mut given = Vec::new();
    for _ in 0..3 {
        let id = order(&db.database, &ann).await;
        given.extend(held(&db.database.live, id).await.into_iter().map(|ip| (id, ip.to_string())));
    }
    let ips: Vec<&str> = given.iter().map(|(_, ip)| ip.as_str()).collect();
    assert_eq!(ips, ["198.51.100.10", "198.51.100.11", "198.51.100.12"]);
    db.run_sql("delete from live.address where ip in ('198.51.100.10', '198.51.100.11')").await;
    let mut more = Vec::new();
    for _ in 0..4 {
        let id = order(&db.database, &ann).await;
        more.extend(held(&db.database.live, id).await.into_iter().map(|ip| ip.to_string()));
    }
    assert_eq!(more, ["198.51.100.20", "198.51.100.10", "198.51.100.11"], "and then there is none");
}

#[tokio::test]
async fn only_servers_get_addresses_each_of_a_pool_that_serves_it_and_of_each_family() {
    let (db, ann) = bed(&[]).await;
    let mut catalogue = with_pool(&[]);
    let v4 = catalogue.pools[0].clone();
    let only = |id| vec![domain::catalogue::TariffId(id)];
    catalogue.pools[0].tariffs = only(30);
    catalogue.pools.push(Pool {
        name: "closed".to_owned(),
        network: "203.0.113.0/25".parse().unwrap(),
        gateway: None,
        open: false,
        ..v4.clone()
    });
    catalogue.pools.push(Pool {
        name: "elsewhere".to_owned(),
        network: "203.0.113.128/26".parse().unwrap(),
        gateway: None,
        nodes: vec!["n9".to_owned()],
        ..v4.clone()
    });
    catalogue.pools.push(Pool {
        name: "mine".to_owned(),
        network: "203.0.113.192/26".parse().unwrap(),
        gateway: None,
        nodes: vec!["simulated-1".to_owned()],
        tariffs: only(10),
        ..v4.clone()
    });
    catalogue.pools.push(Pool {
        name: "six".to_owned(),
        network: "2001:db8::/64".parse().unwrap(),
        gateway: None,
        reverse: None,
        ..v4
    });
    db.apply_catalogue(&catalogue).await;
    let texts = async |id| held(&db.database.live, id).await.iter().map(IpAddr::to_string).collect::<Vec<_>>();
    let server = order(&db.database, &ann).await;
    assert_eq!(texts(server).await, ["203.0.113.193", "2001:db8::1"]);
    let by_hand = place(&db.database, &ann, &vds_by_hand()).await;
    assert_eq!(texts(by_hand).await, ["2001:db8::2"], "staff's servers, too");
    let web = place(&db.database, &ann, &hosting("example.lt")).await;
    assert_eq!(texts(web).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_realms_hold_addresses_apart() {
    let (db, ann) = bed(&["198.51.100.10"]).await;
    let tester = db.customer("test").of(RealmKind::Test).add().await;
    let test = &db.database.test;
    let tried = try_place(test, &tester, &vds(), Unpaid::Refuse).await.unwrap();
    assert_eq!(held(test, tried.id).await.len(), 1);
    let real = order(&db.database, &ann).await;
    assert_eq!((state(&db, real).await, held(&db.database.live, real).await.len()), ("provisioning".to_owned(), 1));
}
