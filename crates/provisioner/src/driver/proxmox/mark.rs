//! The mark of our machines, in their notes: without it nothing is ever done to a machine.

use std::collections::BTreeMap;

/// What a machine's notes say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Of which order.
    pub order: i64,
    /// Which of its systems.
    pub generation: i32,
    /// Of the newest task that took it in hand; older ones are refused.
    pub fence: i64,
    /// Which of its passwords was set, as the machine itself said.
    pub password: i32,
    /// How far it has come.
    pub stage: Stage,
    /// The newest task that it was restarted for.
    pub restarted: i64,
    /// Nobody but an unsuspend may start it.
    pub suspended: bool,
}

/// How far a machine has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// It has a disk.
    Cloned,
    /// It has the size and all else that it was made for.
    Made,
    /// It has come up once.
    Booted,
}

impl Mark {
    /// As it stands in notes, behind the company's `name`.
    pub(super) fn text(&self, name: &str) -> String {
        let Self { order, generation, fence, password, stage, restarted, suspended } = self;
        let stage = match stage {
            Stage::Cloned => "cloned",
            Stage::Made => "made",
            Stage::Booted => "booted",
        };
        let suspended = u8::from(*suspended);
        format!(
            "{name}: order={order} generation={generation} fence={fence} password={password} stage={stage} \
             restarted={restarted} suspended={suspended}\n\nKept by Vartai: do not edit the line above."
        )
    }

    /// What notes say, if they are ours.
    pub(super) fn read(name: &str, notes: &str) -> Option<Self> {
        let line = notes.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(": "))?;
        let fields: BTreeMap<&str, &str> = line.split(' ').filter_map(|field| field.split_once('=')).collect();
        let number = |name| fields.get(name)?.parse::<i64>().ok();
        let small = |name| i32::try_from(number(name)?).ok();
        let stage = match *fields.get("stage")? {
            "cloned" => Stage::Cloned,
            "made" => Stage::Made,
            "booted" => Stage::Booted,
            _ => return None,
        };
        Some(Self {
            order: number("order")?,
            generation: small("generation")?,
            fence: number("fence")?,
            password: small("password")?,
            stage,
            restarted: number("restarted")?,
            suspended: number("suspended")? != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            order in any::<i64>(), generation in any::<i32>(), fence in any::<i64>(), password in any::<i32>(),
            stage in prop::sample::select(vec![Stage::Cloned, Stage::Made, Stage::Booted]), restarted in any::<i64>(),
            suspended in any::<bool>(), before in "([a-z ]*\n)?",
        ) {
            let mark = Mark { order, generation, fence, password, stage, restarted, suspended };
            prop_assert_eq!(Mark::read("vartai", &format!("{before}{}", mark.text("vartai"))), Some(mark.clone()));
            prop_assert_eq!(Mark::read("other", &mark.text("vartai")), None);
        }

        #[test]
        fn what_others_write_is_not_ours(notes in any::<String>()) {
            prop_assert_eq!(Mark::read("vartai", &notes), None);
        }
    }
}
