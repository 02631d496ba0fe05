//! The page: one file of HTML with its style and script inside, in one language.

mod codes;
mod commands;
mod diagram;
mod guides;
mod markup;
mod spec;
mod words;

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::language::Language;
use sha2::{Digest, Sha256};

use self::words::Words;
use crate::{
    model::{Model, Sold, Surface},
    packed::Packed,
};

/// Goes into the page to the byte: the policy names its digest.
const STYLE: &str = include_str!("../../templates/page.css");
/// The same.
const SCRIPT: &str = include_str!("../../templates/page.js");

/// How the client in PHP is used. It is run by the tests.
pub const USE_PHP: &str = include_str!("../../templates/use.php");
/// The same in Python.
pub const USE_PYTHON: &str = include_str!("../../templates/use.py");

/// A page as it is served.
#[derive(Debug, Clone)]
pub struct Page {
    /// The page.
    pub html: Packed,
    /// Its content security policy.
    pub policy: String,
}

#[derive(Template)]
#[template(path = "page.html")]
struct PageView<'a> {
    w: Words<'a>,
    model: &'a Model,
    style: &'static str,
    script: &'static str,
    apih: Vec<String>,
    json: Vec<String>,
    critical: Vec<String>,
    accepted: Vec<String>,
    json_codes: Vec<String>,
    lives: String,
    order_life: String,
    task_life: String,
    use_php: String,
    use_python: String,
    first_order: String,
    worked: String,
    spec: String,
}

/// Writes the page of a model in a language.
#[must_use]
pub fn render(model: &Model, language: Language) -> Page {
    Page { html: Packed::of(html(model, language)), policy: policy() }
}

fn html(model: &Model, language: Language) -> String {
    let w = Words { language, facts: &model.facts };
    let commands = |surface| {
        let of_surface = model.commands.iter().enumerate().filter(|(_, command)| command.surface == surface);
        of_surface.map(|(at, command)| commands::section(w, model, at, command)).collect()
    };
    let codes = |is: &dyn Fn(&crate::model::Code) -> bool| {
        model.codes_of(Surface::Apih).filter(|code| is(code)).map(|code| codes::entry(w, code)).collect()
    };
    let view = PageView {
        w,
        model,
        style: STYLE,
        script: SCRIPT,
        apih: commands(Surface::Apih),
        json: commands(Surface::Json),
        critical: codes(&|code| code.critical),
        accepted: codes(&|code| !code.critical),
        json_codes: model.codes_of(Surface::Json).map(|code| codes::entry(w, code)).collect(),
        lives: diagram::lives(w),
        order_life: diagram::of_orders(w, &[]),
        task_life: diagram::of_tasks(w, &[]),
        use_php: markup::text(USE_PHP),
        use_python: markup::text(USE_PYTHON),
        first_order: guides::first_order(w, model),
        worked: guides::worked(w, model),
        spec: spec::of(w, model),
    };
    // Writing into a string fails only where a filter fails, and the templates have none that can.
    view.render().unwrap_or_default()
}

/// Only what is in the page itself runs and is looked at, and only this host is called.
fn policy() -> String {
    let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; base-uri 'none'; form-action \
         'none'; frame-ancestors 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

impl PageView<'_> {
    /// The tariffs of a kind.
    fn sold(&self, vid: &str) -> Vec<&Sold> {
        self.model.sold.iter().filter(|tariff| tariff.vid == vid).collect()
    }

    /// The commands of a surface: element id and name.
    fn contents(&self, surface: &str) -> Vec<(&'static str, &'static str)> {
        let surface = if surface == "json" { Surface::Json } else { Surface::Apih };
        self.model.of_surface(surface).map(|command| (command.section, command.name)).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests;
