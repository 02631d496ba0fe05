//! The state that a task wants, and whether what is seen is it.

use std::collections::BTreeMap;

use domain::tasks::Operation;
use store::tasks::ClaimedTask;

use super::{Machine, MadeWith, Observed, Traits, Trouble};

/// Kept of a restart as what was seen before, when the machine was off: any start is another one then.
pub const WAS_OFF: &str = "";

/// The state that a service is to have when a task is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Desired {
    /// A machine.
    Present {
        /// Whether it is to be switched on; either will do when `None`.
        running: Option<bool>,
        /// Which of the order's systems it is to have at least.
        generation: i32,
        /// What else is to be seen of it. What can't be told nobody can vouch for.
        traits: Traits,
        /// What its new system must not be seen without. What can't be told is not held against it.
        made_with: Box<MadeWith>,
        /// Whether it is to have been started since the task was first taken.
        restarted: Option<Restarted>,
    },
    /// None.
    Missing,
}

/// A start since the task was first taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restarted {
    /// Another than this one, which was seen then; empty when the machine was off.
    Since(String),
    /// Nobody could tell then which one it was.
    SinceUnknown,
}

/// Whether what is seen is what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of it was seen.
    Met,
    /// What was seen is as wanted; this could not be made out, and nobody can vouch for it.
    Unvouched(Vec<&'static str>),
    /// It is not, in words for the task's log.
    Missed(String),
}

/// What a task wants of an order's service. `boot` is the start that was seen before a restart was first tried.
#[must_use]
pub fn desired_by(task: &ClaimedTask, boot: Option<&str>) -> Desired {
    match desired(task.operation, task.generation) {
        Desired::Present { running, generation, .. } => {
            let (traits, made_with) = (traits_wanted_by(task), Box::new(MadeWith::of(task)));
            let since = || boot.map_or(Restarted::SinceUnknown, |boot| Restarted::Since(boot.to_owned()));
            let restarted = (task.operation == Operation::Restart).then(since);
            Desired::Present { running, generation, traits, made_with, restarted }
        }
        Desired::Missing => Desired::Missing,
    }
}

/// What an operation wants of an order whose newest system is `generation`, as far as any order goes.
#[must_use]
fn desired(operation: Operation, generation: i32) -> Desired {
    let present = |running, generation| {
        let (traits, made_with) = (Traits::default(), Box::default());
        Desired::Present { running, generation, traits, made_with, restarted: None }
    };
    match operation {
        Operation::Create | Operation::Reinstall => present(Some(true), generation),
        // A reinstallation that is queued behind them has raised the generation already; it is not theirs to wait for.
        Operation::Restart | Operation::Unsuspend => present(Some(true), 1),
        Operation::Suspend => present(Some(false), 1),
        Operation::Change
        | Operation::ResetPassword
        | Operation::Rename
        | Operation::Ptr
        | Operation::FlushFilter
        | Operation::Firewall
        | Operation::MoveAddress => present(None, 1),
        Operation::Destroy => Desired::Missing,
    }
}

/// What is to be seen of a machine beside its power: what the task sets, and nothing that another task sets.
fn traits_wanted_by(task: &ClaimedTask) -> Traits {
    let none = Traits::default();
    match task.operation {
        Operation::Change => Traits { size: task.size().map(|spec| spec.into()), ..none },
        Operation::ResetPassword => Traits { password_version: Some(task.password_version), ..none },
        Operation::Rename => Traits { hostname: task.wanted_hostname().map(str::to_owned), ..none },
        Operation::Ptr => {
            Traits { ptr: task.wanted_ptr().map(|(ip, name)| BTreeMap::from([(ip, name.to_owned())])), ..none }
        }
        Operation::Firewall => Traits { firewall: Some(task.wanted_firewall()), ..none },
        Operation::MoveAddress => {
            Traits { addresses: Some(task.network.addresses.iter().map(|address| address.ip).collect()), ..none }
        }
        Operation::FlushFilter => Traits { filter_is_empty: Some(true), ..none },
        Operation::Create
        | Operation::Suspend
        | Operation::Unsuspend
        | Operation::Restart
        | Operation::Reinstall
        | Operation::Destroy => none,
    }
}

impl Desired {
    /// Whether `seen` is this.
    #[must_use]
    pub fn judge(&self, seen: &Observed) -> Verdict {
        match (self, seen) {
            (_, Observed::Unavailable(Trouble { why, .. })) => {
                Verdict::Missed(format!("the machine could not be looked at: {why}"))
            }
            (Self::Missing, Observed::Missing) => Verdict::Met,
            (Self::Missing, Observed::Present(_)) => Verdict::Missed("the machine is still there".into()),
            (Self::Present { .. }, Observed::Missing) => Verdict::Missed("there is no machine".into()),
            (Self::Present { running, generation, traits, made_with, restarted }, Observed::Present(machine)) => {
                if machine.generation < *generation {
                    let has = machine.generation;
                    return Verdict::Missed(format!("its system is generation {has}, not {generation}"));
                }
                if running.is_some_and(|running| machine.running != running) {
                    return Verdict::Missed(format!("the machine is {}", power(machine)));
                }
                let was_restarted = restarted.as_ref().map(|restarted| ("restart", restarted.is_seen_in(machine)));
                let made = made_with.compared_with(&machine.traits).map(|(what, so)| (what, Some(so)));
                judge_all(was_restarted.into_iter().chain(made).chain(traits.compared_with(&machine.traits)))
            }
        }
    }
}

