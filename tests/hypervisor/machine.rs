//! A machine as its owner sees it: over the network, with a password.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use tokio::{net::TcpStream, task, time::timeout};

use crate::support::until_within;

/// How long a machine may take to answer: emulated, on a busy host.
const SLOW: Duration = Duration::from_mins(7);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one login, and one question to libvirt, may take, in seconds.
const CALL: &str = "60";

/// A machine of the bed.
pub struct Machine {
    /// The order that it is of.
    pub order: String,
    pub ip: String,
    pub password: String,
    /// Where a helper of ssh's is kept.
    dir: PathBuf,
}

impl Machine {
    /// The machine of an order, at the address that the bed's DHCP has given it.
    pub async fn of(order: &str, password: &str, dir: &Path) -> Self {
        let listed = virsh(&["domiflist", &named(order)]).await;
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        let mac = text.split_whitespace().last().unwrap_or_else(|| panic!("no network device: {listed:?}")).to_owned();
        let leases = Path::new(&env::var_os("LIBVIRT_HOOK_BED").unwrap()).join("leases");
        let mut found = None;
        until_within(SLOW, "it has an address", PAUSE, async || {
            let text = fs::read_to_string(&leases).unwrap_or_default();
            let lease = text.lines().find(|line| line.split(' ').nth(1) == Some(mac.as_str()));
            found = lease.and_then(|line| Some(line.split(' ').nth(2)?.to_owned()));
            found.is_some()
        })
        .await;
        let machine =
            Self { order: order.to_owned(), ip: found.unwrap(), password: password.to_owned(), dir: dir.to_owned() };
        // ssh takes passwords from a program only.
        fs::write(machine.askpass(), "#!/bin/sh\nprintf '%s\\n' \"$MACHINE_PASSWORD\"\n").unwrap();
        fs::set_permissions(machine.askpass(), fs::Permissions::from_mode(0o700)).unwrap();
        machine
    }

    fn askpass(&self) -> PathBuf {
        self.dir.join("askpass")
    }

    /// What a command prints inside; `None` when the login fails.
    pub async fn try_inside(&self, command: &str, password: &str) -> Option<String> {
        let options = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "PreferredAuthentications=password",
            "NumberOfPasswordPrompts=1",
            "ConnectTimeout=20",
            "LogLevel=ERROR",
        ];
        let mut ssh = Command::new("timeout");
        ssh.args([CALL, "ssh", "-F", "none"]).args(options.iter().flat_map(|option| ["-o", option]));
        ssh.arg(format!("root@{}", self.ip)).arg(command);
        ssh.env("SSH_ASKPASS", self.askpass()).env("SSH_ASKPASS_REQUIRE", "force").env("MACHINE_PASSWORD", password);
        let ended = ended(ssh).await;
        // ssh's own failures are 255, and that it took too long is 124.
        (![Some(255), Some(124)].contains(&ended.status.code()))
            .then(|| String::from_utf8_lossy(&ended.stdout).trim().to_owned())
    }

    /// What a command prints inside, once the owner can log in.
    pub async fn inside(&self, command: &str) -> String {
        let mut printed = None;
        until_within(SLOW, "its owner can log in", PAUSE, async || {
            printed = self.try_inside(command, &self.password).await;
            printed.is_some()
        })
        .await;
        printed.unwrap()
    }

    /// The same for a number.
    pub async fn number(&self, command: &str) -> u64 {
        let printed = self.inside(command).await;
        printed.parse().unwrap_or_else(|_| panic!("{command} prints {printed:?}"))
    }

    /// Another one after each start of its system.
    pub async fn boot(&self) -> String {
        self.inside("cat /proc/sys/kernel/random/boot_id").await
    }

    /// Waits until its system has started since.
    pub async fn until_booted_after(&self, boot: &str) {
        until_within(SLOW, "its system has another boot id", PAUSE, async || self.boot().await != boot).await;
    }

    /// Waits until nothing answers at its address.
    pub async fn until_silent(&self) {
        until_within(SLOW, "it does not answer any more", PAUSE, async || {
            let connecting = TcpStream::connect((self.ip.as_str(), 22));
            !matches!(timeout(Duration::from_secs(5), connecting).await, Ok(Ok(_)))
        })
        .await;
    }

    /// Whether libvirt has a machine of the order.
    pub async fn known_to_libvirt(&self) -> bool {
        let listed = virsh(&["list", "--all", "--name"]).await;
        assert!(listed.status.success(), "{listed:?}");
        String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == named(&self.order))
    }
}

/// As the bed's hook names machines.
fn named(order: &str) -> String {
    format!("bed-{order}")
}

async fn virsh(arguments: &[&str]) -> Output {
    let mut asking = Command::new("timeout");
    asking.args([CALL, "virsh", "-q"]).args(arguments);
    ended(asking).await
}

async fn ended(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}
