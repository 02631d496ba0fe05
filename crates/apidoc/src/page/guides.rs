//! The parts of the guides that are computed.

use askama::Template;

use super::{commands::answers, markup::text, words::Words};
use crate::{
    model::{Model, Surface, Worked},
    snippets::{Tongue, program},
};

#[derive(Template)]
#[template(path = "worked.html")]
struct WorkedView<'a> {
    w: Words<'a>,
    worked: &'a Worked,
}

#[derive(Template)]
#[template(path = "first.html")]
struct FirstView<'a> {
    w: Words<'a>,
    steps: Vec<(&'static str, String, String)>,
}

/// A price, step by step; nothing where none was worked out.
pub(super) fn worked(w: Words<'_>, model: &Model) -> String {
    let worked = model.worked.as_ref().map(|worked| WorkedView { w, worked }.render().unwrap_or_default());
    worked.unwrap_or_default()
}

/// The first order: what to send, and what comes back.
pub(super) fn first_order(w: Words<'_>, model: &Model) -> String {
    let calls = ["getTarifs", "createOrder", "getOrders"];
    let examples = calls.into_iter().filter_map(|name| {
        let command = model.command(name).filter(|command| command.surface == Surface::Apih)?;
        let exchange = command.example.as_ref()?;
        // The tariffs are a long list, and shown where they are told of.
        let answer = if name == "getTarifs" { String::new() } else { answers(w, exchange) };
        Some((name, text(&program(Tongue::Curl, &w.facts.public_url, exchange)), answer))
    });
    FirstView { w, steps: examples.collect() }.render().unwrap_or_default()
}
