//! A mail server, and what its answers mean.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::Tls,
        extension::ClientId,
        response::{Category, Code, Severity},
    },
};
use store::db::with_causes;

use super::{Again, Outcome, SmtpSecurity, SmtpSettings};

/// Each of the server's answers comes within this time, or not at all.
const ANSWER: Duration = Duration::from_secs(20);

/// A mail server.
pub(super) struct Smtp {
    server: AsyncSmtpTransport<Tokio1Executor>,
    name: String,
}

impl Smtp {
    /// # Errors
    /// What is wrong with the settings.
    pub(super) fn new(settings: &SmtpSettings, own_domain: &str) -> Result<Self, String> {
        let tls = match settings.security {
            SmtpSecurity::StartTls => Tls::Required(settings.tls()?),
            SmtpSecurity::Tls => Tls::Wrapper(settings.tls()?),
            SmtpSecurity::None => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host);
        let builder = builder.port(settings.port).tls(tls).timeout(Some(ANSWER));
        let builder = builder.hello_name(ClientId::Domain(own_domain.to_owned()));
        let builder = match settings.password()? {
            Some((user, password)) => builder.credentials(Credentials::new(user, password)),
            None => builder,
        };
        Ok(Self { server: builder.build(), name: format!("{}:{}", settings.host, settings.port) })
    }

    /// Sends a message over a connection of its own.
    pub(super) async fn send(&self, message: Message) -> Outcome {
        match self.server.send(message).await {
            Ok(response) => {
                let said: String = response.message().collect::<Vec<_>>().join(" ");
                Outcome::Sent(format!("{}: {} {said}", self.name, response.code()))
            }
            Err(error) => meaning(&self.name, &error),
        }
    }
}

/// Only what a server says for good of the message or its receiver is for good; that it lets nobody in is for staff to put
/// right, and then the message goes out. Where the login is refused, no other message need try it.
fn meaning(name: &str, error: &Error) -> Outcome {
    let why = format!("{name}: {}", told(error));
    match error.status() {
        Some(Code { severity: Severity::PermanentNegativeCompletion, category: Category::MailSystem, .. }) => {
            Outcome::Refused(why)
        }
        Some(code) => Outcome::Again(Again { why, whole: is_of_the_login(code), after: Duration::ZERO }),
        None => Outcome::Again(Again::whole(why)),
    }
}

/// 454, 534, 535 and 538 answer AUTH, 530 whoever didn't say it (RFC 4954).
fn is_of_the_login(code: Code) -> bool {
    matches!(u16::from(code), 454 | 530 | 534 | 535 | 538)
}

fn told(error: &Error) -> String {
    with_causes(error).chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}
