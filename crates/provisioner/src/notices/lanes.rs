//! Who is being told something: each webhook is a lane of its own and mail is another, so that whoever takes long
//! delays nothing but what goes there.

use std::collections::BTreeMap;

use store::{
    Error,
    notices::{Claimed, Lanes, Target},
};

/// So many letters are sent at once,
const LETTERS: usize = 8;
/// and messages to so many webhooks, one to each.
const WEBHOOKS: usize = 64;
/// Of those, so many may be to webhooks that took nothing the last time: they often take until the end of their time.
const FAILING: usize = 32;

/// What is on its way, and what has room beside it.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    letters: usize,
    /// The webhooks, and whether they took nothing the last time.
    webhooks: BTreeMap<i64, bool>,
    /// Notices of webhooks that were removed: nothing is sent.
    nowhere: usize,
}

/// A notice's lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Mail,
    Webhook(i64),
    Nowhere,
}

impl UnderWay {
    /// What has room now.
    pub(super) fn room(&self) -> Lanes {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        Lanes {
            mail: count(LETTERS.saturating_sub(self.letters)),
            webhooks: count(WEBHOOKS.saturating_sub(self.webhooks.len() + self.nowhere)),
            busy: self.webhooks.keys().copied().collect(),
            failing: self.webhooks.values().filter(|failing| **failing).count() < FAILING,
        }
    }

    /// A notice goes its way.
    pub(super) fn begin(&mut self, of: &Claimed) -> Lane {
        match &of.target {
            Target::Mail(_) | Target::Staff => {
                self.letters += 1;
                Lane::Mail
            }
            Target::Webhook(Some(webhook)) => {
                self.webhooks.insert(webhook.id, webhook.failing_for.is_some());
                Lane::Webhook(webhook.id)
            }
            Target::Webhook(None) => {
                self.nowhere += 1;
                Lane::Nowhere
            }
        }
    }

    /// Some have come to their end, each sent or not. Returns how many were sent in all.
    pub(super) fn count(
        &mut self,
        ended: impl IntoIterator<Item = (Lane, Result<bool, Error>)>,
        mut sent: Result<usize, Error>,
    ) -> Result<usize, Error> {
        for (lane, was_sent) in ended {
            self.end(lane);
            sent = sent.and_then(|sent| Ok(sent + usize::from(was_sent?)));
        }
        sent
    }

    /// One has come to its end.
    fn end(&mut self, lane: Lane) {
        match lane {
            Lane::Mail => self.letters = self.letters.saturating_sub(1),
            Lane::Webhook(id) => drop(self.webhooks.remove(&id)),
            Lane::Nowhere => self.nowhere = self.nowhere.saturating_sub(1),
        }
    }
}
