//! A call as a program, in the languages that resellers write. `./test` runs them.

pub(crate) mod quote;
mod write;

use crate::model::{Exchange, Surface};

/// A language that calls are shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tongue {
    /// A line for a shell.
    Curl,
    /// PHP 7.0 and later, with nothing but itself.
    Php,
    /// Python 3, with its standard library.
    Python,
    /// Go, with its standard library.
    Go,
    /// Ruby, with its standard library.
    Ruby,
    /// JavaScript for Node.js 18 and later, Deno and Bun; a module.
    JavaScript,
    /// Rust, with the crate `ureq`.
    Rust,
}

impl Tongue {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 7] =
        [Self::Curl, Self::Php, Self::Python, Self::Go, Self::Ruby, Self::JavaScript, Self::Rust];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Php => "PHP",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::Ruby => "Ruby",
            Self::JavaScript => "JavaScript",
            Self::Rust => "Rust",
        }
    }

    /// Its name in element ids.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Php => "php",
            Self::Python => "py",
            Self::Go => "go",
            Self::Ruby => "rb",
            Self::JavaScript => "js",
            Self::Rust => "rs",
        }
    }
}

/// A call as a program that sends it and prints the answer. `/apih.php` is asked for PHP's format by PHP and for JSON by
/// all else.
#[must_use]
pub fn program(tongue: Tongue, public_url: &str, exchange: &Exchange) -> String {
    let url = format!("{public_url}{}", exchange.surface.path());
    let mut fields: Vec<(&str, &str)> = exchange.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let in_php = exchange.surface == Surface::Apih && tongue == Tongue::Php;
    if exchange.surface == Surface::Apih && !in_php {
        fields.push(("json", "1"));
    }
    match tongue {
        Tongue::Curl => write::curl(&url, &fields),
        Tongue::Php => write::php(&url, &fields, in_php),
        Tongue::Python => write::python(&url, &fields),
        Tongue::Go => write::go(&url, &fields),
        Tongue::Ruby => write::ruby(&url, &fields),
        Tongue::JavaScript => write::javascript(&url, &fields),
        Tongue::Rust => write::rust(&url, &fields),
    }
}

#[cfg(test)]
mod tests;
