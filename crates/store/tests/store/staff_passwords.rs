//! A password that was made here and never set is told to nobody.

use domain::{
    orders::OrderId,
    tasks::{ProvisioningRules, RefundFailed, TaskId},
};
use secrecy::ExposeSecret;
use store::{
    Error,
    db::Rules,
    orders::{self, PasswordSet, Processed},
    servers::{self, ServerTaskFilter},
    tasks,
};
use testkit::TestDb;

use crate::acts::{STUCK, claim, place, vds, vds_by_hand};

/// What a task tells its customer.
async fn told(db: &TestDb, order: OrderId, id: TaskId) -> Option<String> {
    let live = &db.database.live;
    let filter = ServerTaskFilter { order, id: Some(id), command: None, count: 1 };
    let tasks = live.read(async |c| servers::server_tasks(c, live, filter).await).await.unwrap();
    tasks[0].password.as_ref().map(|password| password.expose_secret().to_owned())
}

async fn process(db: &TestDb, id: OrderId, password: PasswordSet) -> Result<orders::OrderState, Error> {
    let done = Processed { password, ..Processed::default() };
    db.database.live.transaction("process", async |tx| orders::process(tx, id, &done).await).await
}

async fn password(db: &TestDb, id: OrderId) -> String {
    let opened = db.database.live.transaction("password", async |tx| orders::password(tx, id).await).await;
    opened.unwrap().unwrap().expose_secret().to_owned()
}

#[tokio::test]
async fn staff_say_which_password_they_set_and_the_task_tells_that() {
    let db = TestDb::with_demo_catalogue().await;
    let live = &db.database.live;
    let ann = db.customer("ann").credit("1000.00").add().await;
    let id = place(&db.database, &ann, &vds_by_hand()).await;
    process(&db, id, PasswordSet::New("the first".to_owned().into())).await.unwrap();
    let reset = async || {
        live.transaction("reset", async |tx| servers::reset_password(tx, ann.customer, id, None).await).await.unwrap()
    };
    let task = reset().await;
    let refused = process(&db, id, PasswordSet::Unsaid).await;
    assert!(matches!(&refused, Err(Error::Refused(why)) if why.contains("--server-password")), "{refused:?}");
    assert_eq!(told(&db, id, task).await, None);
    process(&db, id, PasswordSet::New("as staff set it".to_owned().into())).await.unwrap();
    assert_eq!(told(&db, id, task).await.as_deref(), Some("as staff set it"));
    assert_eq!(password(&db, id).await, "as staff set it");

    let task = reset().await;
    let made = password(&db, id).await;
    assert_ne!(made, "as staff set it");
    process(&db, id, PasswordSet::Kept).await.unwrap();
    assert_eq!(told(&db, id, task).await, Some(made), "staff saw it and set it");

    let reboot = live.transaction("reboot", async |tx| servers::reboot(tx, ann.customer, id).await).await.unwrap();
    process(&db, id, PasswordSet::Unsaid).await.unwrap();
    assert_eq!(told(&db, id, reboot).await, None, "what tells no password needs none");
}

#[tokio::test]
async fn a_creation_that_failed_for_good_tells_what_staff_set() {
    let mut db = TestDb::with_demo_catalogue().await;
    db.database = db.under(Rules {
        provisioning: ProvisioningRules { refund_failed: RefundFailed::ByStaff, ..TestDb::rules().provisioning },
        ..TestDb::rules()
    });
    let live = &db.database.live;
    let ann = db.customer("ann").credit("1000.00").add().await;
    let id = place(&db.database, &ann, &vds()).await;
    let task = claim(live).await.unwrap();
    live.transaction("fail", async |tx| tasks::give_back(tx, &task.lease, &STUCK).await).await.unwrap();
    assert!(matches!(process(&db, id, PasswordSet::Unsaid).await, Err(Error::Refused(_))));
    process(&db, id, PasswordSet::New("as staff set it".to_owned().into())).await.unwrap();
    assert_eq!(told(&db, id, task.lease.id).await.as_deref(), Some("as staff set it"));
}
