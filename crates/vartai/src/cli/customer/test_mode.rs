//! `vartai customer test-mode`

use clap::Subcommand;
use gateway_http::auth::keys;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::customers::{self, NewTestKey, TestMode};

use crate::{
    cli::report::{Report, listing},
    failure::Failure,
    installation::Installation,
};

/// What to do with a customer's test mode.
#[derive(Debug, Subcommand)]
pub enum TestModeCommand {
    /// Switch it on and make a test key, which is printed this once; an older one stops working, the realm stays
    On {
        /// The customer
        login: String,
        /// For how many days
        #[arg(long, default_value = "30", value_parser = clap::value_parser!(i32).range(1..=366))]
        days: i32,
    },
    /// Switch it off: the key stops working at once, and a worker takes out the realm with all that is in it
    Off {
        /// The customer
        login: String,
    },
    /// Show it
    Show {
        /// The customer
        login: String,
    },
}

/// Does it.
pub async fn run(command: TestModeCommand, installation: &Installation) -> Result<Report, Failure> {
    let live = &installation.database.live;
    match command {
        TestModeCommand::On { login, days } => on(&login, days, installation).await,
        TestModeCommand::Off { login } => {
            let of = installation.customer(&login).await?.customer();
            live.transaction("test mode off", async |tx| customers::turn_off(tx, of).await).await?;
            Ok(Report::new(
                format!("{login} is not in test mode any more"),
                json!({ "login": login, "test_mode": false }),
            ))
        }
        TestModeCommand::Show { login } => {
            let of = installation.customer(&login).await?.customer();
            let mode = live.read(async |connection| customers::test_mode(connection, of).await).await?;
            let mode = mode.ok_or_else(|| Failure::failed(format!("{login} is not in test mode")))?;
            Ok(Report::new(listing(&lines(&mode, installation)), json_of(&login, &mode)))
        }
    }
}

async fn on(login: &str, days: i32, installation: &Installation) -> Result<Report, Failure> {
    let of = installation.customer(login).await?.customer();
    let key = keys::issue_test().map_err(|error| Failure::failed(format!("no randomness: {error}")))?;
    let new = NewTestKey { digest: &key.digest, hint: &key.hint, days };
    let mode = customers::turn_on(&installation.database, of, &new).await?;
    let secret = key.key.expose_secret();
    let mut told = lines(&mode, installation);
    told.insert(0, ("key", format!("{secret} (shown this once)")));
    let mut json = json_of(login, &mode);
    if let Some(fields) = json.as_object_mut() {
        fields.insert("key".to_owned(), Value::from(secret));
    }
    Ok(Report::new(listing(&told), json))
}

fn lines(of: &TestMode, installation: &Installation) -> Vec<(&'static str, String)> {
    vec![
        ("known by", format!("{}…", of.key_hint)),
        ("realm", of.name.clone()),
        ("until", installation.moment(of.expires_at)),
        ("last used", installation.moment(of.used_at)),
    ]
}

fn json_of(login: &str, of: &TestMode) -> Value {
    json!({
        "login": login, "test_mode": true, "hint": of.key_hint, "realm": of.name, "expires": of.expires_at.to_string(),
        "used": of.used_at.to_string(),
    })
}
