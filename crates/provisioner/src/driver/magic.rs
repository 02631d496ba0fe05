//! Names that make the simulated hypervisor fail, so that resellers can try out what their programs make of it
//! (`docs/simulated.md`). No other driver knows them, and no name outside `vartai.test` means anything.

use domain::tasks::Operation;
use store::tasks::ClaimedTask;

/// All of them end so. `test` is nobody's (RFC 6761).
const ZONE: &str = ".vartai.test";

/// What a name asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Magic {
    /// It is refused for good.
    Fail,
    /// The first try is refused, the second succeeds.
    Retry,
    /// It takes long.
    Slow,
    /// It never ends; nothing is done.
    Hang,
    /// It is done, but the answer is lost.
    Lost,
    /// It is done, but what was done can't be seen.
    Unverified,
    /// It is left under way once, and asked after.
    Pending,
}

impl Magic {
    /// What a task's name asks for, if anything.
    pub(super) fn of(task: &ClaimedTask) -> Option<Self> {
        Self::named(task.wanted_hostname()?, task.operation)
    }

    /// `fail.vartai.test`, or `reboot.fail.vartai.test` for one operation; before that, anything. What was made can be
    /// removed in any case.
    fn named(hostname: &str, operation: Operation) -> Option<Self> {
        let labels = hostname.strip_suffix(ZONE)?;
        let mut labels = labels.rsplit('.');
        let magic = match labels.next()? {
            "fail" => Self::Fail,
            "retry" => Self::Retry,
            "slow" => Self::Slow,
            "hang" => Self::Hang,
            "lost" => Self::Lost,
            "unverified" => Self::Unverified,
            "pending" => Self::Pending,
            _ => return None,
        };
        let only = labels.next().and_then(|label| Operation::of_short_name(&label.replace('-', "_")));
        match only {
            Some(only) => (only == operation).then_some(magic),
            None => Some(magic).filter(|_| operation != Operation::Destroy),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_ask_for_all_operations_or_for_one() {
        let named = |name| Operation::ALL.into_iter().filter(|o| Magic::named(name, *o) == Some(Magic::Fail)).count();
        assert_eq!(named("fail.vartai.test"), Operation::ALL.len() - 1);
        assert_eq!(named("shop-7.fail.vartai.test"), Operation::ALL.len() - 1);
        assert_eq!(named("reboot.fail.vartai.test"), 1);
        assert_eq!(named("a.reset-password.fail.vartai.test"), 1);
        assert_eq!(Magic::named("reboot.fail.vartai.test", Operation::Restart), Some(Magic::Fail));
        assert_eq!(Magic::named("destroy.hang.vartai.test", Operation::Destroy), Some(Magic::Hang));
    }

    proptest! {
        #[test]
        fn no_other_name_means_anything(name in "([a-z]{1,8}\\.){0,3}(fail|lost|hang)?\\.?(vartai|example)?\\.?(test|com)") {
            prop_assume!(!name.ends_with(ZONE));
            for operation in Operation::ALL {
                prop_assert_eq!(Magic::named(&name, operation), None);
            }
        }
    }
}