impl Restarted {
    /// Whether a machine that runs has been restarted; `None` when that can't be told.
    fn is_seen_in(&self, machine: &Machine) -> Option<bool> {
        match (self, machine.boot.as_deref()) {
            (Self::Since(before), _) if before == WAS_OFF => Some(true),
            (Self::Since(before), Some(now)) => Some(before != now),
            (Self::Since(_), None) | (Self::SinceUnknown, _) => None,
        }
    }
}

impl Traits {
    /// What of these is so in `seen`, by name: `None` when it can't be told. What is `None` here may be anything there.
    fn compared_with(&self, seen: &Self) -> impl Iterator<Item = (&'static str, Option<bool>)> {
        let size = self.size.map(|wanted| ("size", seen.size.map(|size| size == wanted)));
        let hostname = self.hostname.as_ref();
        let hostname = hostname.map(|wanted| ("hostname", seen.hostname.as_ref().map(|name| name == wanted)));
        let password = self.password_version;
        let password = password.map(|wanted| ("password", seen.password_version.map(|version| version >= wanted)));
        let addresses = self.addresses.as_ref();
        let addresses = addresses.map(|wanted| ("list of addresses", seen.addresses.as_ref().map(|all| all == wanted)));
        let set =
            |names: &BTreeMap<_, _>, wanted: &BTreeMap<_, _>| wanted.iter().all(|(ip, n)| names.get(ip) == Some(n));
        let ptr = self.ptr.as_ref();
        let ptr = ptr.map(|wanted| ("reverse name", seen.ptr.as_ref().map(|names| set(names, wanted))));
        let firewall = self.firewall.map(|wanted| ("packet filter", seen.firewall.map(|limits| limits == wanted)));
        let filter =
            self.filter_is_empty.map(|wanted| ("inner packet filter", seen.filter_is_empty.map(|is| is == wanted)));
        [size, hostname, password, addresses, ptr, firewall, filter].into_iter().flatten()
    }
}

/// One that is otherwise is enough to miss; one that can't be told, to vouch for nothing.
fn judge_all(compared: impl Iterator<Item = (&'static str, Option<bool>)>) -> Verdict {
    let mut unvouched = Vec::new();
    for (what, as_wanted) in compared {
        match as_wanted {
            Some(true) => {}
            Some(false) if what == "restart" => return Verdict::Missed("the machine has not been restarted".into()),
            Some(false) => return Verdict::Missed(format!("the machine's {what} is not what it is to be")),
            None => unvouched.push(what),
        }
    }
    if unvouched.is_empty() { Verdict::Met } else { Verdict::Unvouched(unvouched) }
}

/// `running` or `stopped`.
const fn power(machine: &Machine) -> &'static str {
    if machine.running { "running" } else { "stopped" }
}

