//! Nodes and the images that they can install.

use domain::catalogue::{Arch, DriverName, ImageId, Node, OsImage};

use super::{
    Reader,
    entry::Entry,
    sections::{Names, Section},
    values,
};

const NODE: Section = Section { name: "node", keys: &["name", "driver", "max_tasks", "open"] };
const IMAGE: Section =
    Section { name: "image", keys: &["id", "title", "arch", "url", "min_ram_mb", "panel", "price", "for_sale"] };

impl<'a, 't> Reader<'_, 'a, 't> {
    /// Nodes; their drivers are noted for the tariffs, their names for the pools.
    pub(super) fn nodes(&mut self) -> Vec<Node> {
        let mut drivers = Vec::new();
        let (nodes, names) = self.section(&NODE, |entry| {
            let driver = entry.required("driver", values::key);
            drivers.extend(driver.clone());
            node(entry, driver)
        });
        self.drivers = drivers;
        self.nodes = names;
        nodes
    }

    pub(super) fn images(&self) -> (Vec<OsImage>, Names) {
        self.section(&IMAGE, |entry| self.image(entry))
    }

    fn image(&self, entry: &Entry<'a, 't>) -> Option<OsImage> {
        let id = entry.required("id", values::key);
        let title = entry.required("title", values::text);
        let arch = entry.or("arch", Arch::Bits64, |value| match values::text(value)?.as_str() {
            "64-bit" => Ok(Arch::Bits64),
            "32-bit" => Ok(Arch::Bits32),
            other => Err(format!("{other:?} is no architecture: write \"64-bit\" or \"32-bit\"")),
        });
        let url = entry.optional("url", values::url);
        let min_ram_mb = entry.optional("min_ram_mb", values::positive);
        let panel = entry.or("panel", false, values::flag);
        let price = entry.optional("price", |value| values::money(value, self.base));
        let for_sale = entry.or("for_sale", true, values::flag);
        Some(OsImage {
            id: ImageId(id?),
            title: title?,
            arch: arch?,
            url: url?,
            min_ram_mb: min_ram_mb?,
            panel: panel?,
            price: price?,
            for_sale: for_sale?,
        })
    }
}

fn node(entry: &Entry<'_, '_>, driver: Option<String>) -> Option<Node> {
    let name = entry.required("name", values::key);
    let max_tasks = entry.or("max_tasks", 1, values::positive);
    let open = entry.or("open", true, values::flag);
    Some(Node { name: name?, driver: DriverName(driver?), max_tasks: max_tasks?, open: open? })
}
