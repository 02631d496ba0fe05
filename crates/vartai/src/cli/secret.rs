//! Passwords on their way in and out: never on the command line, where every user of the machine can read them.

use std::{
    io::{self, BufRead},
    thread,
};

use clap::Args;
use secrecy::SecretString;
use tokio::sync::oneshot;

use crate::failure::Failure;

/// Where a new password comes from.
#[derive(Debug, Clone, Copy, Args)]
pub struct PasswordSource {
    /// Take the password from the first line of stdin; without it one is made, and printed once
    #[arg(long)]
    password_stdin: bool,
}

/// A new password.
pub struct NewPassword {
    /// The password.
    pub password: SecretString,
    /// Whether it was made here, so that it must be shown.
    pub made: bool,
}

impl PasswordSource {
    /// The password.
    ///
    /// # Errors
    /// There is none on stdin; there is no randomness.
    pub async fn get(self) -> Result<NewPassword, Failure> {
        if self.password_stdin {
            return Ok(NewPassword { password: from_stdin().await?, made: false });
        }
        Ok(NewPassword { password: generate()?, made: true })
    }
}

/// The first line of stdin, white space and all.
///
/// # Errors
/// It is empty, or no text.
pub async fn from_stdin() -> Result<SecretString, Failure> {
    let (tell, told) = oneshot::channel();
    // On a thread that the end of the process does not wait for, so that Ctrl-C gets through while nobody types.
    thread::spawn(move || tell.send(first_line(io::stdin().lock())));
    told.await.map_err(Failure::failed)?
}

fn first_line(mut from: impl BufRead) -> Result<SecretString, Failure> {
    let mut line = String::new();
    from.read_line(&mut line).map_err(|error| Failure::failed(format!("no password on stdin: {error}")))?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    // A field of white space alone counts as not given (CONTRACT 1.1), so this one could never be given.
    if password.trim().is_empty() {
        return Err(Failure::failed("the password on stdin is empty"));
    }
    Ok(SecretString::from(password))
}

/// Letters and digits that can't be taken for one another: 32 of them, so that a byte names each equally often.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";
/// 24 of 32 are 120 bits.
const LENGTH: usize = 24;

/// A new password, from the operating system's randomness.
fn generate() -> Result<SecretString, Failure> {
    let mut random = [0_u8; LENGTH];
    getrandom::fill(&mut random).map_err(|error| Failure::failed(format!("no randomness: {error}")))?;
    let letters = random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
    Ok(letters.map(|letter| char::from(*letter)).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use secrecy::ExposeSecret;

    use super::{LENGTH, first_line, generate};

    #[test]
    fn a_password_is_the_first_line_with_its_spaces() {
        for (stdin, password) in [(" pass word \nrest", " pass word "), ("x\r\n", "x"), ("x", "x")] {
            assert_eq!(first_line(stdin.as_bytes()).unwrap().expose_secret(), password);
        }
        assert!(first_line("".as_bytes()).is_err());
        assert!(first_line(" \n".as_bytes()).is_err());
        assert!(first_line(&b"\xff\n"[..]).is_err());
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let some: BTreeSet<String> = (0..100).map(|_| generate().unwrap().expose_secret().to_owned()).collect();
        assert_eq!(some.len(), 100);
        assert!(some.iter().all(|password| password.len() == LENGTH));
    }
}