/// What was done and seen, for the task's log: `created on simulated-1, system generation 1, running`.
#[must_use]
pub(crate) fn report(operation: Operation, node: &str, seen: &Observed) -> String {
    let done = match operation {
        Operation::Create => "created",
        Operation::Suspend => "suspended",
        Operation::Unsuspend => "started again",
        Operation::Restart => "restarted",
        Operation::Reinstall => "reinstalled",
        Operation::Destroy => "removed",
        Operation::Change => "changed",
        Operation::ResetPassword => "password set",
        Operation::Rename => "hostname set",
        Operation::Ptr => "reverse name set",
        Operation::FlushFilter => "packet filter emptied",
        Operation::Firewall => "packet filter set",
        Operation::MoveAddress => "addresses set",
    };
    match seen {
        Observed::Present(machine) => {
            format!("{done} on {node}, system generation {}, {}", machine.generation, power(machine))
        }
        Observed::Missing | Observed::Unavailable(_) => format!("{done} on {node}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::firewall::Firewall;
    use proptest::prelude::*;

    use super::*;
    use crate::driver::Class;
    use crate::driver::MachineSize;

    fn machine(running: bool, generation: i32, boot: Option<&str>) -> Machine {
        Machine { running, generation, boot: boot.map(str::to_owned), traits: Traits::default() }
    }

    fn seen() -> impl Strategy<Value = Observed> {
        prop_oneof![
            (any::<bool>(), 1..5_i32)
                .prop_map(|(running, generation)| Observed::Present(machine(running, generation, None))),
            Just(Observed::Missing),
            "[a-z ]{0,20}".prop_map(|why| Observed::Unavailable(Trouble::new(Class::Unavailable, why))),
        ]
    }

    proptest! {
        #[test]
        fn what_could_not_be_looked_at_is_never_taken_for_done(
            operation in prop::sample::select(&Operation::ALL), generation in 1..5_i32, why in "[a-z ]{0,20}",
        ) {
            let unseen = Observed::Unavailable(Trouble::new(Class::Unavailable, why));
            prop_assert!(desired(operation, generation).judge(&unseen) != Verdict::Met);
        }

        #[test]
        fn suspended_and_running_exclude_each_other(generation in 1..5_i32, seen in seen()) {
            let off = desired(Operation::Suspend, generation).judge(&seen) == Verdict::Met;
            let on = desired(Operation::Unsuspend, generation).judge(&seen) == Verdict::Met;
            let gone = desired(Operation::Destroy, generation).judge(&seen) == Verdict::Met;
            prop_assert!(u8::from(off) + u8::from(on) + u8::from(gone) <= 1);
        }

        #[test]
        fn an_older_system_is_not_a_reinstalled_one(generation in 1..5_i32, running in any::<bool>(), has in 1..5_i32) {
            let seen = Observed::Present(machine(running, has, None));
            let verdict = desired(Operation::Reinstall, generation).judge(&seen);
            prop_assert_eq!(verdict == Verdict::Met, running && has >= generation);
        }
    }

    #[test]
    fn a_restart_is_told_by_the_start_alone() {
        let judged = |before: Option<&str>, now| {
            let restarted = Some(before.map_or(Restarted::SinceUnknown, |boot| Restarted::Since(boot.to_owned())));
            let (traits, made_with) = (Traits::default(), Box::default());
            let wanted = Desired::Present { running: Some(true), generation: 1, traits, made_with, restarted };
            wanted.judge(&Observed::Present(machine(true, 1, now)))
        };
        assert_eq!(judged(Some("a"), Some("b")), Verdict::Met);
        assert_eq!(judged(Some(WAS_OFF), None), Verdict::Met);
        assert_eq!(judged(Some("a"), Some("a")), Verdict::Missed("the machine has not been restarted".into()));
        for (before, now) in [(Some("a"), None), (None, Some("b")), (None, None)] {
            assert_eq!(judged(before, now), Verdict::Unvouched(vec!["restart"]));
        }
    }

    proptest! {
        #[test]
        fn what_can_not_be_told_is_never_vouched_for(
            size in any::<Option<bool>>(), hostname in any::<Option<bool>>(), password in any::<Option<bool>>(),
            addresses in any::<Option<bool>>(), ptr in any::<Option<bool>>(), firewall in any::<Option<bool>>(),
            filter in any::<Option<bool>>(),
        ) {
            let ip: std::net::IpAddr = "192.0.2.7".parse().unwrap();
            let limits = Firewall { pps: 1000, ..Firewall::default() };
            let one = MachineSize { cpu_ghz: 1, ram_mb: 1, disk_gb: 1, bandwidth_mbps: 1 };
            let other = MachineSize { cpu_ghz: 2, ..one };
            let wanted = Traits {
                size: Some(one),
                hostname: Some("a".into()),
                password_version: Some(2),
                addresses: Some([ip].into()),
                ptr: Some([(ip, "a".to_owned())].into()),
                firewall: Some(limits),
                filter_is_empty: Some(true),
            };
            let seen = Traits {
                size: size.map(|right| if right { one } else { other }),
                hostname: hostname.map(|right| if right { "a" } else { "b" }.to_owned()),
                password_version: password.map(|right| if right { 3 } else { 1 }),
                addresses: addresses.map(|right| if right { [ip].into() } else { BTreeSet::new() }),
                ptr: ptr.map(|right| [(ip, if right { "a" } else { "b" }.to_owned())].into()),
                firewall: firewall.map(|right| if right { limits } else { Firewall::default() }),
                filter_is_empty: filter,
            };
            let verdict = judge_all(wanted.compared_with(&seen));
            let all = [size, hostname, password, addresses, ptr, firewall, filter];
            match verdict {
                Verdict::Met => prop_assert!(all.iter().all(|one| *one == Some(true))),
                Verdict::Unvouched(what) => {
                    prop_assert!(!all.contains(&Some(false)));
                    prop_assert_eq!(what.len(), all.iter().filter(|one| one.is_none()).count());
                }
                Verdict::Missed(_) => prop_assert!(all.contains(&Some(false))),
            }
        }
    }

    #[test]
    fn the_log_says_what_was_seen() {
        let seen = Observed::Present(machine(true, 1, None));
        assert_eq!(
            report(Operation::Create, "simulated-1", &seen),
            "created on simulated-1, system generation 1, running"
        );
        assert_eq!(report(Operation::Destroy, "simulated-1", &Observed::Missing), "removed on simulated-1");
    }
}
