//! What goes to stdout and stderr: customers, payers, hooks and hypervisors wrote some of it, and none of that may act on
//! the terminal of whoever reads it, nor pass for a line of ours.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use domain::text::spelled_out;

/// An answer of several lines.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    spelled_out(text, &['\n', '\t'])
}

/// What stands in one line, or in a column of one.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    spelled_out(text, &[])
}

/// Lines of the log on their way out. Colours are those of the log itself: it spells out escapes in what it is told.
pub struct LogLines<W>(pub W);

impl<W: Write> Write for LogLines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(&log(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Some of the log.
#[must_use]
pub fn log(bytes: &[u8]) -> Cow<'_, [u8]> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => match spelled_out(text, &['\n', '\t', '\u{1b}']) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        Cow::Owned(text) => Cow::Owned(spelled_out(&text, &['\n', '\t', '\u{1b}']).into_owned().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use domain::text::is_active;
    use serde_json::{Value, json};

    use super::{LogLines, line, lines};

    const HOSTILE: &str = "a\u{1b}]0;b\u{7}\r\u{9b}31m\u{202e}c";
    const SHOWN: &str = "a\\u001b]0;b\\u0007\\u000d\\u009b31m\\u202ec";

    #[test]
    fn json_means_the_same() {
        for active in (0..=u32::from(u16::MAX)).filter_map(char::from_u32).filter(|c| is_active(*c)) {
            let text = format!("a{active}\\{active}b");
            let document = format!("{:#}\n", json!({ "note": text }));
            let shown = lines(&document);
            assert!(!shown.contains(|c| is_active(c) && c != '\n'), "{active:?}");
            assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["note"], text);
        }
    }

    #[test]
    fn nothing_acts_on_the_terminal() {
        assert_eq!(lines(&format!("{HOSTILE}\n\tb")), format!("{SHOWN}\n\tb"));
        assert_eq!(line(&format!("{HOSTILE}\nroot  1.00")), format!("{SHOWN}\\u000aroot  1.00"));
        let mut log = LogLines(Vec::new());
        log.write_all("\u{1b}[2mWARN\u{1b}[0m a\r\u{202e}b\n".as_bytes()).unwrap();
        assert_eq!(log.0, "\u{1b}[2mWARN\u{1b}[0m a\\u000d\\u202eb\n".as_bytes());
    }
}
