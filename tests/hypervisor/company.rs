//! A company that sells machines of the bed.

use std::{fs, time::Duration};

use serde_json::Value;

use super::machine::{Machine, host};
use crate::{
    cli::{
        bed::Bed,
        client::{Client, get},
        process::Running,
    },
    support::{code, until_within},
};

/// How long a task may take: several starts of a system, emulated, on a busy host.
const SLOW: Duration = Duration::from_mins(40);
const PAUSE: Duration = Duration::from_millis(500);

const CATALOGUE: &str = r#"
currency = "EUR"

[[node]]
name = "bed-1"
driver = "kvm"
max_tasks = 2

[[pool]]
name = "bed"
network = "10.77.0.0/24"
gateway = "10.77.0.1"
ranges = ["10.77.0.10-10.77.0.99"]

[[image]]
id = "debian-12-x86_64"
title = "Debian 12"

[[tariff]]
id = 50
vid = "vds"
name = "Bed"
monthly = 3.00
without_domain = true
driver = "kvm"
periods = [{ months = 1 }]
images = ["debian-12-x86_64"]

[tariff.plan]
cpu_ghz = { base = 2, min = 2, max = 16 }
ram_mb = { base = 512, min = 512, max = 2048 }
disk_gb = { base = 3, min = 3, max = 20 }
bandwidth_mbps = { base = 40, min = 20, max = 400 }

[tariff.units]
cpu_ghz = 1.00
ram_1024_mb = 1.00
disk_10_gb = 0.50
bandwidth_10_mbps = 0.20
"#;

/// The company, with one customer.
pub struct Company {
    bed: Bed,
    serving: Running,
    client: Client,
    nick: String,
}

impl Company {
    /// Opens it: a catalogue with one tariff, a customer with money, a gateway and a worker.
    pub async fn open() -> Self {
        let hook = host().join("hooks/libvirt");
        let bed = Bed::new();
        let settings = format!(
            "[drivers.kvm]\nkind = \"exec\"\nhook = {hook:?}\nenvironment = [\"LIBVIRT_HOOK_CONFIG\"]\n\
             timeout_seconds = 1800\n\n[worker]\nsample_seconds = 5\n"
        );
        fs::write(bed.dir.join("vartai.toml"), settings).unwrap();
        fs::write(bed.dir.join("catalogue.toml"), CATALOGUE).unwrap();
        bed.json(&["catalogue", "apply", "catalogue.toml", "--note", "the bed's"]).await;
        bed.json(&["customer", "add", "rita", "--currency", "EUR", "--language", "en"]).await;
        bed.json(&["balance", "deposit", "rita", "500.00", "--note", "for machines"]).await;
        let key = bed.json(&["key", "issue", "rita"]).await["key"].as_str().unwrap().to_owned();
        let user = bed.json(&["apiuser", "add", "rita", "rita-api"]).await;
        let nick = format!("nick=rita-api&password={}", user["password"].as_str().unwrap());
        let serving = bed.serve(&["--with-worker"]).await;
        let client = Client::new(serving.gateway, "rita", &format!("apikey={key}"));
        Self { bed, serving, client, nick }
    }

    /// Orders a machine; it is there when this returns.
    pub async fn order(&self) -> Machine {
        let placed = self.client.call("createOrder", "vid=vds&tarifid=50&period=1").await;
        assert_eq!((&placed["status"], code(&placed)), (&"SUCCESS".into(), None), "{placed}");
        let order = placed["orderid"].as_str().unwrap();
        assert_eq!(placed["serverlogin"], "root");
        until_within(SLOW, "the order is processed", PAUSE, async || self.client.status(order).await == "1").await;
        let mut machine = Machine::new(order, "", placed["serverpassword"].as_str().unwrap(), &self.bed.dir);
        let info = self.account("server_info", &machine, "").await;
        let ip = info["se_info"]["in_ips"].as_str().unwrap_or_else(|| panic!("it has no address: {info}"));
        ip.clone_into(&mut machine.ip);
        machine
    }

    /// Calls `/apih.php` for an order.
    pub async fn reseller(&self, command: &str, machine: &Machine) {
        let answer = self.client.call(command, &format!("orderid={}", machine.order)).await;
        assert_eq!((&answer["status"], code(&answer)), (&"SUCCESS".into(), None), "{command}: {answer}");
        self.until_idle(machine).await;
    }

