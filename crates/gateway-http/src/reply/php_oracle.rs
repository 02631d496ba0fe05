//! Real PHP as the judge of what PHP would do, for tests.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Reads questions (a count, then so many strings, each with its length before it) until its input ends, and answers
/// each with what `answer` returns.
const LOOP: &str = r#"
    function bytes(int $length): string {
        $bytes = '';
        while (strlen($bytes) < $length) {
            $more = fread(STDIN, $length - strlen($bytes));
            if ($more === false || $more === '') exit(strlen($bytes) === 0 ? 0 : 1);
            $bytes .= $more;
        }
        return $bytes;
    }
    function number(): int { return unpack('N', bytes(4))[1]; }
    while (true) {
        $parts = [];
        for ($left = number(); $left > 0; $left--) {
            $length = number();
            $parts[] = $length === 0 ? '' : bytes($length);
        }
        $said = answer($parts);
        fwrite(STDOUT, pack('N', strlen($said)) . $said);
        fflush(STDOUT);
    }
"#;

/// One PHP process that answers any number of questions.
pub(crate) struct PhpOracle {
    child: Child,
    /// `None` once the process has been told that there are no more questions.
    pipes: RefCell<Option<(ChildStdin, ChildStdout)>>,
}

impl PhpOracle {
    /// Starts PHP with `program`, which defines `function answer(array $parts): string`.
    ///
    /// `None` where `VARTAI_TEST_SKIP_PHP=1` says to do without; a machine without PHP fails the test.
    pub(crate) fn start(program: &str) -> Option<Self> {
        if std::env::var("VARTAI_TEST_SKIP_PHP").is_ok_and(|value| value == "1") {
            eprintln!("not compared with PHP: VARTAI_TEST_SKIP_PHP=1");
            return None;
        }
        let mut child = Command::new("php")
            .args(["-n", "-d", "display_errors=stderr", "-d", "serialize_precision=-1", "-r"])
            .arg(format!("{program}\n{LOOP}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "this test compares with real PHP and `php` can't be started ({error}): \
                     install php-cli, or set VARTAI_TEST_SKIP_PHP=1 to do without the comparison"
                )
            });
        let pipes = child.stdin.take().zip(child.stdout.take());
        Some(Self { child, pipes: RefCell::new(pipes) })
    }

    /// What PHP says to the parts.
    pub(crate) fn ask(&self, parts: &[&[u8]]) -> Vec<u8> {
        let mut question = size(parts.len()).to_vec();
        for part in parts {
            question.extend(size(part.len()));
            question.extend(*part);
        }
        let mut pipes = self.pipes.borrow_mut();
        let (stdin, stdout) = pipes.as_mut().expect("PHP's pipes are open");
        stdin.write_all(&question).expect("PHP reads the question");
        let mut length = [0; 4];
        stdout.read_exact(&mut length).expect("PHP answers");
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("an answer fits into memory")];
        stdout.read_exact(&mut answer).expect("PHP finishes its answer");
        answer
    }
}

impl Drop for PhpOracle {
    fn drop(&mut self) {
        // The end of its input ends the process; a process that is still there anyway isn't worth a panic.
        self.pipes.borrow_mut().take();
        let _ = self.child.wait();
    }
}

/// A length as PHP's `unpack('N')` reads it.
pub(crate) fn size(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a test's strings are short").to_be_bytes()
}
