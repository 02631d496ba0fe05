//! What Proxmox VE's errors mean. They are texts; what isn't known here is taken for nothing that is known.

use std::time::Duration;

use crate::driver::{Class, Outcome};

/// Why a call did not do what it was to do. The reasons are for customers, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Vartai or the cluster is set up wrongly.
    SetUp(String),
    /// It was not done; it may be later.
    NotDone(String, Option<Duration>),
    /// It was not done because of what is inside the machine; it may be later.
    Guest(String),
    /// It may have been done or not.
    Unknown(String),
    /// There is no such machine or task.
    Gone,
    /// There is another machine of that number.
    Taken,
    /// It is so already.
    Already,
    /// It can't be done as it was asked for.
    Refused(String),
}

impl Fault {
    /// What it makes of an operation.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::SetUp(why) => Outcome::Retry { after: None, class: Class::Configuration, why },
            Self::NotDone(why, after) => Outcome::Retry { after, class: Class::Unavailable, why },
            Self::Guest(why) => Outcome::Retry { after: None, class: Class::Guest, why },
            Self::Unknown(why) => Outcome::Unknown { class: Class::Unavailable, why },
            Self::Gone => Outcome::Unknown { class: Class::Unavailable, why: "what was asked after is gone".into() },
            Self::Already => Outcome::Unknown { class: Class::Unavailable, why: "it was so already".into() },
            Self::Taken => Outcome::Fail { class: Class::Person, why: NOT_OURS.into() },
            Self::Refused(why) => Outcome::Fail { class: Class::Refused, why },
        }
    }
}

/// Of a number that has a machine without our mark.
pub(super) const NOT_OURS: &str = "the machine's number is another machine's, which is not ours to touch";

/// What the text of an error or of a task's end says, wherever it stands.
pub(super) fn meaning(text: &str) -> Option<Fault> {
    let text = text.to_ascii_lowercase();
    let has = |part: &str| text.contains(part);
    let not_done = |why: &str| Some(Fault::NotDone(why.to_owned(), None));
    if has("detected modified configuration") {
        return not_done("somebody else has just changed the machine");
    }
    if has("can't lock file") || has("got lock timeout") || has("unable to acquire lock") || has("vm is locked") {
        return not_done("the machine is busy with something else");
    }
    if has("no qemu guest agent configured") {
        return Some(Fault::Refused("the machine has no agent, so this can't be done from outside".into()));
    }
    if has("guest agent is not running") || has("guest agent command failed") || has("guest-ping' failed") {
        return Some(Fault::Guest("the machine's agent does not answer".into()));
    }
    if has("not running") && has("vm ") {
        return Some(Fault::Guest("the machine is off".into()));
    }
    if has("already running") || has("not a running vm") {
        return Some(Fault::Already);
    }
    if has("already exists") || has("already in use") || has("config file already") {
        return Some(Fault::Taken);
    }
    if has("does not exist") || has("no such task") || has("no such vm") || has("unable to find configuration file") {
        return Some(Fault::Gone);
    }
    if has("protection mode enabled") {
        return Some(Fault::Refused("the machine is protected from removal".into()));
    }
    if has("no route to host") || has("connection refused") || has("connection timed out") {
        return not_done("the machine's node can't be reached");
    }
    None
}

/// What an answer that is no success says.
pub(super) fn of_answer(status: u16, text: &str, retry_after: Option<Duration>) -> Fault {
    match status {
        401 | 403 => Fault::SetUp("the hypervisor does not let us do this".into()),
        429 | 503 => Fault::NotDone("the hypervisor is busy".into(), retry_after),
        // Its proxy did not come through to the node.
        595 => Fault::NotDone("the machine's node can't be reached".into(), None),
        596..=599 => Fault::Unknown("the machine's node did not answer".into()),
        400 | 500 => meaning(text).unwrap_or_else(|| match status {
            400 => Fault::Refused("the hypervisor does not take it as it was asked for".into()),
            _ => Fault::Unknown("the hypervisor failed".into()),
        }),
        300..=499 | 501 => Fault::SetUp("the hypervisor knows no such call: is its address right?".into()),
        _ => Fault::Unknown("the hypervisor failed".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, text: &str) -> &'static str {
        match of_answer(status, text, None) {
            Fault::SetUp(_) => "set-up",
            Fault::NotDone(..) => "not done",
            Fault::Guest(_) => "guest",
            Fault::Unknown(_) => "unknown",
            Fault::Gone => "gone",
            Fault::Taken => "taken",
            Fault::Already => "already",
            Fault::Refused(_) => "refused",
        }
    }

    #[test]
    fn the_texts_that_proxmox_writes() {
        for (text, expected) in [
            ("can't lock file '/var/lock/qemu-server/lock-203.conf' - got timeout", "not done"),
            ("VM is locked (backup)", "not done"),
            ("Configuration file 'nodes/pve1/qemu-server/203.conf' does not exist", "gone"),
            ("unable to create VM 203 - VM 203 already exists on node 'pve2'", "taken"),
            ("VM 203 already running", "already"),
            ("QEMU guest agent is not running", "guest"),
            ("No QEMU guest agent configured", "refused"),
            ("VM 203 is not running", "guest"),
            ("can't remove VM 203 - protection mode enabled", "refused"),
            ("storage 'local-zfs' is not online", "unknown"),
            ("", "unknown"),
        ] {
            assert_eq!(kind(500, text), expected, "{text}");
        }
        assert_eq!(kind(400, "Parameter verification failed."), "refused");
    }

    #[test]
    fn statuses_without_words() {
        for (status, expected) in [
            (401, "set-up"),
            (403, "set-up"),
            (302, "set-up"),
            (404, "set-up"),
            (501, "set-up"),
            (429, "not done"),
            (503, "not done"),
            (595, "not done"),
            (596, "unknown"),
            (599, "unknown"),
            (502, "unknown"),
            (504, "unknown"),
        ] {
            assert_eq!(kind(status, ""), expected, "{status}");
        }
    }
}
