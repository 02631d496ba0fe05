//! The addons of an order: reading them, checking them, echoing them (CONTRACT 1.5, createOrder).

use crate::{
    billing::Selection,
    calendar::parse_digits,
    catalogue::{AddonGroup, AddonId, Catalogue, Tariff},
};

/// One item of the `addons` field, as far as it could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddonChoice {
    /// The addon; `None` when empty or unreadable.
    pub id: Option<AddonId>,
    /// How many; `None` when unreadable.
    pub quantity: Option<u32>,
}

/// What is wrong with the addons of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddonError {
    /// One that the tariff doesn't have, or named twice, or unreadable: its text.
    NotAllowed,
    /// A quantity outside the addon's limits.
    Quantity(AddonId),
    /// More of a group than it allows: the group's name.
    TooManyOfGroup(String),
    /// Nothing of a required group: the group's name.
    GroupRequired(String),
}

/// Reads `id` or `id:quantity`, separated by commas, spaces ignored.
#[must_use]
pub fn parse_addons(text: &str) -> Vec<AddonChoice> {
    let text: String = text.chars().filter(|c| *c != ' ').collect();
    let read = |item: &str| {
        let (id, quantity) = match item.split_once(':') {
            Some((id, quantity)) => (id, parse_digits(quantity).and_then(|n| u32::try_from(n).ok())),
            None => (item, Some(1)),
        };
        AddonChoice { id: parse_digits(id).map(AddonId), quantity }
    };
    text.split(',').map(read).collect()
}

/// Checks the addons of a new order: 17, then 28, then 29.
///
/// # Errors
/// The first [`AddonError`] in that order.
pub fn choose_addons(
    choices: &[AddonChoice],
    tariff: &Tariff,
    catalogue: &Catalogue,
) -> Result<Vec<Selection>, AddonError> {
    let mut known = Vec::with_capacity(choices.len());
    for choice in choices {
        let id = choice.id.ok_or(AddonError::NotAllowed)?;
        let addon = catalogue.addons_of(tariff).find(|a| a.id == id).ok_or(AddonError::NotAllowed)?;
        if known.iter().any(|(seen, _): &(&crate::catalogue::Addon, _)| seen.id == id) {
            return Err(AddonError::NotAllowed);
        }
        known.push((addon, choice.quantity));
    }
    let mut chosen = Vec::with_capacity(known.len());
    for (addon, quantity) in &known {
        let in_limits = quantity.filter(|q| (addon.min_quantity..=addon.max_quantity).contains(q));
        let quantity = in_limits.ok_or(AddonError::Quantity(addon.id))?;
        chosen.push(Selection { addon: addon.id, quantity });
    }
    let groups = groups_of(tariff, catalogue);
    let of_group = |group: &AddonGroup| known.iter().filter(|(a, _)| a.group.as_deref() == Some(&group.key)).count();
    for group in &groups {
        if of_group(group) > usize::try_from(group.max_choices).unwrap_or(usize::MAX) {
            return Err(AddonError::TooManyOfGroup(group.name.clone()));
        }
    }
    match groups.iter().find(|g| g.required && of_group(g) == 0) {
        Some(group) => Err(AddonError::GroupRequired(group.name.clone())),
        None => Ok(chosen),
    }
}

/// The groups that a tariff's addons are of, each once, in the addons' order.
fn groups_of<'a>(tariff: &'a Tariff, catalogue: &'a Catalogue) -> Vec<&'a AddonGroup> {
    let mut groups: Vec<&AddonGroup> = Vec::new();
    for group in catalogue.addons_of(tariff).filter_map(|a| a.group.as_deref()).filter_map(|k| catalogue.group(k)) {
        if !groups.iter().any(|g| g.key == group.key) {
            groups.push(group);
        }
    }
    groups
}

/// The addons as createOrder echoes them: `2,1:2`, quantity 1 unsaid.
#[must_use]
pub fn echo_addons(addons: &[Selection]) -> String {
    let one = |s: &Selection| match s.quantity {
        1 => s.addon.to_string(),
        quantity => format!("{}:{quantity}", s.addon),
    };
    addons.iter().map(one).collect::<Vec<_>>().join(",")
}
