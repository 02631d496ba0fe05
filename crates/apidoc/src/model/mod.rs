//! What the reference page tells, before it is a page: commands of both surfaces with their fields, answers and codes,
//! texts in three languages, what is for sale, and calls that were really made. Whatever else is to be made of it
//! (OpenAPI, a page a command, clients) is made of [`Model`].

pub mod codes;
pub mod command;
mod exchange;
mod facts;
pub mod kinds;
mod sold;
mod text;
pub mod values;
mod worked;

use domain::catalogue::Catalogue;

pub use codes::{Again, Charged, Code, CodeId, Elsewhere, Provoked};
pub use command::{Command, Field, Need, Repeat, Surface, Told};
pub use exchange::Exchange;
pub use facts::Facts;
pub use kinds::Kind;
pub use sold::{Sold, SoldAddon, SoldPeriod};
pub use text::Text;
pub use worked::{Worked, WorkedItem};

use crate::examples::Captured;

/// Everything that the reference page tells.
#[derive(Debug, Clone)]
pub struct Model {
    /// What is configured.
    pub facts: Facts,
    /// Every command of both surfaces, in the order of the page.
    pub commands: Vec<Command>,
    /// Every code of both surfaces.
    pub codes: Vec<Code>,
    /// What is for sale.
    pub sold: Vec<Sold>,
    /// The currency that prices are in.
    pub currency: &'static str,
    /// An order's price, step by step.
    pub worked: Option<Worked>,
}

impl Model {
    /// The model of an installation: what it is configured to, what it sells, and what was answered.
    #[must_use]
    pub fn of(facts: Facts, catalogue: &Catalogue, captured: &Captured) -> Self {
        let mut commands = command::all();
        for command in &mut commands {
            command.example = captured.command(command.surface, command.name).cloned();
        }
        let mut codes = codes::of_apih(facts.dialect);
        codes.extend(codes::of_json());
        for code in &mut codes {
            code.provoked = captured.code(&code.id.anchor());
        }
        let worked = captured.worked.clone();
        Self { facts, commands, codes, sold: sold::of(catalogue), currency: catalogue.base.code(), worked }
    }

    /// The commands of a surface.
    pub fn of_surface(&self, surface: Surface) -> impl Iterator<Item = &Command> {
        self.commands.iter().filter(move |command| command.surface == surface)
    }

    /// The command of that name.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<&Command> {
        self.commands.iter().find(|command| command.name == name)
    }

    /// The codes of a surface.
    pub fn codes_of(&self, surface: Surface) -> impl Iterator<Item = &Code> {
        self.codes.iter().filter(move |code| match code.id {
            CodeId::Apih(_) => surface == Surface::Apih,
            CodeId::Json(_) => surface == Surface::Json,
        })
    }
}

#[cfg(test)]
mod tests;
