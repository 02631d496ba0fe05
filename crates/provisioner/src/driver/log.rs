//! A task's log while a driver has the task: lines go in as they come, and out in batches. What is kept is bounded, and so
//! is the memory: the head goes out at once, of the rest the tail is held until the end.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    mem,
    rc::Rc,
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::Notify,
    time::{self, Instant},
};

/// What is kept of a line, in bytes.
const LINE: usize = 64 * 1024;
/// What is kept of a try's log, in bytes: so much from its beginning and so much from its end.
const HALF: usize = 512 * 1024;
/// A batch goes out when it has so many lines,
const BATCH_LINES: usize = 200;
/// or its first line has waited so long.
const BATCH_WAIT: Duration = Duration::from_millis(250);

/// Where a driver writes a task's log: customers read it.
#[derive(Clone)]
pub struct Log(Rc<Shared>);

/// The other end of a [`Log`].
pub struct Lines(Rc<Shared>);

struct Shared {
    buffer: RefCell<Buffer>,
    written: Notify,
    closed: Cell<bool>,
    secret: Option<SecretString>,
}

#[derive(Default)]
struct Buffer {
    head: String,
    lines: usize,
    first_at: Option<Instant>,
    head_bytes: usize,
    tail: VecDeque<String>,
    tail_bytes: usize,
    dropped: usize,
}

impl Log {
    /// A log in which `secret` never stands, whoever writes it there.
    #[must_use]
    pub fn new(secret: Option<SecretString>) -> (Self, Lines) {
        let (buffer, written, closed) = (RefCell::default(), Notify::new(), Cell::new(false));
        let shared = Rc::new(Shared { buffer, written, closed, secret });
        (Self(shared.clone()), Lines(shared))
    }

    /// Adds a line. What a terminal or a browser might take for more than text is taken out.
    pub fn line(&self, line: &str) {
        let line = self.masked(harmless(line));
        self.0.buffer.borrow_mut().add(line);
        self.0.written.notify_one();
    }

    /// A text without the secret.
    #[must_use]
    pub fn masked(&self, text: String) -> String {
        match self.0.secret.as_ref().map(ExposeSecret::expose_secret) {
            Some(secret) if !secret.is_empty() && text.contains(secret) => text.replace(secret, "[hidden]"),
            _ => text,
        }
    }

    /// Nothing is added any more.
    pub fn close(&self) {
        self.0.closed.set(true);
        self.0.written.notify_one();
    }
}

impl Lines {
    /// The next lines, each with its end; `None` once there are no more to come.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            let closed = self.0.closed.get();
            let (lines, first_at) = {
                let buffer = self.0.buffer.borrow();
                (buffer.lines, buffer.first_at)
            };
            match first_at {
                _ if closed => return Some(self.0.buffer.borrow_mut().rest()).filter(|rest| !rest.is_empty()),
                None => self.0.written.notified().await,
                Some(_) if lines >= BATCH_LINES => return Some(self.0.buffer.borrow_mut().batch()),
                Some(first_at) => {
                    // Late or not, it goes out then; before, when there is enough of it.
                    if time::timeout_at(first_at + BATCH_WAIT, self.0.written.notified()).await.is_err() {
                        return Some(self.0.buffer.borrow_mut().batch());
                    }
                }
            }
        }
    }
}

impl Buffer {
    fn add(&mut self, mut line: String) {
        line.push('\n');
        if self.tail.is_empty() && self.dropped == 0 && self.head_bytes + line.len() <= HALF {
            self.head_bytes += line.len();
            self.head.push_str(&line);
            self.lines += 1;
            self.first_at.get_or_insert_with(Instant::now);
            return;
        }
        self.tail_bytes += line.len();
        self.tail.push_back(line);
        while self.tail_bytes > HALF {
            let Some(oldest) = self.tail.pop_front() else { break };
            self.tail_bytes -= oldest.len();
            self.dropped += oldest.len();
        }
    }

    /// What of the head has not gone out yet.
    fn batch(&mut self) -> String {
        (self.lines, self.first_at) = (0, None);
        mem::take(&mut self.head)
    }

    /// All that is left, with a mark where something is missing.
    fn rest(&mut self) -> String {
        let mut rest = self.batch();
        if self.dropped > 0 {
            rest.push_str(&format!("[truncated: {} bytes are left out here]\n", self.dropped));
        }
        rest.extend(mem::take(&mut self.tail));
        (self.tail_bytes, self.dropped) = (0, 0);
        rest
    }
}

/// A line as plain text: without control characters, terminals' sequences and marks that turn the reading direction, no
/// longer than is kept.
#[must_use]
pub(crate) fn harmless(line: &str) -> String {
    let mut plain = String::with_capacity(line.len().min(LINE));
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\t' => plain.push(c),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => plain.push(char::REPLACEMENT_CHARACTER),
            c => plain.push(c),
        }
        if plain.len() >= LINE {
            plain.push_str(" [truncated]");
            break;
        }
    }
    plain
}

/// Passes over what follows an escape character: `[` until a letter, `]` until its end, else one character.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => {
            let _ = chars.by_ref().find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']') => {
            let _ = chars.by_ref().find(|c| matches!(c, '\u{7}' | '\u{9c}' | '\\'));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn all(mut lines: Lines) -> Vec<String> {
        let mut batches = Vec::new();
        while let Some(batch) = lines.next().await {
            batches.push(batch);
        }
        batches
    }

    #[tokio::test(start_paused = true)]
    async fn lines_go_out_in_batches_and_in_order() {
        let (log, lines) = Log::new(None);
        let write = async {
            for n in 0..450 {
                log.line(&n.to_string());
                if n % 100 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            time::sleep(BATCH_WAIT * 2).await;
            log.line("late");
            log.close();
        };
        let (batches, ()) = tokio::join!(all(lines), write);
        let text: String = batches.concat();
        let wanted: String = (0..450).map(|n| format!("{n}\n")).chain(["late\n".to_owned()]).collect();
        assert_eq!(text, wanted);
        assert!((3..8).contains(&batches.len()), "{}", batches.len());
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_long_log_the_head_and_the_tail_are_kept() {
        let (log, lines) = Log::new(None);
        let line = "x".repeat(1000);
        for n in 0..100_000 {
            log.line(&format!("{n} {line}"));
        }
        log.close();
        let text = all(lines).await.concat();
        assert!(text.len() < 2 * HALF + 100, "{}", text.len());
        assert!(text.starts_with("0 x") && text.contains("\n99999 x") && text.contains("[truncated: "));
    }

    #[tokio::test]
    async fn the_secret_is_nowhere() {
        let (log, lines) = Log::new(Some(SecretString::from("s3cret")));
        log.line("password=s3cret;s3\u{0}cret");
        log.close();
        assert_eq!(all(lines).await.concat(), "password=[hidden];s3\u{fffd}cret\n");
    }

    #[test]
    fn what_terminals_obey_is_taken_out() {
        let line = "\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}\u{0}\r\u{202e}end";
        assert_eq!(harmless(line), "red \u{fffd}\u{fffd}end");
        assert_eq!(harmless(&"x".repeat(LINE * 2)).len(), LINE + " [truncated]".len());
    }

    proptest! {
        #[test]
        fn nothing_but_text_is_left(line in any::<String>()) {
            let plain = harmless(&line);
            prop_assert!(!plain.chars().any(|c| c.is_control() && c != '\t'));
            prop_assert!(plain.len() <= LINE + 16);
        }
    }
}
