//! The program in Rust that the page shows for createOrder: compiled here, and compared with what the page shows.

/// As the page shows it, for this address.
pub const URL: &str = "http://127.0.0.1:9/apih.php";

/// Its text.
pub const TEXT: &str = include_str!("rust_program.txt");

mod shown {
    include!("rust_program.txt");

    pub fn run() -> Result<(), ureq::Error> {
        main()
    }
}

#[test]
fn it_compiles_and_fails_only_for_want_of_a_server() {
    let error = shown::run().unwrap_err();
    assert!(matches!(error, ureq::Error::Io(_) | ureq::Error::ConnectionFailed), "{error}");
}
