//! The little markup of the texts: paragraphs, lists, `code`, **bold**, [links](#anchor), [files](apidoc/file) and {facts}. All else is escaped.

use crate::model::Facts;

/// A text for HTML, in elements and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// A text for HTML, in elements alone: quotes, of which programs and JSON are full, stay as they are.
pub(super) fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Paragraphs and lists, which empty lines part.
pub(super) fn blocks(text: &str, facts: &Facts) -> String {
    text.trim().split("\n\n").map(|block| one_block(block, facts)).collect()
}

fn one_block(block: &str, facts: &Facts) -> String {
    let items = |mark: &str| block.lines().map(|l| l.strip_prefix(mark)).collect::<Option<Vec<_>>>();
    for (mark, list) in [("- ", "ul"), ("+ ", "ol")] {
        if let Some(items) = items(mark) {
            let items: String = items.iter().map(|item| format!("<li>{}</li>", line(item, facts))).collect();
            return format!("<{list}>{items}</{list}>");
        }
    }
    format!("<p>{}</p>", line(block, facts))
}

/// One line.
pub(super) fn line(text: &str, facts: &Facts) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[', '{']) {
        let (plain, marked) = rest.split_at(at);
        html.push_str(&escape(plain));
        let (written, after) = marked_up(marked, facts);
        html.push_str(&written);
        rest = after;
    }
    html.push_str(&escape(rest));
    html
}

/// What a mark begins, as HTML, and what comes after it. A mark without its end is a character.
fn marked_up<'a>(marked: &'a str, facts: &Facts) -> (String, &'a str) {
    let found =
        code(marked, facts).or_else(|| bold(marked, facts)).or_else(|| link(marked)).or_else(|| fact(marked, facts));
    found.unwrap_or_else(|| {
        let mut rest = marked.chars();
        let first = rest.next().map(|c| escape(&c.to_string())).unwrap_or_default();
        (first, rest.as_str())
    })
}

fn code<'a>(marked: &'a str, facts: &Facts) -> Option<(String, &'a str)> {
    let (inside, after) = marked.strip_prefix('`')?.split_once('`')?;
    let known = fact(inside, facts).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value);
    Some((format!("<code>{}</code>", known.unwrap_or_else(|| escape(inside))), after))
}

fn bold<'a>(marked: &'a str, facts: &Facts) -> Option<(String, &'a str)> {
    let (inside, after) = marked.strip_prefix("**")?.split_once("**")?;
    Some((format!("<strong>{}</strong>", line(inside, facts)), after))
}

fn link(marked: &str) -> Option<(String, &str)> {
    let (text, rest) = marked.strip_prefix('[')?.split_once("](")?;
    let (target, after) = rest.split_once(')')?;
    let text = match text.strip_prefix('`').and_then(|text| text.strip_suffix('`')) {
        Some(code) => format!("<code>{}</code>", escape(code)),
        None => escape(text),
    };
    Some((format!("<a href=\"{}\">{text}</a>", escape(target)), after))
}

fn fact<'a>(marked: &'a str, facts: &Facts) -> Option<(String, &'a str)> {
    let (name, after) = marked.strip_prefix('{')?.split_once('}')?;
    let value = match name {
        "company" => facts.company.clone(),
        "url" => facts.public_url.clone(),
        "zone" => facts.zone.clone(),
        "dialect" => facts.dialect.name().to_owned(),
        "login_failures" => facts.login_failures.to_string(),
        "address_failures" => facts.address_failures.to_string(),
        "days" => facts.keep_secrets_days.to_string(),
        _ => return None,
    };
    Some((escape(&value), after))
}
