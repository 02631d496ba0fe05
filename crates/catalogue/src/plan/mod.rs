//! What a file would change.

mod show;

use std::collections::{BTreeMap, BTreeSet};

use domain::catalogue::Catalogue;
use serde::Serialize;

use crate::{
    applied::applied,
    fields::{Field, Item, items, orders},
    subject::Subject,
};

/// What applying a file would change. Its `Display` is for people, its `Serialize` for `--json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The changes: the catalogue as a whole, rates, nodes, images, groups, addons, tariffs with their periods,
    /// pools, each in the order of the list that it would be in.
    pub changes: Vec<Change>,
    /// Why the file can't be applied, though there is no mistake in it. While there are any, it must not be.
    pub obstacles: Vec<String>,
}

/// A change of one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What becomes of the entry.
    #[serde(rename = "change")]
    pub kind: Kind,
    /// The entry.
    #[serde(rename = "entry", serialize_with = "show::subject")]
    pub subject: Subject,
    /// What people call it, where that is not its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The fields that change; of an added entry those that it gives, of a rate that goes the rate.
    pub fields: Vec<FieldChange>,
}

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It is new.
    Added,
    /// The file has it otherwise.
    Changed,
    /// The file no longer has it: it is kept, but off sale (see [`crate::applied`]).
    Retired,
}

/// A change of a field, with values as the file writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The key of the field, or `order of …` for the order of a list.
    pub field: &'static str,
    /// The value in force; `None` if there is none.
    pub old: Option<String>,
    /// The value to be; `None` if there is to be none.
    pub new: Option<String>,
}

impl Plan {
    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn count(&self, kind: Kind) -> usize {
        self.changes.iter().filter(|change| change.kind == kind).count()
    }
}

/// What would change if `new`, the file's catalogue, were applied to `old`, the one in force. It is empty exactly when
/// [`applied`]`(old, new)` is `old`.
///
/// A rate that goes is listed as retired: prices can no longer be told in its currency, so that whoever applies the
/// plan must first see that no customer has it. So is a pool: its addresses are then of none, so that whoever applies
/// the plan must first see that none of them is held.
#[must_use]
pub fn plan(old: &Catalogue, new: &Catalogue) -> Plan {
    let after = applied(old, new);
    let named: BTreeSet<Subject> = items(new).into_iter().map(|item| item.subject).collect();
    let before = with_orders(old, old);
    let after = with_orders(&after, old);
    let gone: Vec<&Item> = {
        let kept: BTreeSet<&Subject> = after.iter().map(|item| &item.subject).collect();
        before.iter().filter(|item| !kept.contains(&item.subject)).collect()
    };
    let gone = gone.into_iter().map(|item| change(Kind::Retired, item, fields_changed(&item.fields, &[])));
    let old_items: BTreeMap<&Subject, &Item> = before.iter().map(|item| (&item.subject, item)).collect();
    let rest = after.iter().filter_map(|item| {
        let Some(was) = old_items.get(&item.subject) else {
            return Some(change(Kind::Added, item, fields_given(item)));
        };
        let fields = fields_changed(&was.fields, &item.fields);
        let kind = if named.contains(&item.subject) { Kind::Changed } else { Kind::Retired };
        (!fields.is_empty()).then(|| change(kind, item, fields))
    });
    let mut changes: Vec<Change> = rest.collect();
    // Only rates and pools go altogether; they stand behind the catalogue's own line.
    let at = changes.iter().take_while(|change| change.subject == Subject::Catalogue).count();
    changes.splice(at..at, gone);
    Plan { changes, obstacles: obstacles(old, new, &named) }
}

/// The entries of a catalogue; each that has lists, with the order of what `old` has of them.
fn with_orders(catalogue: &Catalogue, old: &Catalogue) -> Vec<Item> {
    let known: BTreeSet<Subject> = items(old).into_iter().map(|item| item.subject).collect();
    let mut all = items(catalogue);
    let mut orders = orders(catalogue, &known).into_iter().peekable();
    // Both run through the tariffs in the same order.
    for item in &mut all {
        while let Some((_, field)) = orders.next_if(|(subject, _)| *subject == item.subject) {
            item.fields.push(field);
        }
    }
    all
}

fn change(kind: Kind, item: &Item, fields: Vec<FieldChange>) -> Change {
    Change { kind, subject: item.subject.clone(), title: item.title.clone(), fields }
}

fn fields_given(item: &Item) -> Vec<FieldChange> {
    let given = item.fields.iter().filter(|field| !field.default && !field.key.starts_with("order of"));
    given.map(|field| FieldChange { field: field.key, old: None, new: Some(field.value.clone()) }).collect()
}

fn fields_changed(old: &[Field], new: &[Field]) -> Vec<FieldChange> {
    let value = |fields: &[Field], key| fields.iter().find(|field| field.key == key).map(|field| field.value.clone());
    let gone = old.iter().filter(|was| new.iter().all(|field| field.key != was.key)).map(|field| field.key);
    let keys = new.iter().map(|field| field.key).chain(gone);
    let both = keys.map(|key| FieldChange { field: key, old: value(old, key), new: value(new, key) });
    both.filter(|change| change.old != change.new).collect()
}

/// What orders rely on, and so can't be otherwise.
fn obstacles(old: &Catalogue, new: &Catalogue, named: &BTreeSet<Subject>) -> Vec<String> {
    let mut obstacles = left_in_another_currency(old, new, named);
    for before in &old.tariffs {
        if let Some(after) = new.tariff(before.id).filter(|after| after.vid != before.vid) {
            obstacles.push(format!(
                "tariff {} is {}, and its orders are too, so that it can't become {}: give the other an id of its own",
                before.id, before.vid, after.vid
            ));
        }
    }
    obstacles
}

/// What is kept for its orders has prices in the old currency, which would be read as prices in the new one.
fn left_in_another_currency(old: &Catalogue, new: &Catalogue, named: &BTreeSet<Subject>) -> Vec<String> {
    if old.base == new.base {
        return Vec::new();
    }
    let tariffs = old.tariffs.iter().map(|tariff| Subject::Tariff(tariff.id));
    let addons = old.addons.iter().map(|addon| Subject::Addon(addon.id));
    let images = old.images.iter().filter(|image| image.price.is_some()).map(|image| Subject::Image(image.id.clone()));
    let left = tariffs.chain(addons).chain(images).filter(|subject| !named.contains(subject));
    left.map(|subject| {
        format!(
            "{subject} has prices in {}, and its orders go on: give it prices in {} in the file, with for_sale = false",
            old.base, new.base
        )
    })
    .collect()
}
