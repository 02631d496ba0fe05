//! A notice as an e-mail, the same to the byte each time it is written.

use std::{path::PathBuf, time::SystemTime};

use letters::Letter;
use lettre::{
    Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use store::{Realm, RealmKind, notices::Claimed};
use uuid::Uuid;

use super::{Again, MailSettings, MailTransport, Outcome, files, smtp::Smtp};

/// Where mail goes.
pub(super) enum Post {
    /// Into files.
    Files(PathBuf),
    /// To a server.
    Smtp(Box<Smtp>),
}

impl Post {
    /// A realm's. Nothing of a test realm goes further than to files.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub(super) fn new(settings: &MailSettings, realm: &Realm) -> Result<Self, String> {
        Ok(match (realm.kind(), &settings.transport) {
            (RealmKind::Test, _) if realm.is_own() => Self::Files(settings.directory.join("test").join(realm.schema())),
            (RealmKind::Test, _) => Self::Files(settings.directory.join("test")),
            (RealmKind::Live, MailTransport::File) => Self::Files(settings.directory.clone()),
            (RealmKind::Live, MailTransport::Smtp(smtp)) => {
                Self::Smtp(Box::new(Smtp::new(smtp, settings.from.email.domain())?))
            }
        })
    }

    /// Sends a message.
    pub(super) async fn send(&self, uid: Uuid, message: Message) -> Outcome {
        match self {
            Self::Smtp(smtp) => smtp.send(message).await,
            Self::Files(directory) => {
                let (directory, bytes) = (directory.clone(), message.formatted());
                let place = directory.join(format!("{uid}.eml")).display().to_string();
                let writing = tokio::task::spawn_blocking(move || files::write(&directory, uid, &bytes)).await;
                match writing.map_err(|error| error.to_string()) {
                    Ok(Ok(())) => Outcome::Sent(place),
                    Ok(Err(error)) => Outcome::Again(Again::whole(format!("{place}: {error}"))),
                    Err(error) => Outcome::Again(Again::whole(error)),
                }
            }
        }
    }
}

/// The message. Headers are encoded by the crate that writes them; what stands in them has no line breaks already.
///
/// # Errors
/// Why there can't be one.
pub(super) fn compose(of: &Claimed, letter: Letter, from: &Mailbox, to: Mailbox) -> Result<Message, String> {
    let Letter { subject, text, html } = letter;
    let parts = MultiPart::alternative().boundary(format!("part-{}", of.uid.simple()));
    let parts = parts.singlepart(SinglePart::plain(text)).singlepart(SinglePart::html(html));
    let domain = from.email.domain();
    let message = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(subject)
        .date(SystemTime::from(of.at))
        .message_id(Some(format!("<{}@{domain}>", of.uid)))
        .multipart(parts);
    let mut message = message.map_err(|error| error.to_string())?;
    for (name, value) in [
        // No answering machine is to answer.
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("List-Id", format!("<notices.{domain}>")),
    ] {
        let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
        message.headers_mut().insert_raw(HeaderValue::new(name, value));
    }
    Ok(message)
}
