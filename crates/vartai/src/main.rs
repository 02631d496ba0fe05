//! The binary: configuration, telemetry, serve, worker and the staff's command line.
fn main() {}
