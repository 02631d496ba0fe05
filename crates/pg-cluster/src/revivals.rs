//! How often the server died and was brought back since it was last started in order.

use std::fs;
use std::io;
use std::path::Path;

use crate::conf;
use crate::error::{ClusterError, FileContext};
use crate::layout::Layout;

/// The times that the server died and was brought back since it was last started in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revivals {
    /// How often.
    pub count: u64,
    /// When it was last, by the server's clock.
    pub last: String,
    /// What the log's last lines were then.
    pub last_words: String,
}

impl Revivals {
    /// Those of the cluster in `data_dir`; `None` if there were none.
    ///
    /// # Errors
    /// Its file is there and can't be read.
    pub fn read(data_dir: &Path) -> Result<Option<Self>, ClusterError> {
        let path = data_dir.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => parse(&text).map(Some).context("read", &path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("read", &path),
        }
    }
}

/// In the data directory: a number, a moment and the log's last words, a line each.
const FILE: &str = "revivals";

fn parse(text: &str) -> io::Result<Revivals> {
    let mut lines = text.lines();
    let count = lines.next().and_then(|count| count.parse().ok());
    match (count, lines.next(), lines.next()) {
        (Some(count), Some(last), Some(words)) => {
            Ok(Revivals { count, last: last.to_owned(), last_words: words.to_owned() })
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not a number, a moment and a line")),
    }
}

/// One more.
pub(crate) fn add(layout: &Layout, at: &str, last_words: &str) -> Result<(), ClusterError> {
    // What was counted before is not worth a server that doesn't come back.
    let before = Revivals::read(&layout.data_dir).ok().flatten().map_or(0, |revivals| revivals.count);
    let words = last_words.replace(char::is_control, " ");
    conf::replace(layout, &layout.data_dir.join(FILE), &format!("{}\n{at}\n{words}\n", before.saturating_add(1)))
}

/// Begins the count anew.
pub(crate) fn clear(layout: &Layout) -> Result<(), ClusterError> {
    let path = layout.data_dir.join(FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("remove", &path),
        _ => Ok(()),
    }
}
