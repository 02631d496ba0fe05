//! New systems are held against what they were to be made with, as far as that is told.

use domain::tasks::Operation;
use provisioner::driver::{Machine, MachineSize, Observed, Traits, Verdict, desired_by};

use crate::bed::task;

/// What comes of a machine that runs, of the generation wanted, with these traits.
fn judged(operation: Operation, traits: Traits) -> Verdict {
    let machine = Machine { running: true, generation: 1, boot: None, traits };
    desired_by(&task(operation), None).judge(&Observed::Present(machine))
}

const MAKE: [Operation; 2] = [Operation::Create, Operation::Reinstall];

fn sized(disk_gb: u32) -> Option<MachineSize> {
    Some(MachineSize { cpu_ghz: 2, ram_mb: 2048, disk_gb, bandwidth_mbps: 20 })
}

#[test]
fn a_system_of_another_size_or_name_is_not_the_one_that_was_paid_for() {
    let named = |name: &str| Some(name.to_owned());
    for operation in MAKE {
        for (size, hostname, missed) in [
            (sized(20), named("s31.example.com"), None),
            (sized(20), named("s31"), None),
            (sized(10), named("s31.example.com"), Some("size")),
            (sized(10), None, Some("size")),
            (sized(20), named("localhost"), Some("hostname")),
            (None, named("localhost"), Some("hostname")),
        ] {
            let seen = Traits { size, hostname, ..Traits::default() };
            let wanted = missed
                .map_or(Verdict::Met, |what| Verdict::Missed(format!("the machine's {what} is not what it is to be")));
            assert_eq!(judged(operation, seen.clone()), wanted, "{operation}: {seen:?}");
        }
    }
}

#[test]
fn what_is_not_told_of_a_new_system_is_not_held_against_it() {
    for operation in MAKE {
        assert_eq!(judged(operation, Traits::default()), Verdict::Met, "{operation}");
    }
}

#[test]
fn what_makes_no_system_has_nothing_to_do_with_its_size_and_name() {
    let odd = Traits { size: sized(1), hostname: Some("of-its-owner-s-own".into()), ..Traits::default() };
    assert_eq!(judged(Operation::Unsuspend, odd.clone()), Verdict::Met);
    for operation in [Operation::Firewall, Operation::MoveAddress, Operation::FlushFilter] {
        assert!(matches!(judged(operation, odd.clone()), Verdict::Unvouched(_)), "{operation}");
    }
}
