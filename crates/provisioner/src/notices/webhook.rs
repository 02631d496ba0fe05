//! A notice as a signed message to a customer's service (Standard Webhooks).

use letters::message;
use reqwest::Method;
use store::notices::{Claimed, Webhook};
use tokio::time::Instant;

use super::{Again, NoticeSettings, Outcome};
use crate::driver::{
    Secrets, Signed,
    web::{Ask, Endpoint, Unanswered},
};

/// Sends it. Any 2xx is taken for its word that it has it; of the answer nothing more is read.
pub(super) async fn send(of: &Claimed, to: &Webhook, settings: &NoticeSettings) -> Outcome {
    let endpoint = match Endpoint::of_customer(&to.url, &settings.webhook_networks) {
        Ok(endpoint) => endpoint,
        Err(why) => return Outcome::Again(Again::whole(why)),
    };
    let secrets = match Secrets::of(&to.secrets) {
        Ok(secrets) => secrets,
        Err(why) => return Outcome::Again(Again::whole(why)),
    };
    let body = message(&of.news, &of.customer.login, of.at).to_string().into_bytes();
    let (id, timestamp) = (format!("msg_{}", of.uid.simple()), Signed::now());
    let headers = vec![
        ("webhook-signature", secrets.sign(&id, timestamp, &body)),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-id", id),
        ("content-type", "application/json".to_owned()),
        ("user-agent", "Vartai".to_owned()),
    ];
    let deadline = Instant::now() + settings.webhook_answer;
    match endpoint.ask(Ask { method: Method::POST, path: String::new(), headers, body, deadline }).await {
        Ok(reply) if (200..300).contains(&reply.status) => Outcome::Sent(format!("it said {}", reply.status)),
        Ok(reply) if reply.status == 410 => Outcome::Gone("it said 410: it is gone".to_owned()),
        Ok(reply) => Outcome::Again(Again {
            why: said(reply.status),
            whole: reply.status == 429 || reply.status >= 500,
            after: reply.retry_after.unwrap_or_default(),
        }),
        Err(Unanswered::NotSent { why, .. } | Unanswered::Lost { why }) => Outcome::Again(Again::whole(why)),
    }
}

/// What a status that is no success says, for customers and staff.
fn said(status: u16) -> String {
    match status {
        301 | 308 => format!("it said {status}: it has moved, and is not followed; have it set to its new address"),
        300..=399 => format!("it said {status}: it sends us elsewhere, and is not followed"),
        401 | 403 => format!("it said {status}: it does not let us in"),
        404 => format!("it said {status}: there is nothing at this address"),
        _ => format!("it said {status}"),
    }
}
