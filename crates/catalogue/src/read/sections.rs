//! The file's lists of entries, such as `[[tariff]]`.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::{
    Reader,
    entry::{Entry, Value},
    values::kind,
};
use crate::mistake::did_you_mean;

/// The ids of a section's entries, also of those that have mistakes, so that one mistake doesn't make more; and their
/// lines.
pub(super) type Names = BTreeMap<String, usize>;

/// What a section is called, and its keys; the first is the id.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) keys: &'static [&'static str],
}

impl<'a, 't> Reader<'_, 'a, 't> {
    /// Reads every entry of a section with `build`. Entries that it makes nothing of have their mistakes noted.
    pub(super) fn section<T>(
        &self,
        section: &Section,
        mut build: impl FnMut(&Entry<'a, 't>) -> Option<T>,
    ) -> (Vec<T>, Names) {
        let mut names = Names::new();
        let mut built = Vec::new();
        for (index, value) in self.entries(section.name).into_iter().enumerate() {
            let id = section.keys.first().and_then(|key| id(value, key));
            let name = id.as_ref().map_or_else(|| format!("no. {}", index + 1), |(name, _)| name.clone());
            let name = format!("{} {name}", section.name);
            let Some(entry) = self.root.inner(value, section.name, &name, section.keys) else { continue };
            if let Some((id, value)) = id {
                let line = entry.line(value);
                if let Some(first) = names.get(&id) {
                    entry.mistake_at(
                        value,
                        format!("{name} is there already, on line {first}: give it an id of its own"),
                    );
                } else {
                    names.insert(id, line);
                }
            }
            built.extend(build(&entry));
        }
        (built, names)
    }

    fn entries(&self, name: &str) -> Vec<&'a Value<'t>> {
        let Some(value) = self.root.found(name) else { return Vec::new() };
        let Some(list) = value.get_ref().as_array() else {
            let reason =
                format!("{name}: begin each with [[{name}]] in double brackets, not {}", kind(value.get_ref()));
            self.root.mistake_at(value, reason);
            return Vec::new();
        };
        list.iter().collect()
    }
}

/// Notes a name that none of a section's entries has.
pub(super) fn check_name(entry: &Entry<'_, '_>, value: &Value<'_>, section: &str, names: &Names) -> bool {
    let Some(name) = id_text(value.get_ref()) else { return true };
    if names.contains_key(&name) {
        return true;
    }
    let near = did_you_mean(&name, names.keys().map(String::as_str));
    entry.dangling(value, format!("there is no {section} {name}{near}: add one, or name another"));
    false
}

fn id<'a, 't>(value: &'a Value<'t>, key: &str) -> Option<(String, &'a Value<'t>)> {
    let value = value.get_ref().as_table()?.get(key)?;
    Some((id_text(value.get_ref())?, value))
}

fn id_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) if !text.is_empty() => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}
