//! Reading what a hook writes, line by line, in bounded memory: it is read to its end whatever is kept of it, so that no
//! hook is held up.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// What is kept of a line, in bytes.
const KEPT: usize = 64 * 1024;

/// Reads to the end. `take` gets each line without its end, as text, and whether something of it is missing.
pub(super) async fn each(input: impl AsyncRead + Unpin, mut take: impl FnMut(&str, bool)) -> io::Result<()> {
    let mut input = BufReader::with_capacity(KEPT, input);
    let (mut line, mut cut) = (Vec::new(), false);
    loop {
        let part = input.fill_buf().await?;
        if part.is_empty() {
            if !line.is_empty() || cut {
                take(&String::from_utf8_lossy(&line), cut);
            }
            return Ok(());
        }
        let end = part.iter().position(|byte| *byte == b'\n');
        let (text, used) = match end {
            Some(at) => (part.get(..at).unwrap_or(part), at + 1),
            None => (part, part.len()),
        };
        let room = KEPT - line.len();
        cut |= text.len() > room;
        line.extend_from_slice(text.get(..room).unwrap_or(text));
        input.consume(used);
        if end.is_some() {
            take(&String::from_utf8_lossy(&line), cut);
            line.clear();
            cut = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &[u8]) -> Vec<(String, bool)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut lines = Vec::new();
        runtime.block_on(each(input, |line, cut| lines.push((line.to_owned(), cut)))).unwrap();
        lines
    }

    #[test]
    fn a_line_without_end_is_kept_in_part() {
        let long = vec![b'x'; KEPT * 3];
        assert_eq!(read(&long), [("x".repeat(KEPT), true)]);
        let two = [&long[..], b"\nnext\n"].concat();
        assert_eq!(read(&two), [("x".repeat(KEPT), true), ("next".into(), false)]);
    }

    proptest! {
        #[test]
        fn lines_are_what_stands_between_their_ends(lines in prop::collection::vec("[^\n]{0,50}", 0..20)) {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let read: Vec<String> = read(text.as_bytes()).into_iter().map(|(line, _)| line).collect();
            prop_assert_eq!(read, lines);
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
            let rest = usize::from(!bytes.is_empty() && bytes.last() != Some(&b'\n'));
            prop_assert_eq!(read(&bytes).len(), ends + rest);
        }
    }
}
