//! One worker's hand in the outbox: any number of workers take notices out at the same time.

use std::time::Duration;

use domain::catalogue::TariffId;
use futures_util::{StreamExt, stream};
use letters::{Reader, letter, letter_to_staff, plain};
use lettre::{Address, message::Mailbox};
use store::{
    Error, Realm, RealmKind, Tx,
    notices::{self, Claimed, Target, Webhook},
};
use tokio::{sync::watch, time};
use uuid::Uuid;

use super::{
    Again, NoticeSettings, Outcome,
    mail::{Post, compose},
    webhook,
};
use crate::backoff::{NOTICE, random};

/// So many are claimed at once,
const AT_A_TIME: i64 = 16;
/// and so many of them sent at once.
const AT_ONCE: usize = 8;
/// A try takes no longer; well below the time that a claim is believed in.
const TRY: Duration = Duration::from_secs(90);

/// A hand that takes notices out of a realm's outbox.
pub struct Relay<'a> {
    realm: &'a Realm,
    settings: &'a NoticeSettings,
    worker: Uuid,
    stop: Option<watch::Receiver<bool>>,
    /// Or what is wrong with how mail is set up.
    post: Result<Post, String>,
}

impl<'a> Relay<'a> {
    /// One that nobody knows yet. Where there is a `stop`, it lets go soon after that becomes true.
    #[must_use]
    pub fn new(realm: &'a Realm, settings: &'a NoticeSettings, stop: Option<watch::Receiver<bool>>) -> Self {
        let post = Post::new(&settings.mail, realm);
        let post = post.inspect_err(|why| tracing::error!(why, "mail is set up wrongly"));
        Self { realm, settings, worker: Uuid::new_v4(), stop, post }
    }

    /// Whose outbox it is.
    pub(crate) const fn realm(&self) -> &Realm {
        self.realm
    }

    /// How it sends.
    pub(crate) const fn settings(&self) -> &NoticeSettings {
        self.settings
    }

    /// Sends what is due. Returns how many were sent.
    ///
    /// # Errors
    /// [`Error`] from the database: what was sent may be sent once more, under the same name.
    pub async fn run(&self) -> Result<usize, Error> {
        let mut sent = 0;
        while !self.stop.as_ref().is_some_and(|stop| *stop.borrow()) {
            if !self.realm.read(async |connection| notices::is_due(connection).await).await? {
                break;
            }
            let claim = async |tx: &mut Tx| {
                let claimed = notices::claim(tx, self.worker, AT_A_TIME).await?;
                let catalogue = tx.catalogue();
                let name = |of: &Claimed| {
                    let tariff = catalogue.tariff(TariffId(of.news.order()?.tariff));
                    tariff.map(|tariff| tariff.name.clone())
                };
                Ok::<_, Error>(claimed.into_iter().map(|of| (name(&of), of)).collect::<Vec<_>>())
            };
            let claimed = self.realm.transaction("claim notices", claim).await?;
            if claimed.is_empty() {
                break;
            }
            let turns = stream::iter(claimed).map(|(tariff, of)| self.attend(of, tariff)).buffer_unordered(AT_ONCE);
            for was_sent in turns.collect::<Vec<_>>().await {
                sent += usize::from(was_sent?);
            }
        }
        Ok(sent)
    }

    /// One notice's turn. Whether it was sent.
    async fn attend(&self, of: Claimed, tariff: Option<String>) -> Result<bool, Error> {
        let trying = time::timeout(TRY, self.deliver(&of, tariff.as_deref())).await;
        let outcome = trying.unwrap_or_else(|_| Outcome::Again(Again::whole("it took too long")));
        let (id, realm) = (of.id, self.realm.schema());
        match &outcome {
            Outcome::Sent(to) => tracing::debug!(realm, notice = id, to, "a notice is sent"),
            Outcome::Nowhere(why) => tracing::debug!(realm, notice = id, why, "a notice goes nowhere"),
            Outcome::Refused(why) => tracing::warn!(realm, notice = id, why, "a notice is refused for good"),
            Outcome::Again(again) => {
                tracing::warn!(realm, notice = id, why = again.why, attempt = of.attempt, "a notice can't be sent");
            }
        }
        let end = async |tx: &mut Tx| self.end(tx, &of, &outcome).await;
        self.realm.transaction("end notice", end).await?;
        Ok(matches!(outcome, Outcome::Sent(_)))
    }

