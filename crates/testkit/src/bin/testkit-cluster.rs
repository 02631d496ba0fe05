//! Stops the cluster that tests run on: `testkit-cluster stop`. It would stop by itself ten seconds after the last
//! test; for those who can't wait.

use std::process::ExitCode;

use testkit::{Gone, data_dir, stop};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if std::env::args().skip(1).ne(["stop".to_owned()]) {
        eprintln!("usage: testkit-cluster stop");
        return ExitCode::from(2);
    }
    let at = data_dir();
    match stop().await {
        Ok(Gone::WasNot) => println!("no test cluster is running"),
        Ok(Gone::Stopped) => println!("stopped the test cluster in {}", at.display()),
        Ok(Gone::InUse) => println!("tests still use the test cluster in {}: it stops after them", at.display()),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
