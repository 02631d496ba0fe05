//! Texts as literals. Values come from the catalogue and the configuration, and may hold anything.

/// For a POSIX shell.
pub(super) fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:=/@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// For PHP, in single quotes.
pub(crate) fn single(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// In double quotes, with the escapes that Python, Go, JavaScript and Rust share; what has none is written as it is, but
/// for control characters, which no value has.
pub(crate) fn double(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars().filter(|c| !c.is_control()) {
        if c == '"' || c == '\\' {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// For Ruby, where `#{` in double quotes is code.
pub(super) fn ruby(text: &str) -> String {
    double(text).replace('#', r"\#")
}
