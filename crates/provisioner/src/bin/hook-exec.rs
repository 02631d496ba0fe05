//! What runs a hook, as `vartai hook-exec` does: for the tests of this crate, which has no other program.

use std::process::ExitCode;

fn main() -> ExitCode {
    provisioner::supervise::main(std::env::args_os().skip(1))
}
