//! A plan as text and as JSON.

use std::fmt;

use serde::Serializer;

use super::{Change, FieldChange, Kind, Plan};
use crate::subject::Subject;

/// An entry in JSON is its path.
pub(super) fn subject<S: Serializer>(subject: &Subject, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(subject)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for obstacle in &self.obstacles {
            writeln!(f, "! {obstacle}")?;
        }
        for change in &self.changes {
            write!(f, "{change}")?;
        }
        if self.is_empty() {
            return writeln!(f, "no changes");
        }
        let [added, changed, retired] = [Kind::Added, Kind::Changed, Kind::Retired].map(|kind| self.count(kind));
        writeln!(f, "{added} added, {changed} changed, {retired} retired")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.kind {
            Kind::Added => '+',
            Kind::Changed => '~',
            Kind::Retired => '-',
        };
        write!(f, "{sign} {}", self.subject)?;
        if let Some(title) = &self.title {
            write!(f, " {title:?}")?;
        }
        if self.kind == Kind::Retired {
            write!(f, ": {}", fate(&self.subject))?;
        }
        writeln!(f)?;
        self.fields.iter().try_for_each(|field| writeln!(f, "    {field}"))
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new) = (self.old.as_deref(), self.new.as_deref());
        match (old, new) {
            (None, Some(new)) => write!(f, "{}: {new}", self.field),
            _ => write!(f, "{}: {} → {}", self.field, old.unwrap_or("none"), new.unwrap_or("none")),
        }
    }
}

/// What becomes of an entry that the file no longer has.
fn fate(subject: &Subject) -> &'static str {
    match subject {
        Subject::Catalogue => "",
        Subject::Rate(_) => "removed; nothing can be sold in this currency",
        Subject::Node(_) => "closed; its servers stay",
        Subject::Image(_) => "no longer for choice; servers keep it",
        Subject::Group(_) => "no longer required; kept",
        Subject::Addon(_) | Subject::Tariff(_) => "no longer for sale; its orders stay and can be renewed",
        Subject::Pool(_) => "removed; nothing is handed out of it",
        Subject::Period(..) => "no longer for sale; periods already paid stay",
    }
}
