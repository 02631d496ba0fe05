//! A real browser: Chromium without a window, driven over its debugging pipe.
//!
//! ```no_run
//! # async fn example() {
//! let browser = testkit::Browser::start().await;
//! let page = browser.page().await;
//! page.size(1000, 800).await;
//! page.open("http://127.0.0.1:8080/").await;
//! let title: String = page.evaluate("document.title").await;
//! page.screenshot("front-page").await;
//! assert_eq!(page.complaints(), [""; 0]);
//! # }
//! ```
//!
//! The pipe needs no port, no driver and no library: messages of Chromium's DevTools protocol go in and out of it. When
//! the test ends, however it ends, the pipe is closed and Chromium ends by itself.

mod page;
mod wire;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;

pub use page::Page;
use wire::Wire;

/// How long a browser may take to end when it is asked to.
const END: Duration = Duration::from_secs(5);

/// The shell gives it the pipe as 3 and 4, where it looks for it, and nothing else to read or write.
const THROUGH_THE_PIPE: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"#;

/// Nothing of a browser but pages: no profile, no network of its own, no sandbox (tests run as root, too), and the same
/// colours everywhere.
const ARGUMENTS: [&str; 16] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-breakpad",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en",
    "--remote-debugging-pipe",
];

/// Chromium, with a profile of its own that nothing is left of.
pub struct Browser {
    process: Child,
    wire: Arc<Wire>,
    profile: PathBuf,
}

impl Browser {
    /// Starts one. Fails the test where there is no Chromium.
    pub async fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let program = program();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let profile = std::env::temp_dir().join(format!("vartai-browser-{}-{number}", std::process::id()));
        fs::create_dir(&profile).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", THROUGH_THE_PIPE]).arg(program).args(ARGUMENTS);
        command.arg(format!("--user-data-dir={}", profile.display())).arg("about:blank");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let wire = Wire::new(process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let browser = Self { process, wire, profile };
        browser.wire.call(None, "Browser.getVersion", json!({})).await;
        browser
    }

    /// A page of its own: no other page's cookies, size or complaints.
    pub async fn page(&self) -> Page {
        Page::new(self.wire.clone()).await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.wire.close();
        let deadline = Instant::now() + END;
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        // It may have ended by itself.
        self.process.kill().ok();
        self.process.wait().ok();
        fs::remove_dir_all(&self.profile).ok();
    }
}

/// Where Chromium is.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join("chromium")).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("this test looks at pages with Chromium: install it (apt-get install chromium)"))
}

/// Where pictures of pages go: `screenshots` beside what is built.
fn screenshots() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    // target/debug/deps/test
    let dir = exe.ancestors().nth(3).unwrap_or(Path::new(".")).join("screenshots");
    fs::create_dir_all(&dir).unwrap();
    dir
}
