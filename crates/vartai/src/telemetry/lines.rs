//! Lines of the log on their way to stderr. Whoever logs never waits and never fails: the lines go through a bounded
//! queue to a thread of their own. What can't be written, or doesn't fit while nobody reads, is lost, and that is
//! counted and told as soon as the log can be written again.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use prometheus::IntCounter;
use serde_json::json;
use tracing_subscriber::fmt::{
    MakeWriter,
    format::Writer,
    time::{FormatTime, SystemTime},
};

use crate::{settings::LogFormat, terminal};

/// So many bytes wait to be written, at the most: some thousand lines.
const ROOM: usize = 1024 * 1024;
/// While lines are lost and nothing else is logged, it is tried this often whether the loss can be told.
const RETRY: Duration = Duration::from_secs(1);

/// The queue to the thread that writes.
#[derive(Clone)]
pub struct Lines(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    format: LogFormat,
    /// All lines that this process has lost.
    lost: IntCounter,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    /// A line is out of the queue and not yet written.
    writing: bool,
    /// What was lost and not yet told.
    loss: Option<Loss>,
}

#[derive(Debug, Clone)]
struct Loss {
    lines: u64,
    since: String,
    why: String,
}

impl Lines {
    /// Starts the thread, which writes to `out`.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(out: impl Write + Send + 'static, format: LogFormat, lost: IntCounter) -> io::Result<Self> {
        let shared = Shared { queue: Mutex::default(), changed: Condvar::new(), format, lost };
        let lines = Self(Arc::new(shared));
        let writing = lines.clone();
        thread::Builder::new().name("log".into()).spawn(move || writing.0.write_for_ever(Sink::new(out)))?;
        Ok(lines)
    }

    /// Has a line written, with all that waits before it.
    pub fn push(&self, line: &[u8]) {
        let shared = &self.0;
        let mut queue = shared.queue();
        if queue.bytes.saturating_add(line.len()) > ROOM {
            shared.lose(&mut queue, "nobody reads it");
            return;
        }
        queue.bytes += line.len();
        queue.waiting.push_back(line.to_owned());
        shared.changed.notify_all();
    }

    /// Waits until all lines are written, for so long at the most.
    pub fn flush(&self, patience: Duration) {
        let queue = self.0.queue();
        let under_way = |queue: &mut Queue| queue.writing || !queue.waiting.is_empty();
        // What is not written by then is lost with the process: its end waits for no reader.
        let _written = self.0.changed.wait_timeout_while(queue, patience, under_way);
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(&terminal::log(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, queue: &mut Queue, why: &str) {
        self.lost.inc();
        match &mut queue.loss {
            Some(loss) => loss.lines += 1,
            None => queue.loss = Some(Loss { lines: 1, since: now(), why: why.to_owned() }),
        }
    }

    fn write_for_ever<W: Write>(&self, mut out: Sink<W>) {
        loop {
            let (loss, line) = self.next();
            if let Some(loss) = &loss
                && out.put(self.told(loss).as_bytes()).is_ok()
            {
                self.has_told(loss);
            }
            let written = line.map(|line| out.put(&line));
            let mut queue = self.queue();
            if let Some(Err(why)) = written {
                self.lose(&mut queue, &why.to_string());
            }
            queue.writing = false;
            self.changed.notify_all();
        }
    }

    /// The next line, once there is one, and what is to be told before it.
    fn next(&self) -> (Option<Loss>, Option<Vec<u8>>) {
        let mut queue = self.queue();
        while queue.waiting.is_empty() {
            if queue.loss.is_none() {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (woken, waited) = self.changed.wait_timeout(queue, RETRY).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            if waited.timed_out() {
                break;
            }
        }
        let line = queue.waiting.pop_front();
        queue.bytes -= line.as_ref().map_or(0, Vec::len);
        queue.writing = line.is_some();
        (queue.loss.clone(), line)
    }

    /// What was lost since `told` was made out is still to be told.
    fn has_told(&self, told: &Loss) {
        let mut queue = self.queue();
        queue.loss = queue.loss.take().and_then(|loss| {
            let lines = loss.lines - told.lines;
            (lines > 0).then(|| Loss { lines, since: now(), ..loss })
        });
    }

    fn told(&self, loss: &Loss) -> String {
        let Loss { lines, since, why } = loss;
        let (at, target) = (now(), module_path!());
        match self.format {
            LogFormat::Text => format!("{at}  WARN {target}: {lines} lines were lost since {since}: {why}\n"),
            LogFormat::Json => {
                let message = "lines were lost";
                let told = json!({
                    "timestamp": at, "level": "WARN", "message": message, "lines": lines, "since": since, "why": why,
                    "target": target,
                });
                format!("{told}\n")
            }
        }
    }
}

/// The moment as it stands before every line.
fn now() -> String {
    let mut text = String::new();
    // A string takes whatever is written.
    let _written = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// Where lines go. A line that broke off in its middle is ended before the next.
struct Sink<W> {
    out: W,
    broken_off: bool,
}

impl<W: Write> Sink<W> {
    const fn new(out: W) -> Self {
        Self { out, broken_off: false }
    }

    fn put(&mut self, line: &[u8]) -> io::Result<()> {
        if self.broken_off {
            self.write_whole(b"\n")?;
            self.broken_off = false;
        }
        self.write_whole(line)
    }

    fn write_whole(&mut self, mut rest: &[u8]) -> io::Result<()> {
        let whole = rest.len();
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return self.break_off(whole, rest, io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return self.break_off(whole, rest, why),
            }
        }
        Ok(())
    }

    fn break_off(&mut self, whole: usize, rest: &[u8], why: io::Error) -> io::Result<()> {
        self.broken_off |= rest.len() < whole;
        Err(why)
    }
}
