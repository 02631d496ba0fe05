//! Reads a catalogue file and tells every mistake in it at once.

mod addons;
mod entry;
mod hypervisors;
mod pools;
mod sections;
mod tariffs;
mod values;

use std::collections::BTreeMap;

use domain::{
    catalogue::Catalogue,
    money::{Currency, Rate},
};
use toml::de::DeTable;

use self::{entry::Entry, sections::Names};
use crate::mistake::{Mistake, Mistakes, did_you_mean};

const SECTIONS: [&str; 8] = ["currency", "rates", "node", "image", "group", "addon", "tariff", "pool"];

/// Reads a catalogue file.
///
/// # Errors
/// Every mistake in the file, by line: syntax, keys that are unknown or missing, values that can't be, entries given
/// twice, names of entries that aren't there. A file with syntax errors is checked as far as it can be understood.
pub fn read(text: &str) -> Result<Catalogue, Vec<Mistake>> {
    let mistakes = Mistakes::of(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        mistakes.add_syntax(at, format!("this is not TOML: {}", error.message().replace('\n', "; ")));
    }
    let root = Entry::root(&mistakes, document.get_ref(), &SECTIONS);
    let catalogue = Reader::new(&root).catalogue();
    let found = mistakes.into_sorted();
    match catalogue {
        Some(catalogue) if found.is_empty() => Ok(catalogue),
        _ => Err(found),
    }
}

/// What later sections must know of earlier ones.
struct Reader<'r, 'a, 't> {
    root: &'r Entry<'a, 't>,
    /// `None` when it can't be read: then prices are not checked.
    base: Option<Currency>,
    drivers: Vec<String>,
    nodes: Names,
    images: Names,
    groups: Names,
    addons: Names,
    tariffs: Names,
}

impl<'r, 'a, 't> Reader<'r, 'a, 't> {
    fn new(root: &'r Entry<'a, 't>) -> Self {
        let base = root.required("currency", |value| currency(&values::text(value)?));
        let (nodes, images, groups) = (Names::new(), Names::new(), Names::new());
        let (addons, tariffs) = (Names::new(), Names::new());
        Self { root, base, drivers: Vec::new(), nodes, images, groups, addons, tariffs }
    }

    /// `None` if it has mistakes that leave no catalogue to speak of; they are noted.
    fn catalogue(mut self) -> Option<Catalogue> {
        let rates = self.rates();
        let nodes = self.nodes();
        let (images, names) = self.images();
        self.images = names;
        let (groups, names) = self.groups();
        self.groups = names;
        let (addons, names) = self.addons();
        self.addons = names;
        let (tariffs, names) = self.tariffs();
        self.tariffs = names;
        let pools = self.pools();
        let daily = BTreeMap::new();
        Some(Catalogue { base: self.base?, rates, daily, tariffs, addons, groups, images, nodes, pools })
    }

    fn rates(&self) -> BTreeMap<Currency, Rate> {
        let Some(table) = self.root.rates() else { return BTreeMap::new() };
        let mut rates = BTreeMap::new();
        for (code, value) in table.pairs() {
            match currency(code) {
                Err(reason) => table.mistake_at(value, reason),
                Ok(own) if Some(own) == self.base => {
                    table.mistake_at(
                        value,
                        format!("{code} is the catalogue's own currency, which has no rate: take it out"),
                    );
                }
                Ok(currency) => {
                    rates.extend(table.required(code, values::parsed).map(|rate| (currency, rate)));
                }
            }
        }
        rates
    }
}

pub(super) fn currency(code: &str) -> Result<Currency, String> {
    let near = did_you_mean(code, Currency::ALL.iter().map(|currency| currency.code()));
    code.parse().map_err(|error| format!("{error}{near}"))
}
