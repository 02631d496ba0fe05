//! Writes a catalogue as a file.

use domain::catalogue::Catalogue;

use crate::{
    fields::{Field, Item, items},
    subject::Subject,
};

/// The catalogue as a file that [`crate::read`] reads back to the same catalogue. Keys with their default are left out.
#[must_use]
pub fn write(catalogue: &Catalogue) -> String {
    let mut file = String::new();
    let mut items = items(catalogue).into_iter().peekable();
    let mut in_rates = false;
    while let Some(item) = items.next() {
        match &item.subject {
            Subject::Catalogue => entry(&mut file, &item),
            Subject::Rate(currency) => {
                if !in_rates {
                    file.push_str("\n[rates]\n");
                    in_rates = true;
                }
                file.extend(item.fields.iter().map(|rate| format!("{currency} = {}\n", rate.value)));
            }
            Subject::Node(_) => section(&mut file, "node", &item),
            Subject::Image(_) => section(&mut file, "image", &item),
            Subject::Group(_) => section(&mut file, "group", &item),
            Subject::Addon(_) => section(&mut file, "addon", &item),
            Subject::Pool(_) => section(&mut file, "pool", &item),
            Subject::Tariff(_) => {
                section(&mut file, "tariff", &item);
                file.push_str("periods = [\n");
                while let Some(period) = items.next_if(|next| matches!(next.subject, Subject::Period(..))) {
                    let fields: Vec<String> = told(&period).map(line).collect();
                    file.extend([format!("    {{ {} }},\n", fields.join(", "))]);
                }
                file.push_str("]\n");
            }
            // Written with their tariff, which they follow.
            Subject::Period(..) => {}
        }
    }
    file
}

fn section(file: &mut String, name: &str, item: &Item) {
    file.extend(["\n[[", name, "]]\n"]);
    entry(file, item);
}

fn entry(file: &mut String, item: &Item) {
    file.extend(told(item).map(|field| line(field) + "\n"));
}

fn told(item: &Item) -> impl Iterator<Item = &Field> {
    item.fields.iter().filter(|field| !field.default)
}

fn line(field: &Field) -> String {
    format!("{} = {}", field.key, field.value)
}
