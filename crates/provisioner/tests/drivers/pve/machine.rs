//! A machine of the cluster, and the calls that are about one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Answer, Cluster};

/// What a running machine takes at its next start only.
const WAIT_FOR_START: [&str; 3] = ["cores", "memory", "sockets"];

/// A machine.
#[derive(Clone, Default)]
pub struct Machine {
    /// `qemu` or `lxc`.
    pub kind: &'static str,
    pub config: BTreeMap<String, String>,
    pub pending: BTreeMap<String, String>,
    pub changes: u32,
    pub pid: Option<u64>,
    /// What its system calls itself.
    pub hostname: String,
    /// Passwords of its system, newest last.
    pub passwords: Vec<String>,
    /// Whether it goes when it is asked to.
    pub deaf: bool,
    /// Whether its system comes up.
    pub broken: bool,
    /// For how long it has run, in seconds.
    pub uptime: u64,
    /// Why it stands still, in QEMU's words, though its process is there.
    pub stands_still: Option<&'static str>,
}

impl Machine {
    pub fn template() -> Self {
        Self::with([
            ("template", "1"),
            ("agent", "enabled=1,fstrim_cloned_disks=1"),
            ("scsi0", "local-lvm:base-9000-disk-0,discard=on,size=2G"),
            ("net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1"),
            ("ide2", "local-lvm:vm-9000-cloudinit,media=cdrom"),
            ("cores", "1"),
            ("memory", "512"),
            ("name", "debian-12"),
        ])
    }

    /// Somebody else's.
    pub fn foreign() -> Self {
        Self { pid: Some(7), ..Self::with([("name", "mail"), ("description", "the company's mail")]) }
    }

    fn with<const N: usize>(config: [(&str, &str); N]) -> Self {
        let config = config.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { kind: "qemu", config, ..Self::default() }
    }

    fn start(&mut self, pid: u64) {
        self.config.append(&mut self.pending);
        (self.pid, self.uptime) = (Some(pid), 1);
        let is_new = |password: &&String| self.passwords.last() != Some(password);
        // What cloud-init does.
        self.passwords.extend(self.config.get("cipassword").filter(is_new).cloned());
        self.hostname = self.config.get("name").cloned().unwrap_or_default();
    }

