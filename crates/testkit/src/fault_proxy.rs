//! A network that can fail, between a program and its database.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::watch,
    task::AbortHandle,
};
use tokio_postgres::{Config, config::Host};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Passes,
    /// The next COMMIT gets lost, with its connection; then all passes.
    LosesCommit,
    /// The answer to the next COMMIT gets lost, with its connection; then all passes.
    LosesAnswerToCommit,
    /// Nothing comes through in either direction, and nobody is told.
    Silent,
    /// Connections are cut, and new ones end at once.
    Refuses,
}

/// Stands before the database's socket.
pub struct FaultProxy {
    dir: PathBuf,
    shared: Arc<Shared>,
    listener: AbortHandle,
}

struct Shared {
    mode: watch::Sender<Mode>,
    lost: AtomicUsize,
}

impl FaultProxy {
    /// A proxy before the socket that `config` leads to, and the way through the proxy.
    pub(crate) async fn before(config: &Config) -> (Self, Config) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Some(Host::Unix(server)) = config.get_hosts().first() else { panic!("not a Unix socket: {config:?}") };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("vartai-proxy-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let socket = dir.join(".s.PGSQL.5432");
        let (server, listener) = (server.join(".s.PGSQL.5432"), UnixListener::bind(socket).unwrap());
        let shared = Arc::new(Shared { mode: watch::Sender::new(Mode::Passes), lost: AtomicUsize::new(0) });
        let listener = tokio::spawn(listen(listener, server, shared.clone())).abort_handle();
        let proxy = Self { dir, shared, listener };
        let through = proxy.way(config);
        (proxy, through)
    }

    /// The way through it to the database that `config` names.
    #[must_use]
    pub fn way(&self, config: &Config) -> Config {
        let mut through = Config::new();
        through.host_path(&self.dir).port(5432).user(config.get_user().unwrap()).dbname(config.get_dbname().unwrap());
        through
    }

    /// The next COMMIT does not reach the database, which then rolls back.
    pub fn lose_commit(&self) {
        self.shared.mode.send_replace(Mode::LosesCommit);
    }

    /// The next COMMIT reaches the database, but its answer does not come back.
    pub fn lose_answer_to_commit(&self) {
        self.shared.mode.send_replace(Mode::LosesAnswerToCommit);
    }

    /// Nothing comes through any more, and nobody is told.
    pub fn go_silent(&self) {
        self.shared.mode.send_replace(Mode::Silent);
    }

    /// Cuts all connections; new ones end at once.
    pub fn refuse(&self) {
        self.shared.mode.send_replace(Mode::Refuses);
    }

    /// All is well again.
    pub fn recover(&self) {
        self.shared.mode.send_replace(Mode::Passes);
    }

    /// How many COMMITs or answers to them got lost: a test that expects one asks.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listener.abort();
        drop(fs::remove_dir_all(&self.dir));
    }
}

async fn listen(listener: UnixListener, server: PathBuf, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, shared) = (server.clone(), shared.clone());
        tokio::spawn(async move { relay(client, &server, &shared).await });
    }
}

/// Passes bytes on until either side ends, or the network cuts them off.
async fn relay(mut client: UnixStream, server: &Path, shared: &Shared) -> io::Result<()> {
    let mut mode = shared.mode.subscribe();
    let mut server = UnixStream::connect(server).await?;
    let (mut asked, mut answered) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut loses_answer = false;
    loop {
        let now = *mode.borrow_and_update();
        let passes = now != Mode::Silent;
        tokio::select! {
            _ = mode.changed(), if now != Mode::Refuses => {}
            () = async {}, if now == Mode::Refuses => return Ok(()),
            read = client.read(&mut asked), if passes => {
                let message = asked.get(..read?).filter(|bytes| !bytes.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
                if is_commit(message) {
                    if shared.take(Mode::LosesCommit) {
                        return Ok(());
                    }
                    loses_answer = shared.take(Mode::LosesAnswerToCommit);
                }
                server.write_all(message).await?;
            }
            read = server.read(&mut answered), if passes => {
                let message = answered.get(..read?).filter(|bytes| !bytes.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
                match (loses_answer, message.windows(7).any(|tag| tag == b"COMMIT\0")) {
                    (true, true) => return Ok(()),
                    (true, false) => {}
                    (false, _) => client.write_all(message).await?,
                }
            }
        }
    }
}

impl Shared {
    /// Whether this is the mode; it is over then, and counted.
    fn take(&self, mode: Mode) -> bool {
        let taken = self.mode.send_if_modified(|now| {
            let is = *now == mode;
            if is {
                *now = Mode::Passes;
            }
            is
        });
        if taken {
            self.lost.fetch_add(1, Ordering::SeqCst);
        }
        taken
    }
}

/// Whether a client's last message is a simple query of COMMIT alone: the tag, the length, the text, a zero. Others,
/// such as the closing of a statement, may come along before it.
fn is_commit(messages: &[u8]) -> bool {
    messages.ends_with(b"Q\0\0\0\x0bCOMMIT\0")
}
