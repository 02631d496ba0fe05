//! Graphs: 404 for a forged link, 410 after its day, 403 for another address (CONTRACT 2.3).

use ::graphs::{Kind, Request, Width, render};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use domain::{language::Language, orders::OrderId, usage::Rollups};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use store::{Error, Realm, servers, usage};

use crate::{
    Api,
    links::{GraphLink, open},
};

/// What a graph is drawn from.
struct Drawn {
    server: String,
    language: Language,
    now: Timestamp,
    moment: Timestamp,
    rows: Vec<(Timestamp, Rollups)>,
}

/// Draws the graph that a link opens.
pub(super) async fn graph(request: HttpRequest, token: Path<String>, api: Data<Api>) -> HttpResponse {
    let keys = api.database().live.keys();
    let Some(link) = open::<GraphLink>(&token, keys) else { return HttpResponse::NotFound().finish() };
    let wanted = (link.target(), Kind::parse(&link.graph), Width::new(link.width));
    let (Some((realm, order)), Some(kind), Some(width)) = wanted else { return HttpResponse::NotFound().finish() };
    let from = api.protection().address_of(&request, &api.settings().auth.trusted_proxies);
    let realm = api.database().realm(realm);
    let drawn = match data(realm, order, kind).await {
        Ok(Some(drawn)) => drawn,
        Ok(None) => return HttpResponse::NotFound().finish(),
        Err(error) => {
            store::log_failure!(warn, error, "a graph can't be drawn");
            return HttpResponse::ServiceUnavailable().finish();
        }
    };
    if drawn.moment.as_second() >= link.expires {
        return HttpResponse::Gone().finish();
    }
    if from != Some(link.ip.to_canonical()) {
        return HttpResponse::Forbidden().finish();
    }
    let request_of = Request {
        kind,
        width,
        server: &drawn.server,
        language: drawn.language,
        zone: &realm.rules().zone,
        until: drawn.now,
        rows: &drawn.rows,
    };
    match render(&request_of) {
        Ok(png) => respond(&request, png),
        Err(error) => {
            tracing::error!(%error, "a graph can't be drawn");
            HttpResponse::ServiceUnavailable().finish()
        }
    }
}

async fn data(realm: &Realm, order: OrderId, kind: Kind) -> Result<Option<Drawn>, Error> {
    realm
        .read(async |connection| {
            let Some(title) = servers::title(connection, order).await? else { return Ok(None) };
            let since = title.now.saturating_sub(SignedDuration::from_secs(kind.span.seconds())).unwrap_or(title.now);
            let rows = usage::rows(connection, order, kind.span.resolution(), since).await?;
            let (now, moment) = (title.now, title.moment);
            Ok(Some(Drawn { server: title.name, language: title.language, now, moment, rows }))
        })
        .await
}

/// The picture, or that the browser has it already. It is drawn anew each minute.
fn respond(request: &HttpRequest, png: Vec<u8>) -> HttpResponse {
    let digest: String = Sha256::digest(&png).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{digest}\"");
    let same = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "private, max-age=60"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if same {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, "image/png")).body(png)
}
