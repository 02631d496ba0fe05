//! The two originals that `/apih.php` can speak like (CONTRACT 1.3).

use std::fmt;
use std::str::FromStr;

/// Which original's error table is in force: the setting `apih.dialect`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// An order that the balance can't pay is kept with an unpaid invoice: non-critical 31.
    #[default]
    Friendhosting,
    /// An order that the balance can't pay is refused: critical 31.
    Rootpanel,
}

impl Dialect {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Friendhosting, Self::Rootpanel];

    /// The name as the configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Friendhosting => "friendhosting",
            Self::Rootpanel => "rootpanel",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown dialect {0:?}: it is friendhosting or rootpanel")]
pub struct UnknownDialect(pub String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == name).ok_or_else(|| UnknownDialect(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, UnknownDialect};

    #[test]
    fn names_read_back_and_nothing_else_does() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
        assert_eq!("Rootpanel".parse::<Dialect>(), Err(UnknownDialect("Rootpanel".to_owned())));
    }
}
