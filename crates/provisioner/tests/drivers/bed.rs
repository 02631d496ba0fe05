//! What the tests of the drivers have in common.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use domain::{
    catalogue::ImageId,
    firewall::Firewall,
    orders::{OrderId, ServerSpec},
    tasks::{Operation, TaskId},
};
use provisioner::driver::{
    Ctx, DriverKind, DriverSettings, ExecDriver, ExecSettings, Handle, Limits, Lines, Log, Supervisor, Timeouts,
};
use secrecy::SecretString;
use serde_json::json;
use store::tasks::{ClaimedTask, Lease, ServerAddress, ServerNetwork};
use tempfile::TempDir;
use tokio::sync::watch;

/// The password of every task here: it must not be seen anywhere.
pub const PASSWORD: &str = "pw-of-the-task";

/// A task of an order's, as it was claimed.
pub fn task_of(order: OrderId, id: i64, operation: Operation) -> ClaimedTask {
    let image = Some("debian-12-x86_64".to_owned());
    let server =
        ServerSpec { cpu_ghz: 2, ram_mb: 2048, disk_gb: 20, bandwidth_mbps: 20, image: image.clone().map(ImageId) };
    ClaimedTask {
        cancel_asked: false,
        unseen: false,
        lease: Lease { id: TaskId(id), order, attempt: 1, max_attempts: 5, fence: id, waited: None },
        operation,
        driver: Some("hooked".to_owned()),
        generation: 1,
        image,
        params: json!({}),
        server: Some(server),
        hostname: Some("s31.example.com".to_owned()),
        password_version: 1,
        login: "root".to_owned(),
        password: Some(SecretString::from(PASSWORD)),
        network: ServerNetwork { addresses: vec![address()], firewall: Firewall::default() },
    }
}

fn address() -> ServerAddress {
    let (ip, gateway) = ("192.0.2.10".parse().unwrap(), "192.0.2.1".parse().ok());
    ServerAddress { ip, prefix: Some(24), gateway, ptr: None }
}

/// Some order's.
pub fn task(operation: Operation) -> ClaimedTask {
    task_of(OrderId(31), 1042, operation)
}

/// With so much time, and where its log goes.
pub fn ctx(time: Duration) -> (Ctx, Lines) {
    going_on(time, None)
}

/// With something under way already.
pub fn going_on(time: Duration, under_way: Option<Handle>) -> (Ctx, Lines) {
    let (log, lines) = Log::new(Some(SecretString::from(PASSWORD)));
    (Ctx::new(log, time, under_way, watch::channel(false).1), lines)
}

/// With time enough for anything.
pub fn unhurried() -> (Ctx, Lines) {
    ctx(Duration::from_secs(60))
}

/// A directory of a test's, gone with it.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A program there.
    pub fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    /// A hook of the shell's.
    pub fn sh(&self, text: &str) -> PathBuf {
        let here = self.0.path().display();
        self.program("hook", &format!("#!/bin/bash\nHERE={here}\n{text}\n"))
    }

    /// The hook that keeps its machines here; `sabotage` names what it does wrong.
    pub fn good_hook(&self, sabotage: &str) -> PathBuf {
        let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/hooks/machine.py");
        let (machines, hook) = (self.0.path().display(), hook.display());
        let text = format!("#!/bin/sh\nMACHINES='{machines}' SABOTAGE='{sabotage}' exec python3 '{hook}' \"$@\"\n");
        self.program("good-hook", &text)
    }

    /// What a hook wrote there.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

/// How a hook is run in tests.
pub fn exec_settings(hook: PathBuf) -> ExecSettings {
    ExecSettings {
        hook,
        environment: Vec::new(),
        limits: Limits { memory_mb: 512, processes: 64, grace: Duration::from_millis(300) },
        supervisor: Supervisor {
            program: PathBuf::from(env!("CARGO_BIN_EXE_hook-exec")),
            arguments: Vec::new(),
            directories: std::env::temp_dir(),
        },
    }
}

/// A driver that runs a hook.
pub fn exec(hook: PathBuf) -> ExecDriver {
    exec_with(exec_settings(hook))
}

/// A driver that is set up so.
pub fn exec_with(exec: ExecSettings) -> ExecDriver {
    let settings = DriverSettings {
        operations: Operation::ALL.into(),
        timeouts: Timeouts::default(),
        kind: DriverKind::Exec(exec.clone()),
    };
    ExecDriver::new(&settings, &exec)
}
