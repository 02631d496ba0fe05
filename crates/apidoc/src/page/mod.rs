//! The page: one file of HTML with its style and script inside, in one language.

mod codes;
mod commands;
mod diagram;
mod guides;
mod markup;
mod spec;
mod words;

use std::io::Write;

use actix_web::web::Bytes;
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::language::Language;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use self::words::Words;
use crate::model::{Model, Sold, Surface};

/// Goes into the page to the byte: the policy names its digest.
const STYLE: &str = include_str!("../../templates/page.css");
/// The same.
const SCRIPT: &str = include_str!("../../templates/page.js");

/// A page as it is served.
#[derive(Debug, Clone)]
pub struct Page {
    /// The page.
    pub html: Bytes,
    /// The same, compressed.
    pub gzip: Bytes,
    /// Names what is in it.
    pub digest: String,
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
    order_life: String,
    task_life: String,
    first_order: String,
    worked: String,
    spec: String,
}

/// Writes the page of a model in a language.
#[must_use]
pub fn render(model: &Model, language: Language) -> Page {
    let html = html(model, language);
    let mut zipped = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory does not fail.
    let gzip = zipped.write_all(html.as_bytes()).and_then(|()| zipped.finish()).unwrap_or_default();
    let digest = Sha256::digest(&html).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    Page { html: Bytes::from(html), gzip: Bytes::from(gzip), digest, policy: policy() }
}

fn html(model: &Model, language: Language) -> String {
    let w = Words { language, facts: &model.facts };
    let commands = |surface| model.of_surface(surface).map(|c| commands::section(w, model, c)).collect();
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
        order_life: diagram::of_orders(w, &[]),
        task_life: diagram::of_tasks(w, &[]),
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
mod tests;
