//! The database's disk is full (fault 10): who writes is told so, and nothing is lost or taken for a failure of a hook.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use provisioner::WorkerSettings;
use testkit::{OwnServer, in_own_mounts, mount};

use crate::bed::{Bed, quick};

/// The points at which room is wanted, by what an update of a task is there.
const POINTS: [(&str, &str); 3] = [
    ("claim", "old.state = 'queued' and new.state = 'running'"),
    ("renewal", "old.state = 'running' and new.state = 'running' and old.lease_until < new.lease_until"),
    ("end", "new.state = 'succeeded'"),
];

/// Whoever wants room wants 8 MB, and is counted also when there is none. What is not logged needs room in the tables
/// alone.
const WANT_ROOM: &str = "\
    create sequence wanted; create unlogged table room (x text); alter table room alter x set storage external; \
    create function want_room() returns trigger language plpgsql security definer as $$ begin \
      perform nextval('live.wanted'); insert into live.room values (repeat('x', 8000000)); return new; end $$";

/// A disk's other contents.
struct Ballast(PathBuf);

impl Ballast {
    /// There is little room left: so much that small things go on for a while.
    fn fill(disk: &Path) -> Self {
        let path = disk.join("ballast");
        let mut file = File::create(&path).unwrap();
        let much = vec![0; 1 << 20];
        while file.write_all(&much).is_ok() {}
        let length = file.metadata().unwrap().len();
        file.set_len(length - (4 << 20)).unwrap();
        Self(path)
    }

    fn remove(self) {
        fs::remove_file(self.0).unwrap();
    }
}

#[tokio::test]
async fn a_full_disk_under_the_database_is_waited_for_and_is_no_failure_of_a_hook() {
    if !in_own_mounts("full_disk::a_full_disk_under_the_database_is_waited_for_and_is_no_failure_of_a_hook") {
        return;
    }
    let disk = tempfile::tempdir().unwrap();
    mount(disk.path(), 320);
    let server = OwnServer::within(disk.path()).await;
    let bed = Bed::on(&server).await;
    bed.run(WANT_ROOM).await;
    let settings =
        WorkerSettings { renew_every: Duration::from_millis(20), operation_time: Duration::from_secs(2), ..quick() };
    let worker = provisioner::spawn(bed.db.open(10), settings).unwrap();
    for (name, at) in POINTS {
        bed.run(&format!(
            "create trigger point before update on task for each row when ({at}) execute function want_room()"
        ))
        .await;
        // The log has a new segment, with room in it: what is full is the rest.
        bed.run("select pg_switch_wal()").await;
        bed.run("checkpoint").await;
        let before = bed.text("select last_value::text from wanted").await;
        let ballast = Ballast::fill(disk.path());
        let order = bed.order().await;
        bed.until(&format!("select last_value > {before} from wanted")).await;
        ballast.remove();
        bed.run("drop trigger point on task; truncate room").await;
        bed.until(&format!("select state = 'active' from orders where id = {order}")).await;
        let once = format!("select boots = 1 and running from simulated_server where order_id = {order}");
        assert!(bed.holds(&once).await, "{name}");
        let tries = format!(
            "select count(*) filter (where a.outcome = 'succeeded') = 1 \
               and bool_and(a.outcome in ('succeeded', 'lost') and a.class is null) \
             from task_attempt a join task t on t.id = a.task_id where t.order_id = {order}"
        );
        assert!(bed.holds(&tries).await, "{name}");
    }
    worker.stop().await.unwrap();
    bed.all_is_done().await;
}
