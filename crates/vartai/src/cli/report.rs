//! What a subcommand answers: text for people, or one JSON document.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde_json::Value;

use crate::{failure::Failure, terminal};

/// What a subcommand answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    text: String,
    json: Value,
    problem: Option<String>,
    /// What stdout was for is there already.
    silent: bool,
}

impl Report {
    /// After an answer that was written to stdout as it is.
    pub fn silent() -> Self {
        Self { silent: true, ..Self::new("", Value::Null) }
    }

    /// An answer as text and as JSON.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, problem: None, silent: false }
    }

    /// The answer tells of a problem: after it comes this line on stderr, and exit code 1.
    pub fn with_problem(self, problem: String) -> Self {
        Self { problem: Some(problem), ..self }
    }

    /// With a line for people, after the rest.
    pub fn with_note(mut self, note: &str) -> Self {
        self.text = format!("{}note: {note}\n", ended(self.text));
        self
    }

    /// Puts it on stdout.
    ///
    /// # Errors
    /// The problem it tells of; stdout can't be written. That nobody reads on is none.
    pub fn tell(self, as_json: bool) -> Result<(), Failure> {
        if self.silent {
            return Ok(());
        }
        let answer = if as_json { format!("{:#}\n", self.json) } else { ended(self.text) };
        let answer = terminal::lines(&answer);
        let mut stdout = io::stdout().lock();
        match stdout.write_all(answer.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(Failure::failed(format!("stdout: {error}")));
            }
            _ => {}
        }
        self.problem.map_or(Ok(()), |problem| Err(Failure::failed(problem)))
    }

    /// The JSON document, and the problem that it tells of.
    #[cfg(test)]
    pub fn parts(&self) -> (&Value, Option<&str>) {
        (&self.json, self.problem.as_deref())
    }
}

fn ended(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Rows under a head, in columns. `none` is said where there are no rows.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]], none: &str) -> String {
    if rows.is_empty() {
        return format!("{none}\n");
    }
    let head = head.map(Cow::Borrowed);
    let rows: Vec<[Cow<'_, str>; N]> = rows.iter().map(|row| row.each_ref().map(|cell| terminal::line(cell))).collect();
    let lines = || std::iter::once(&head).chain(&rows);
    let mut widths = [0; N];
    for line in lines() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    lines().map(|line| columns(line, &widths)).collect()
}

fn columns(cells: &[Cow<'_, str>], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(&format!("{cell:<width$}  "));
    }
    format!("{}\n", line.trim_end())
}

/// Names with their values, one a line.
pub fn listing(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| {
        let value = terminal::line(value);
        format!("{:<width$}  {value}", name).trim_end().to_owned() + "\n"
    };
    pairs.iter().map(line).collect()
}

/// `yes` or `no`.
pub fn yes_no(value: bool) -> String {
    if value { "yes".to_owned() } else { "no".to_owned() }
}

/// A JSON text, or null.
pub fn or_null(value: Option<impl ToString>) -> Value {
    value.map_or(Value::Null, |value| Value::String(value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::{listing, table};

    #[test]
    fn columns_are_as_wide_as_their_widest() {
        let rows = [["1".to_owned(), "žąsis".to_owned()], ["10".to_owned(), String::new()]];
        assert_eq!(table(["ID", "NAME"], &rows, "none"), "ID  NAME\n1   žąsis\n10\n");
        assert_eq!(table(["ID"], &[], "there is nothing"), "there is nothing\n");
    }

    #[test]
    fn what_others_wrote_keeps_to_its_line() {
        let forged = "x\nroot  1.00\u{1b}[2J";
        assert_eq!(table(["A"], &[[forged.to_owned()]], "none"), "A\nx\\u000aroot  1.00\\u001b[2J\n");
        assert_eq!(listing(&[("a", forged.to_owned())]), "a  x\\u000aroot  1.00\\u001b[2J\n");
    }

    #[test]
    fn names_stand_before_values() {
        assert_eq!(listing(&[("id", "1".into()), ("login", "x".into())]), "id     1\nlogin  x\n");
    }
}