    /// Calls `/json.php`.
    async fn account(&self, command: &str, machine: &Machine, fields: &str) -> Value {
        let (nick, order) = (&self.nick, &machine.order);
        let target = format!("/json.php?command={command}&{nick}&id={order}&{fields}");
        let response = get(self.serving.gateway, &target).await;
        let answer = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 200, "{command} {fields}: {answer}");
        answer
    }

    /// Calls `/json.php` for what becomes a task, and waits until it is done.
    pub async fn task(&self, command: &str, machine: &Machine, fields: &str) {
        let queued = self.account(command, machine, fields).await;
        assert!(queued["task_id"].is_string(), "{command}: {queued}");
        self.until_idle(machine).await;
    }

    /// Waits until nothing is left to be done for a machine.
    async fn until_idle(&self, machine: &Machine) {
        let mut tasks = Value::Null;
        until_within(SLOW, "its tasks are done", PAUSE, async || {
            tasks = self.account("server_tasks", machine, "").await;
            tasks.as_array().unwrap().iter().all(|task| task["ta_completed"].is_string())
        })
        .await;
        let owner = self.bed.owner().await;
        let counting = "select count(*) filter (where state = 'succeeded' and verified), \
                               count(*) filter (where state <> 'cancelled') from live.task";
        let row = owner.query_one(counting, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), row.get::<_, i64>(1), "a task failed, or nobody saw it done: {tasks}");
    }

    /// Waits until `server_info` tells what a machine uses; what it tells.
    pub async fn until_measured(&self, machine: &Machine) -> Value {
        let mut used = Value::Null;
        until_within(SLOW, "its usage is known", PAUSE, async || {
            let info = self.account("server_info", machine, "").await["se_info"].clone();
            let number = |name: &str| info[name].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
            let names = ["in_qt_usage", "in_mm_usage", "in_inodes_usage", "in_qt_limit", "in_mm_limit"];
            used = info.clone();
            names.into_iter().all(|name| number(name) > 0.0)
        })
        .await;
        assert_eq!((&used["in_mm_limit"], &used["in_qt_limit"]), (&"1280".into(), &"5120".into()), "{used}");
        used
    }

    /// Waits until there are samples to be drawn, and has them drawn.
    pub async fn until_drawn(&self, machine: &Machine) {
        let owner = self.bed.owner().await;
        let counting = "select count(*) from live.usage_rollup where order_id = $1::text::bigint";
        until_within(SLOW, "there are samples", PAUSE, async || {
            owner.query_one(counting, &[&machine.order]).await.unwrap().get::<_, i64>(0) > 0
        })
        .await;
        let graphs = self.account("server_graphs", machine, "width=400&ip=127.0.0.1").await;
        assert_eq!(graphs.as_object().map(serde_json::Map::len), Some(24), "{graphs}");
        let link = graphs["memory_daily"].as_str().unwrap();
        let path = link.find("/graphs/").and_then(|at| link.get(at..)).unwrap();
        let picture = get(self.serving.gateway, path).await;
        assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
        assert!(picture.body.starts_with(b"\x89PNG"));
    }

    /// Ends an order, as staff do: its machine is off, and there for the days of grace.
    pub async fn end(&self, machine: &Machine) {
        self.bed.json(&["order", "terminate", &machine.order]).await;
        machine.until_silent().await;
        assert!(machine.is_known_to_libvirt().await, "it is removed before the days of grace are over");
    }

    /// Takes the end back; the machine runs when this returns.
    pub async fn restore(&self, machine: &Machine) {
        self.bed.json(&["order", "restore", &machine.order]).await;
        until_within(SLOW, "the order is in force", PAUSE, async || self.client.status(&machine.order).await == "1")
            .await;
        self.until_idle(machine).await;
    }

    /// Ends an order without days of grace, and waits until its machine is gone.
    pub async fn end_at_once(&mut self, machine: &Machine) {
        self.bed.set("PROVISIONER__DESTROY_GRACE_HOURS", "0");
        self.bed.json(&["order", "terminate", &machine.order]).await;
        until_within(SLOW, "its machine is gone", PAUSE, async || !machine.is_known_to_libvirt().await).await;
        let owner = self.bed.owner().await;
        let counting = "select count(*) from live.task where state not in ('succeeded', 'cancelled')";
        until_within(SLOW, "no task is left", PAUSE, async || {
            owner.query_one(counting, &[]).await.unwrap().get::<_, i64>(0) == 0
        })
        .await;
    }

    /// Closes it: the books balance, and it stops in order.
    pub async fn close(self) {
        assert_eq!(self.bed.json(&["ledger", "verify"]).await["ok"], true);
        assert_eq!(self.serving.stop().await.code, Some(0));
    }
}
