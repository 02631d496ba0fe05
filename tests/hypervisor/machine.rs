//! A machine as its owner sees it: over the network, with a password.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task,
    time::timeout,
};

use crate::support::until_within;

/// How long a machine may take to answer: emulated, on a busy host.
const SLOW: Duration = Duration::from_mins(15);
/// How many echo requests are sent at once.
pub const PINGS: u64 = 60;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(500);
/// How long one login, and one question to libvirt, may take, in seconds.
const CALL: &str = "60";
/// How long the answer to one request may take.
const ANSWER: Duration = Duration::from_secs(20);

/// Has a machine answer over HTTP at each of its starts: with which start it is in.
const PAGES: &str = r#"
cat >/usr/local/bin/page <<'END'
#!/bin/sh
while read -r line && [ "$line" != "$(printf '\r')" ]; do :; done
printf 'HTTP/1.0 200 OK\r\n\r\n%s' "$(cat /proc/sys/kernel/random/boot_id)"
END
chmod 755 /usr/local/bin/page
printf '[Socket]\nListenStream=80\nAccept=yes\n[Install]\nWantedBy=sockets.target\n' >/etc/systemd/system/page.socket
printf '[Service]\nExecStart=/usr/local/bin/page\nStandardInput=socket\n' >/etc/systemd/system/page@.service
systemctl enable --now --quiet page.socket && sync && echo ready
"#;

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
    /// The machine of an order.
    pub fn new(order: &str, ip: &str, password: &str, dir: &Path) -> Self {
        let [order, ip, password] = [order, ip, password].map(str::to_owned);
        let machine = Self { order, ip, password, dir: dir.to_owned() };
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

    /// Waits until its system has started since; which start that is.
    pub async fn until_booted_after(&self, boot: &str) -> String {
        let mut now = String::new();
        until_within(SLOW, "its system has another boot id", PAUSE, async || {
            now = self.boot().await;
            now != boot
        })
        .await;
        now
    }

    /// Waits until nothing answers at its address.
    pub async fn until_silent(&self) {
        until_within(SLOW, "it does not answer any more", PAUSE, async || {
            let connecting = TcpStream::connect((self.ip.as_str(), 22));
            !matches!(timeout(Duration::from_secs(5), connecting).await, Ok(Ok(_)))
        })
        .await;
    }

    /// How many of [`PINGS`] it answers, sent from the host within some more than a second.
    pub async fn answered(&self) -> u64 {
        let mut ping = Command::new("timeout");
        ping.args([CALL, "ping", "-q", "-c", &PINGS.to_string(), "-i", "0.02", "-W", "2", &self.ip]);
        let told = String::from_utf8_lossy(&ended(ping).await.stdout).into_owned();
        let counted = told.split_once(" packets transmitted, ").and_then(|(_, rest)| rest.split_once(" received"));
        counted.and_then(|(count, _)| count.parse().ok()).unwrap_or_else(|| panic!("{told}"))
    }

    /// Makes it answer over HTTP, now and after each start, as [`until_page`](Self::until_page) wants it.
    pub async fn publish(&self) {
        assert_eq!(self.inside(PAGES).await, "ready");
    }

    /// Waits until its page is that of a start.
    pub async fn until_page(&self, boot: &str) {
        until_within(SLOW, "its page is there", PAUSE, async || self.page().await.is_some_and(|page| page == boot))
            .await;
    }

    /// Its page, if there is one.
    async fn page(&self) -> Option<String> {
        let asking = async {
            let mut stream = TcpStream::connect((self.ip.as_str(), 80)).await?;
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = timeout(ANSWER, asking).await.ok()?.ok()?;
        answer.strip_prefix("HTTP/1.0 200 OK\r\n\r\n").map(str::to_owned)
    }

    /// Whether libvirt has a machine of the order.
    pub async fn is_known_to_libvirt(&self) -> bool {
        let listed = virsh(&["list", "--all", "--name"]).await;
        assert!(listed.status.success(), "{listed:?}");
        String::from_utf8_lossy(&listed.stdout).lines().any(|line| line == named(&self.order))
    }

    /// Whether the host has a disk of it, or rules for its tap.
    pub async fn has_left_something(&self) -> bool {
        let mut rules = Command::new("nft");
        rules.args(["list", "table", "bridge", &format!("vartai_{}", self.order)]);
        host().join("storage").join(named(&self.order)).exists() || ended(rules).await.status.success()
    }
}

/// Where the host's things are: the hook, and the disks; as `tests/hypervisor/enter` says.
pub fn host() -> PathBuf {
    env::var_os("LIBVIRT_HOOK_BED").unwrap().into()
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
