//! The state that a task wants, and whether what is seen is it.

use std::collections::BTreeMap;

use domain::tasks::Operation;
use store::tasks::ClaimedTask;

use super::{Machine, Observed, Traits};

/// The state that a service is to have when a task is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Desired {
    /// A machine.
    Present {
        /// Whether it is to be switched on; either will do when `None`.
        running: Option<bool>,
        /// Which of the order's systems it is to have at least.
        generation: i32,
        /// What else is to be seen of it.
        traits: Traits,
    },
    /// None.
    Missing,
}

/// What a task wants of an order's service.
#[must_use]
pub fn desired_by(task: &ClaimedTask) -> Desired {
    match desired(task.operation, task.generation) {
        Desired::Present { running, generation, .. } => {
            Desired::Present { running, generation, traits: traits_wanted_by(task) }
        }
        Desired::Missing => Desired::Missing,
    }
}

/// What an operation wants of an order whose newest system is `generation`, as far as any order goes.
#[must_use]
fn desired(operation: Operation, generation: i32) -> Desired {
    let present = |running, generation| Desired::Present { running, generation, traits: Traits::default() };
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
        Operation::Create
        | Operation::FlushFilter
        | Operation::Suspend
        | Operation::Unsuspend
        | Operation::Restart
        | Operation::Reinstall
        | Operation::Destroy => none,
    }
}

impl Desired {
    /// What keeps `seen` from being this, in words for the task's log; `None` when it is this.
    #[must_use]
    pub fn missed_by(&self, seen: &Observed) -> Option<String> {
        match (self, seen) {
            (_, Observed::Unavailable(why)) => Some(format!("the machine could not be looked at: {why}")),
            (Self::Missing, Observed::Missing) => None,
            (Self::Missing, Observed::Present(_)) => Some("the machine is still there".into()),
            (Self::Present { .. }, Observed::Missing) => Some("there is no machine".into()),
            (Self::Present { running, generation, traits }, Observed::Present(machine)) => {
                if machine.generation < *generation {
                    Some(format!("its system is generation {}, not {generation}", machine.generation))
                } else if running.is_some_and(|running| machine.running != running) {
                    Some(format!("the machine is {}", power(machine)))
                } else {
                    traits.missed_by(&machine.traits)
                }
            }
        }
    }
}

impl Traits {
    /// What of these is otherwise in `seen`; what is `None` here may be anything there.
    fn missed_by(&self, seen: &Self) -> Option<String> {
        let other = |wanted: bool, what: &str| wanted.then(|| format!("the machine's {what} is not what it is to be"));
        other(self.size.is_some() && self.size != seen.size, "size")
            .or_else(|| other(self.hostname.is_some() && self.hostname != seen.hostname, "hostname"))
            .or_else(|| {
                let older = self.password_version.is_some() && self.password_version > seen.password_version;
                other(older, "password")
            })
            .or_else(|| other(self.addresses.is_some() && self.addresses != seen.addresses, "list of addresses"))
            .or_else(|| {
                let set = |(ip, name)| seen.ptr.as_ref().is_some_and(|names| names.get(ip) == Some(name));
                other(!self.ptr.iter().flatten().all(set), "reverse name")
            })
            .or_else(|| other(self.firewall.is_some() && self.firewall != seen.firewall, "packet filter"))
    }
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
    use proptest::prelude::*;

    use super::*;

    fn seen() -> impl Strategy<Value = Observed> {
        prop_oneof![
            (any::<bool>(), 1..5_i32).prop_map(|(running, generation)| Observed::Present(Machine {
                running,
                generation,
                traits: Traits::default()
            })),
            Just(Observed::Missing),
            "[a-z ]{0,20}".prop_map(Observed::Unavailable),
        ]
    }

    proptest! {
        #[test]
        fn what_could_not_be_looked_at_is_never_taken_for_done(
            operation in prop::sample::select(&Operation::ALL), generation in 1..5_i32, why in "[a-z ]{0,20}",
        ) {
            prop_assert!(desired(operation, generation).missed_by(&Observed::Unavailable(why)).is_some());
        }

        #[test]
        fn suspended_and_running_exclude_each_other(generation in 1..5_i32, seen in seen()) {
            let off = desired(Operation::Suspend, generation).missed_by(&seen).is_none();
            let on = desired(Operation::Unsuspend, generation).missed_by(&seen).is_none();
            let gone = desired(Operation::Destroy, generation).missed_by(&seen).is_none();
            prop_assert!(u8::from(off) + u8::from(on) + u8::from(gone) <= 1);
        }

        #[test]
        fn an_older_system_is_not_a_reinstalled_one(generation in 1..5_i32, running in any::<bool>(), has in 1..5_i32) {
            let seen = Observed::Present(Machine { running, generation: has, traits: Traits::default() });
            let missed = desired(Operation::Reinstall, generation).missed_by(&seen);
            prop_assert_eq!(missed.is_none(), running && has >= generation);
        }
    }

    #[test]
    fn the_log_says_what_was_seen() {
        let seen = Observed::Present(Machine { running: true, generation: 1, traits: Traits::default() });
        assert_eq!(
            report(Operation::Create, "simulated-1", &seen),
            "created on simulated-1, system generation 1, running"
        );
        assert_eq!(report(Operation::Destroy, "simulated-1", &Observed::Missing), "removed on simulated-1");
    }
}
