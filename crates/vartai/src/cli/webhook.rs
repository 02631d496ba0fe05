//! `vartai customer webhook`

use clap::Subcommand;
use provisioner::driver::check_customers_url;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::notices::{self, NewSecret, OLD_SECRET_HOURS, Old};

use super::report::{Report, listing, or_null, table};
use crate::{failure::Failure, installation::Installation};

/// What to do with a customer's webhooks.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Have a customer's service told what happens; its secret is printed this once. One that was switched off is on
    /// again
    Set {
        /// The customer
        login: String,
        /// Where the service is: https://…
        url: String,
    },
    /// List a customer's webhooks
    List {
        /// The customer
        login: String,
    },
    /// Tell a service nothing more
    Remove {
        /// The customer
        login: String,
        /// Where the service is
        url: String,
    },
    /// Give a webhook a new secret, printed this once; the old one signs as well for a day
    Rotate {
        /// The customer
        login: String,
        /// Where the service is
        url: String,
        /// Those of before sign no more from now on: for one that leaked
        #[arg(long)]
        now: bool,
    },
}

/// Does it.
pub async fn run(command: WebhookCommand, installation: &Installation) -> Result<Report, Failure> {
    let live = &installation.database.live;
    match command {
        WebhookCommand::Set { login, url } => {
            check_customers_url(&url, &installation.settings.notices.webhook_networks).map_err(Failure::failed)?;
            let of = installation.customer(&login).await?.customer();
            let set = live.transaction("set webhook", async |tx| notices::set(tx, of, &url).await).await?;
            Ok(told(&url, &set))
        }
        WebhookCommand::List { login } => list(&login, installation).await,
        WebhookCommand::Remove { login, url } => {
            let of = installation.customer(&login).await?.customer();
            live.transaction("remove webhook", async |tx| notices::remove(tx, of, &url).await).await?;
            Ok(Report::new(format!("{login} is told nothing more at {url}"), json!({ "login": login, "url": url })))
        }
        WebhookCommand::Rotate { login, url, now } => {
            let of = installation.customer(&login).await?.customer();
            let how = if now { Old::End } else { Old::SignOn };
            let rotated =
                live.transaction("rotate webhook", async |tx| notices::rotate(tx, of, &url, how).await).await?;
            let note = match how {
                Old::SignOn => format!("the old secret signs as well for {OLD_SECRET_HOURS} hours"),
                Old::End => "no secret of before signs any more".to_owned(),
            };
            Ok(told(&url, &rotated).with_note(&note))
        }
    }
}

fn told(url: &str, webhook: &NewSecret) -> Report {
    let mut lines = vec![("id", webhook.id.to_string()), ("url", url.to_owned())];
    let secret = webhook.secret.as_ref().map(ExposeSecret::expose_secret);
    match secret {
        Some(secret) => lines.push(("secret", format!("{secret} (shown this once)"))),
        None => lines.push(("secret", "as before".to_owned())),
    }
    Report::new(listing(&lines), json!({ "id": webhook.id, "url": url, "secret": secret }))
}

async fn list(login: &str, installation: &Installation) -> Result<Report, Failure> {
    let of = installation.customer(login).await?.customer();
    let all = installation.database.live.read(async |connection| notices::webhooks(connection, of).await).await?;
    let rows: Vec<[String; 5]> = all
        .iter()
        .map(|webhook| {
            let state = match (webhook.disabled_at, webhook.failing_since) {
                (Some(at), _) => format!("off since {}", installation.moment(at)),
                (None, Some(at)) => format!("fails since {}", installation.moment(at)),
                (None, None) => "on".to_owned(),
            };
            let trouble = webhook.trouble.clone().unwrap_or_default();
            [webhook.id.to_string(), webhook.url.clone(), state, installation.moment(webhook.created_at), trouble]
        })
        .collect();
    let json: Vec<Value> = all
        .iter()
        .map(|webhook| {
            let (failing, disabled) = (or_null(webhook.failing_since), or_null(webhook.disabled_at));
            json!({
                "id": webhook.id, "url": webhook.url, "failing_since": failing, "disabled": disabled,
                "trouble": webhook.trouble,
            })
        })
        .collect();
    Ok(Report::new(table(["ID", "URL", "STATE", "SET", "TROUBLE"], &rows, "no webhooks"), json.into()))
}