    fn set(&mut self, form: &[(String, String)]) -> Result<(), String> {
        let digest = form.iter().find(|(name, _)| name == "digest");
        if digest.is_some_and(|(_, digest)| *digest != self.changes.to_string()) {
            return Err("detected modified configuration - file changed by other user? Try again.".to_owned());
        }
        self.changes += 1;
        for (name, value) in form.iter().filter(|(name, _)| name != "digest") {
            let waits = self.pid.is_some() && WAIT_FOR_START.contains(&name.as_str());
            let into = if waits { &mut self.pending } else { &mut self.config };
            into.insert(name.clone(), value.clone());
        }
        Ok(())
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, (u16, String)> {
    Err((500, why.into()))
}

fn text(form: &[(String, String)], name: &str) -> Option<String> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

/// Parameters that are known; others are refused, as Proxmox VE does.
fn check(form: &[(String, String)], known: &[&str]) -> Result<(), (u16, String)> {
    let known: BTreeSet<&str> = known.iter().copied().collect();
    match form.iter().find(|(name, _)| !known.contains(name.as_str())) {
        Some((name, _)) => Err((400, format!("Parameter verification failed. {name}"))),
        None => Ok(()),
    }
}

impl Cluster {
    pub fn machine(&mut self, vmid: u32) -> &mut Machine {
        self.machines.get_mut(&vmid).unwrap()
    }

    pub(super) fn of_machine(&mut self, method: &str, vmid: u32, below: &[&str], form: &[(String, String)]) -> Answer {
        let machine = self.machine(vmid).clone();
        match (method, below) {
            ("GET", ["config"]) => {
                let mut config = machine.config;
                if text(form, "current").as_deref() != Some("1") {
                    config.extend(machine.pending);
                }
                config.remove("cipassword");
                config.insert("digest".into(), machine.changes.to_string());
                Ok(json!(config))
            }
            ("GET", ["status", "current"]) => Ok(status(&machine)),
            ("POST", ["clone"]) => self.copy(vmid, form),
            ("POST", ["config"]) => {
                const KNOWN: [&str; 14] = [
                    "description",
                    "digest",
                    "cores",
                    "sockets",
                    "cpulimit",
                    "memory",
                    "net0",
                    "ciuser",
                    "cipassword",
                    "ipconfig0",
                    "name",
                    "onboot",
                    "tags",
                    "nameserver",
                ];
                check(form, &KNOWN)?;
                self.machine(vmid).set(form).map_err(|why| (500, why))?;
                Ok(self.begin(vmid, None, |_| ()))
            }
            ("PUT", ["resize"]) => self.resize(vmid, form),
            ("POST", ["status", verb]) => self.power(vmid, verb, form),
            ("DELETE", []) if machine.pid.is_some() => refused(format!("VM {vmid} is running - destroy failed")),
            ("DELETE", []) => {
                check(form, &["purge", "destroy-unreferenced-disks"])?;
                Ok(self.begin(vmid, None, move |cluster| drop(cluster.machines.remove(&vmid))))
            }
            (_, ["agent", what]) => self.agent(vmid, what, form),
            _ => Err((501, "not implemented".to_owned())),
        }
    }

    fn copy(&mut self, template: u32, form: &[(String, String)]) -> Answer {
        check(form, &["newid", "full", "description", "storage", "pool", "target", "name"])?;
        let vmid: u32 = text(form, "newid").unwrap().parse().unwrap();
        if self.machines.contains_key(&vmid) {
            return refused(format!("unable to create VM {vmid} - VM {vmid} already exists on node 'pve1'"));
        }
        let mut machine = self.machine(template).clone();
        machine.config.remove("template");
        machine.config.insert("description".into(), text(form, "description").unwrap_or_default());
        machine.config.insert("scsi0".into(), format!("local-lvm:vm-{vmid}-disk-0,discard=on,size=2G"));
        // While it is copied there is something there that nothing can be told of.
        self.machines.insert(vmid, Machine::with([("lock", "clone")]));
        Ok(self.begin(vmid, None, move |cluster| drop(cluster.machines.insert(vmid, machine))))
    }

    fn resize(&mut self, vmid: u32, form: &[(String, String)]) -> Answer {
        check(form, &["disk", "size"])?;
        assert_eq!(text(form, "disk").as_deref(), Some("scsi0"));
        let size = text(form, "size").unwrap();
        Ok(self.begin(vmid, None, move |cluster| {
            let disk = format!("local-lvm:vm-{vmid}-disk-0,discard=on,size={size}");
            cluster.machine(vmid).config.insert("scsi0".into(), disk);
        }))
    }

    fn power(&mut self, vmid: u32, verb: &str, form: &[(String, String)]) -> Answer {
        let machine = self.machine(vmid).clone();
        match (verb, machine.pid) {
            ("start", Some(_)) => return refused(format!("VM {vmid} already running")),
            ("reboot" | "shutdown", None) => return refused(format!("VM {vmid} is not running")),
            _ => check(form, &["timeout", "forceStop"])?,
        }
        let forced = text(form, "forceStop").as_deref() == Some("1");
        if machine.deaf && !forced && matches!(verb, "reboot" | "shutdown") {
            return Ok(self.begin(vmid, Some("VM quit/powerdown failed - got timeout".to_owned()), |_| ()));
        }
        let starts = matches!(verb, "start" | "reboot");
        Ok(self.begin(vmid, None, move |cluster| {
            let pid = cluster.new_pid();
            match cluster.machine(vmid) {
                machine if starts => machine.start(pid),
                machine => {
                    machine.config.extend(std::mem::take(&mut machine.pending));
                    machine.pid = None;
                }
            }
        }))
    }

    fn agent(&mut self, vmid: u32, what: &str, form: &[(String, String)]) -> Answer {
        let machine = self.machine(vmid);
        if machine.pid.is_none() {
            return refused(format!("VM {vmid} is not running"));
        }
        if machine.broken {
            return refused("QEMU guest agent is not running");
        }
        match what {
            "get-host-name" => Ok(json!({"result": {"host-name": machine.hostname}})),
            "set-user-password" => {
                assert_eq!(text(form, "username").as_deref(), Some("root"));
                machine.passwords.push(text(form, "password").unwrap());
                Ok(json!({"result": {}}))
            }
            "exec" => {
                let words: Vec<&str> = form.iter().map(|(_, word)| word.as_str()).collect();
                let ["hostnamectl", "set-hostname", name] = words[..] else { panic!("{words:?}") };
                machine.hostname = name.to_owned();
                Ok(json!({"pid": 77}))
            }
            "exec-status" => Ok(json!({"exited": 1, "exitcode": 0})),
            "file-read" => {
                let content = match text(form, "file").as_deref() {
                    Some("/proc/stat") => "cpu  100 0 50 9000 1 0 0 0 0 0\n",
                    Some("/proc/loadavg") => "0.10 0.25 0.30 1/99 1234\n",
                    other => panic!("{other:?}"),
                };
                Ok(json!({"content": content}))
            }
            "get-fsinfo" => Ok(json!({"result": [{"name": "sda1", "used-bytes": 1_073_741_824_i64}]})),
            _ => Err((501, "not implemented".to_owned())),
        }
    }
}

fn status(machine: &Machine) -> Value {
    let memory: i64 = machine.config.get("memory").and_then(|mb| mb.parse().ok()).unwrap_or(512);
    let state = if machine.pid.is_some() { "running" } else { "stopped" };
    let qmp = machine.stands_still.unwrap_or(state);
    json!({"status": state, "qmpstatus": qmp, "cpus": 1, "netin": 10, "netout": 20, "diskread": 30,
        "diskwrite": 40, "mem": 1_048_576, "maxmem": memory * 1_048_576, "maxdisk": 21_474_836_480_i64,
        "uptime": machine.uptime, "pid": machine.pid})
}