    async fn deliver(&self, of: &Claimed, tariff: Option<&str>) -> Outcome {
        let mail = &self.settings.mail;
        match &of.target {
            Target::Mail(None) => Outcome::Nowhere("the customer has no e-mail address".to_owned()),
            Target::Mail(Some(address)) => {
                let name = of.customer.name.as_deref().map(plain);
                match address.trim().parse::<Address>() {
                    Ok(email) => self.post(of, tariff, Mailbox::new(name, email), false).await,
                    Err(error) => Outcome::Refused(format!("the customer's e-mail address is none: {error}")),
                }
            }
            Target::Staff => match mail.staff.clone() {
                None => Outcome::Nowhere("staff have no e-mail address (mail.staff)".to_owned()),
                Some(staff) => self.post(of, tariff, staff, true).await,
            },
            Target::Webhook(None) => Outcome::Nowhere("the webhook was removed or given up".to_owned()),
            Target::Webhook(Some(_)) if self.realm.kind() == RealmKind::Test => {
                Outcome::Nowhere("nothing of the test realm is sent anywhere".to_owned())
            }
            Target::Webhook(Some(to)) => webhook::send(of, to, self.settings).await,
        }
    }

    async fn post(&self, of: &Claimed, tariff: Option<&str>, to: Mailbox, to_staff: bool) -> Outcome {
        let post = match &self.post {
            Ok(post) => post,
            Err(why) => return Outcome::Again(Again::whole(format!("mail is set up wrongly: {why}"))),
        };
        let reader = Reader {
            login: &of.customer.login,
            name: of.customer.name.as_deref(),
            language: of.customer.language,
            tariff,
            company: &self.realm.rules().seller,
        };
        let written = if to_staff { letter_to_staff(&of.news, &reader) } else { letter(&of.news, &reader) };
        let message = written.map_err(|error| error.to_string());
        match message.and_then(|letter| compose(of, letter, &self.settings.mail.from, to)) {
            Ok(message) => post.send(of.uid, message).await,
            Err(why) => Outcome::Refused(why),
        }
    }

    /// Writes down what came of it.
    async fn end(&self, tx: &mut Tx, of: &Claimed, outcome: &Outcome) -> Result<(), Error> {
        let webhook = match &of.target {
            Target::Webhook(webhook) => webhook.as_ref(),
            Target::Mail(_) | Target::Staff => None,
        };
        match outcome {
            Outcome::Sent(to) => {
                notices::sent(tx, of, to).await?;
                if let Some(webhook) = webhook.filter(|webhook| webhook.failing_for.is_some()) {
                    notices::succeed_webhook(tx, webhook.id).await?;
                }
            }
            Outcome::Nowhere(why) => {
                notices::skip(tx, of, why).await?;
            }
            Outcome::Refused(why) => {
                notices::fail(tx, of, why).await?;
            }
            Outcome::Again(again) => self.put_off(tx, of, webhook, again).await?,
        }
        Ok(())
    }

    async fn put_off(&self, tx: &mut Tx, of: &Claimed, webhook: Option<&Webhook>, again: &Again) -> Result<(), Error> {
        if let Some(webhook) = webhook
            && notices::fail_webhook(tx, of, webhook, self.settings.disable_webhook_days).await?
        {
            tracing::warn!(customer = of.customer.id.0, webhook = webhook.id, "a webhook is given up");
            return Ok(());
        }
        let why = &again.why;
        if of.age >= self.settings.give_up_after {
            let hours = of.age.as_secs() / 3600;
            notices::fail(tx, of, &format!("given up after {hours} h: {why}")).await?;
        } else {
            let pause = NOTICE.full_jitter(of.attempt, random()).max(again.after);
            notices::keep_trying(tx, of, pause, why, again.whole).await?;
        }
        Ok(())
    }
}
