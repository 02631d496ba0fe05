//! One worker's hand in the outbox: any number of workers take notices out at the same time.

use std::{pin::pin, time::Duration};

use domain::catalogue::TariffId;
use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use letters::{Reader, letter, letter_to_staff, plain};
use lettre::{Address, message::Mailbox};
use store::{
    Error, Realm, RealmKind, Tx,
    notices::{self, Claimed, Lanes, Target, Webhook},
};
use tokio::{sync::watch, time};
use uuid::Uuid;

use super::{
    Again, NoticeSettings, Outcome,
    lanes::UnderWay,
    mail::{Post, compose},
    webhook,
};
use crate::backoff::{NOTICE, random};

/// While something is on its way, what else is due is looked for this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
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

    /// Sends what is due, until nothing is and all has come to its end. What takes long keeps nothing else waiting.
    /// Returns how many were sent.
    ///
    /// # Errors
    /// [`Error`] from the database: what was sent may be sent once more, under the same name.
    pub async fn run(&self) -> Result<usize, Error> {
        let (mut under_way, mut turns) = (UnderWay::default(), FuturesUnordered::new());
        let mut sent = Ok(0);
        loop {
            if sent.is_ok() && !self.stop.as_ref().is_some_and(|stop| *stop.borrow()) {
                let room = under_way.room();
                let (mut claiming, mut ended) = (pin!(self.claim(&room)), Vec::new());
                // What is on its way goes on meanwhile: it may hold the connections that the claim waits for.
                let claimed = loop {
                    tokio::select! {
                        claimed = &mut claiming => break claimed,
                        Some(turn) = turns.next() => ended.push(turn),
                    }
                };
                match claimed {
                    Ok(claimed) => turns.extend(claimed.into_iter().map(|(tariff, of)| {
                        let lane = under_way.begin(&of);
                        async move { (lane, self.attend(of, tariff).await) }
                    })),
                    Err(error) => sent = Err(error),
                }
                if !ended.is_empty() {
                    sent = under_way.count(ended, sent);
                    continue;
                }
            }
            let first = tokio::select! {
                Some(ended) = turns.next() => Some(ended),
                () = time::sleep(LOOK_EVERY), if !turns.is_empty() => None,
                else => return sent,
            };
            let others = std::iter::from_fn(|| turns.next().now_or_never().flatten());
            sent = under_way.count(first.into_iter().chain(others), sent);
        }
    }

    /// Takes what is due and has room, each with the name of its tariff.
    async fn claim(&self, room: &Lanes) -> Result<Vec<(Option<String>, Claimed)>, Error> {
        if !self.realm.read(async |connection| notices::is_due(connection, room).await).await? {
            return Ok(Vec::new());
        }
        let claim = async |tx: &mut Tx| {
            let claimed = notices::claim(tx, self.worker, room).await?;
            let catalogue = tx.catalogue();
            let name = |of: &Claimed| {
                let tariff = catalogue.tariff(TariffId(of.news.order()?.tariff));
                tariff.map(|tariff| tariff.name.clone())
            };
            Ok::<_, Error>(claimed.into_iter().map(|of| (name(&of), of)).collect())
        };
        self.realm.transaction("claim notices", claim).await
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
            Outcome::Gone(why) => tracing::warn!(realm, notice = id, why, "a webhook is gone"),
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
            Outcome::Gone(why) => {
                let ended = match webhook {
                    Some(webhook) => notices::end_webhook(tx, of, webhook, why).await?,
                    None => false,
                };
                if !ended {
                    notices::fail(tx, of, why).await?;
                }
            }
            Outcome::Again(again) => self.put_off(tx, of, webhook, again).await?,
        }
        Ok(())
    }

    async fn put_off(&self, tx: &mut Tx, of: &Claimed, webhook: Option<&Webhook>, again: &Again) -> Result<(), Error> {
        if let Some(webhook) = webhook
            && notices::fail_webhook(tx, of, webhook, self.settings.disable_webhook_days, &again.why).await?
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
