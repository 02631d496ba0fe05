//! The state that a task wants, and whether what is seen is it.

use domain::tasks::Operation;

use super::{Machine, Observed};

/// The state that a service is to have when a task is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desired {
    /// A machine.
    Present {
        /// Whether it is to be switched on.
        running: bool,
        /// Which of the order's systems it is to have at least.
        generation: i32,
    },
    /// None.
    Missing,
}

/// What an operation wants of an order whose newest system is `generation`.
#[must_use]
pub const fn desired(operation: Operation, generation: i32) -> Desired {
    match operation {
        Operation::Create | Operation::Reinstall => Desired::Present { running: true, generation },
        // A reinstallation that is queued behind them has raised the generation already; it is not theirs to wait for.
        Operation::Restart | Operation::Unsuspend => Desired::Present { running: true, generation: 1 },
        Operation::Suspend => Desired::Present { running: false, generation: 1 },
        Operation::Destroy => Desired::Missing,
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
            (Self::Present { running, generation }, Observed::Present(machine)) => {
                if machine.generation < *generation {
                    Some(format!("its system is generation {}, not {generation}", machine.generation))
                } else if machine.running != *running {
                    Some(format!("the machine is {}", power(machine)))
                } else {
                    None
                }
            }
        }
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
            (any::<bool>(), 1..5_i32)
                .prop_map(|(running, generation)| Observed::Present(Machine { running, generation })),
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
            let seen = Observed::Present(Machine { running, generation: has });
            let missed = desired(Operation::Reinstall, generation).missed_by(&seen);
            prop_assert_eq!(missed.is_none(), running && has >= generation);
        }
    }

    #[test]
    fn the_log_says_what_was_seen() {
        let seen = Observed::Present(Machine { running: true, generation: 1 });
        assert_eq!(
            report(Operation::Create, "simulated-1", &seen),
            "created on simulated-1, system generation 1, running"
        );
        assert_eq!(report(Operation::Destroy, "simulated-1", &Observed::Missing), "removed on simulated-1");
    }
}
