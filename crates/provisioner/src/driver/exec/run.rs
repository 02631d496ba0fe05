//! One run of a hook, from here: what it is given, what is read of it, and when it is told to end.

use std::{
    env, fmt, io,
    os::{fd::OwnedFd, unix::net},
    pin::pin,
    process::Stdio,
    time::Duration,
};

use futures_util::future;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, Command},
    time,
};

use super::{ExecSettings, lines, refuse::trusted};
use crate::driver::hook::{Request, Told};
use crate::{
    driver::{Ctx, Log},
    supervise::{self, By, Ended, Over},
};

/// The supervisor has so long beyond what it gives the hook.
const SLACK: Duration = Duration::from_secs(8);
/// What is left in the pipes once all who wrote there are gone is read within this.
const DRAIN: Duration = Duration::from_secs(2);

/// Where programs are looked for, when the worker itself does not know.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What came of a run.
#[derive(Debug)]
pub(super) struct Ran {
    /// How it ended.
    pub(super) end: End,
    /// What it said.
    pub(super) told: Told,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// With an exit code.
    Code(i32),
    /// By a signal that was not ours.
    Signal(i32),
    /// Its time was over.
    Deadline,
    /// It was not wanted any more.
    Cancelled,
    /// It had too much of something.
    Over(Over),
    /// It could not be started.
    Refused(String),
    /// Its supervisor is gone.
    Lost,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code @ (64 | 65)) => write!(f, "the hook refuses what is asked (code {code})"),
            Self::Code(code @ (69 | 75)) => write!(f, "the hook can't do it now (code {code})"),
            Self::Code(76) => f.write_str("what is inside the machine does not answer (code 76)"),
            Self::Code(code) => write!(f, "the hook failed (code {code})"),
            Self::Signal(signal) => write!(f, "the hook was ended by signal {signal}"),
            Self::Deadline => f.write_str("the hook did not end in time"),
            Self::Cancelled => f.write_str("the hook was told to stop"),
            Self::Over(Over::Memory) => f.write_str("the hook took more memory than it may"),
            Self::Over(Over::Processes) => f.write_str("the hook started more processes than it may"),
            Self::Over(Over::Disk) => f.write_str("there is no room left on the disk that the hook works on"),
            Self::Refused(why) => write!(f, "the hook can't be started: {why}"),
            Self::Lost => f.write_str("the hook was lost"),
        }
    }
}

/// Runs a hook. Dropped, the hook is told to end.
///
/// # Errors
/// Why it was not even begun, for staff.
pub(super) async fn run(settings: &ExecSettings, request: &Request, ctx: &Ctx) -> Result<Ran, String> {
    let mut running = Running::start(settings, request)?;
    let mut told = Told::default();
    let log = ctx.log();
    let end = {
        let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
        let out = lines::each(stdout.ok_or("no standard output")?, |line, cut| told.take(line, cut, log));
        let err = lines::each(stderr.ok_or("no standard error")?, |line, cut| log_line(log, line, cut));
        let mut reading = pin!(future::join(out, err));
        let mut ended = pin!(running.ended(request, settings.limits.grace, ctx));
        let mut read = false;
        let end = loop {
            tokio::select! {
                end = &mut ended => break end,
                _ = &mut reading, if !read => read = true,
            }
        };
        // All who could write are gone; who is not, after all, is not waited for.
        if !read && time::timeout(DRAIN, reading).await.is_err() {
            tracing::warn!("the hook's output is still held by somebody");
        }
        end
    };
    Ok(Ran { end, told })
}

fn log_line(log: &Log, line: &str, cut: bool) {
    if cut { log.line(&format!("{line} [truncated]")) } else { log.line(line) }
}

/// A hook under its supervisor.
struct Running {
    child: Child,
    from_supervisor: BufReader<OwnedReadHalf>,
    /// What the supervisor has told so far of its one line.
    line: Vec<u8>,
    /// Closed when this is dropped: then the supervisor ends the hook.
    to_supervisor: OwnedWriteHalf,
}

impl Running {
    fn start(settings: &ExecSettings, request: &Request) -> Result<Self, String> {
        let hook = trusted(&settings.hook)?;
        let (ours, theirs) = net::UnixStream::pair().map_err(not_started)?;
        ours.set_nonblocking(true).map_err(not_started)?;
        let (from, to) = UnixStream::from_std(ours).map_err(not_started)?.into_split();
        let supervisor = &settings.supervisor;
        let orders = supervise::arguments(&hook, request.operation, &supervisor.directories, settings.limits);
        let named = settings.environment.iter().filter_map(|name| Some((name.clone(), env::var_os(name)?)));
        let child = Command::new(&supervisor.program)
            .args(&supervisor.arguments)
            .args(orders)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_else(|| PATH.into()))
            .env("LANG", "C.UTF-8")
            .envs(named)
            .envs(request.environment())
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(not_started)?;
        Ok(Self { child, from_supervisor: BufReader::new(from), line: Vec::new(), to_supervisor: to })
    }

    /// Gives the hook its document, and waits for its end, or brings it about.
    async fn ended(&mut self, request: &Request, grace: Duration, ctx: &Ctx) -> End {
        let mut document = serde_json::to_vec(request).unwrap_or_default();
        document.push(b'\n');
        // A supervisor that is gone says so below.
        let _ = self.to_supervisor.write_all(&document).await;
        let why = tokio::select! {
            told = self.from_supervisor.read_until(b'\n', &mut self.line) => {
                return self.conclude(told, None, ctx.log()).await;
            }
            () = time::sleep_until(ctx.deadline()) => End::Deadline,
            () = ctx.cancelled() => End::Cancelled,
        };
        // A supervisor that is gone has told so.
        let _ = self.to_supervisor.write_all(b".").await;
        let told = time::timeout(grace + SLACK, self.from_supervisor.read_until(b'\n', &mut self.line)).await;
        let told = told.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        self.conclude(told, Some(why), ctx.log()).await
    }

    async fn conclude(&mut self, told: io::Result<usize>, why: Option<End>, log: &Log) -> End {
        let ended = told.ok().and_then(|_| serde_json::from_slice::<Ended>(&self.line).ok());
        let Some(Ended { by, over, left }) = ended else {
            self.kill();
            return why.unwrap_or(End::Lost);
        };
        // It ends once it has told.
        let _ = time::timeout(SLACK, self.child.wait()).await;
        if left > 0 {
            log.line(&format!("the hook left {left} processes behind; they were ended"));
        }
        match (over, why, by) {
            (Some(over), ..) => End::Over(over),
            (None, Some(why), _) => why,
            (None, None, By::Code(code)) => End::Code(code),
            (None, None, By::Signal(signal)) => End::Signal(signal),
            (None, None, By::Refused(why)) => End::Refused(why),
        }
    }

    /// Ends the supervisor with the hook and all of its session. Daemons of sessions of their own would stay; they are
    /// the supervisor's to end, and it is asked first.
    fn kill(&self) {
        let group = self.child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(group) = group {
            tracing::warn!("the hook's supervisor does not answer and is killed");
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn not_started(error: io::Error) -> String {
    format!("the hook's supervisor can't be started: {error}")
}
