//! `/apidoc.php` and `/apidoch.php`, and what machines read: made before, compressed before, and known by their digests.

use std::str::FromStr;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{Method, header},
    web::{self, Data},
};
use domain::language::Language;

use crate::{packed::Packed, publish::Published};

/// When to come again while there is no page yet, in seconds.
const RETRY_AFTER: u64 = 2;

/// The routes of the page.
pub fn routes(config: &mut web::ServiceConfig) {
    for path in ["/apidoc.php", "/apidoch.php"] {
        config.route(path, web::route().to(page));
    }
    for path in ["/llms.txt", "/apidoc/{file}"] {
        config.route(path, web::get().to(file));
    }
}

async fn page(request: HttpRequest, published: Data<Published>) -> HttpResponse {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET, HEAD")).finish();
    }
    let Some(pages) = published.pages() else { return not_yet() };
    let language = language(request.query_string(), text(&request, header::ACCEPT_LANGUAGE));
    let page = pages.get(language);
    respond(&request, &page.html, |response| {
        response
            .insert_header((header::VARY, "Accept-Language, Accept-Encoding"))
            .insert_header((header::CONTENT_SECURITY_POLICY, page.policy.as_str()))
            .insert_header(("cross-origin-opener-policy", "same-origin"))
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((header::CONTENT_LANGUAGE, language.code()));
    })
}

/// What machines read.
async fn file(request: HttpRequest, published: Data<Published>) -> HttpResponse {
    let Some(pages) = published.pages() else { return not_yet() };
    let Some((media_type, text)) = pages.file(request.path()) else { return HttpResponse::NotFound().finish() };
    respond(&request, text, |response| {
        response.insert_header((header::VARY, "Accept-Encoding")).insert_header((header::CONTENT_TYPE, *media_type));
    })
}

fn text(request: &HttpRequest, name: header::HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn not_yet() -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header((header::RETRY_AFTER, RETRY_AFTER))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .body("The reference is being written. Come again in a moment.\n")
}

/// A text that was packed, or that it is the same as before.
fn respond(request: &HttpRequest, packed: &Packed, head: impl FnOnce(&mut HttpResponseBuilder)) -> HttpResponse {
    let gzip = accepts(text(request, header::ACCEPT_ENCODING), "gzip");
    // The same text in another coding is another thing to a cache.
    let tag = format!("\"{}{}\"", packed.digest, if gzip { "-gzip" } else { "" });
    let known = text(request, header::IF_NONE_MATCH);
    let same = known.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag);
    let mut response = if same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    head(&mut response);
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "public, no-cache"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if same {
        return response.finish();
    }
    if gzip {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    // A handle on the bytes, not a copy.
    response.body(if gzip { packed.gzip.clone() } else { packed.plain.clone() })
}

/// The language asked for: `?lang=`, else the best of `Accept-Language`, else the customers' default.
fn language(query: &str, accepted: &str) -> Language {
    let named = query.split('&').filter_map(|pair| pair.strip_prefix("lang=")).next_back();
    if let Some(language) = named.and_then(|code| Language::from_str(code).ok()) {
        return language;
    }
    let mut best = (Language::default(), 0);
    for (range, weight) in weighted(accepted) {
        let primary = range.split('-').next().unwrap_or_default().to_ascii_lowercase();
        if let Ok(language) = Language::from_str(&primary)
            && weight > best.1
        {
            best = (language, weight);
        }
    }
    best.0
}

fn accepts(header: &str, coding: &str) -> bool {
    weighted(header).any(|(name, weight)| name.eq_ignore_ascii_case(coding) && weight > 0)
}

/// The values of a header with their weights in thousandths; 1000 where none is given, 0 where it can't be read.
fn weighted(header: &str) -> impl Iterator<Item = (&str, u32)> {
    header.split(',').map(|part| {
        let (value, parameters) = part.split_once(';').unwrap_or((part, ""));
        let weight = parameters.split(';').find_map(|one| one.trim().strip_prefix("q="));
        (value.trim(), weight.map_or(1000, thousandths))
    })
}

fn thousandths(weight: &str) -> u32 {
    let (whole, part) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    match (whole.parse::<u32>(), part.parse::<u32>()) {
        (Ok(whole), Ok(part)) => (whole.min(1) * 1000 + part).min(1000),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_names_the_language_before_the_browser_does() {
        for (query, accepted, wanted) in [
            ("", "", Language::Ru),
            ("lang=lt", "en", Language::Lt),
            ("x=1&lang=en", "lt", Language::En),
            ("lang=xx", "lt-LT,lt;q=0.9,en;q=0.8", Language::Lt),
            ("", "de, en;q=0.5, lt;q=0.7", Language::Lt),
            ("", "EN-gb", Language::En),
            ("", "lt;q=0, en;q=0.001", Language::En),
            ("", "de", Language::Ru),
            ("", ";;;q=,,", Language::Ru),
        ] {
            assert_eq!(language(query, accepted), wanted, "{query} {accepted}");
        }
    }

    #[test]
    fn a_coding_that_is_refused_is_not_accepted() {
        assert!(accepts("br, gzip", "gzip") && accepts("GZIP;q=0.5", "gzip"));
        assert!(!accepts("", "gzip") && !accepts("gzip;q=0", "gzip") && !accepts("br", "gzip"));
    }
}
