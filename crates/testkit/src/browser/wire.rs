//! The debugging pipe: calls and their answers, and what the browser says unasked. Messages are JSON, each ended by NUL.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, ChildStdout},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{Notify, oneshot},
    time::timeout,
};

/// How long anything that a page is asked for may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a page said unasked.
#[derive(Debug, Clone)]
pub struct Event {
    pub session: String,
    pub method: String,
    pub params: Value,
}

/// Both ends of the pipe.
pub struct Wire {
    to: Mutex<Option<ChildStdin>>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    events: Mutex<Vec<Event>>,
    arrived: Notify,
}

impl Wire {
    /// On a browser's pipe; a thread reads what it says.
    pub fn new(to: ChildStdin, from: ChildStdout) -> Arc<Self> {
        let wire = Arc::new(Self {
            to: Mutex::new(Some(to)),
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
            events: Mutex::default(),
            arrived: Notify::new(),
        });
        let reading = wire.clone();
        std::thread::spawn(move || reading.read(BufReader::new(from)));
        wire
    }

    /// Asks the browser (or one page of it) and waits for the answer.
    pub async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, answer);
        self.send(&message).unwrap_or_else(|error| panic!("{method}: the browser is gone: {error}"));
        let answer = timeout(PATIENCE, answered).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method}: no answer in {} s", PATIENCE.as_secs()));
        let answer = answer.unwrap_or_else(|_| panic!("{method}: the browser ended"));
        assert!(answer.get("error").is_none(), "{method} {params}: {}", answer["error"]);
        answer["result"].clone()
    }

    fn send(&self, message: &Value) -> std::io::Result<()> {
        let mut to = self.to.lock().unwrap();
        let to = to.as_mut().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        to.write_all(&bytes)?;
        to.flush()
    }

    /// Closes the pipe, and so the browser.
    pub fn close(&self) {
        self.to.lock().unwrap().take();
    }

    fn read(&self, mut from: BufReader<ChildStdout>) {
        let mut bytes = Vec::new();
        while matches!(from.read_until(0, &mut bytes), Ok(some) if some > 0) {
            if let Ok(message) = serde_json::from_slice(bytes.strip_suffix(&[0]).unwrap_or(&bytes)) {
                self.take(message);
            }
            bytes.clear();
        }
        // Nobody waits for one that is gone.
        self.waiting.lock().unwrap().clear();
        self.arrived.notify_waiters();
    }

    fn take(&self, message: Value) {
        match message["id"].as_u64() {
            Some(id) => {
                if let Some(waiting) = self.waiting.lock().unwrap().remove(&id) {
                    // The test may have given up on it.
                    waiting.send(message).ok();
                }
            }
            None => {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let (session, method) = (text(&message["sessionId"]), text(&message["method"]));
                self.events.lock().unwrap().push(Event { session, method, params: message["params"].clone() });
                self.arrived.notify_waiters();
            }
        }
    }

    /// How much was said so far.
    pub fn said(&self) -> usize {
        self.events.lock().unwrap().len()
    }

    /// All that a page said.
    pub fn events(&self, session: &str) -> Vec<Event> {
        self.events.lock().unwrap().iter().filter(|event| event.session == session).cloned().collect()
    }

    /// Waits until a page says `method`, later than the `since`-th of all that was said.
    pub async fn hear(&self, session: &str, method: &str, since: usize) {
        let heard = || {
            let events = self.events.lock().unwrap();
            events.iter().skip(since).any(|event| event.session == session && event.method == method)
        };
        let hearing = async {
            loop {
                let arrived = self.arrived.notified();
                tokio::pin!(arrived);
                // Waiting begins before looking, so that nothing is missed in between.
                arrived.as_mut().enable();
                if heard() {
                    return;
                }
                arrived.await;
            }
        };
        let waited = timeout(PATIENCE, hearing).await;
        assert!(waited.is_ok(), "no {method} in {} s", PATIENCE.as_secs());
    }
}
