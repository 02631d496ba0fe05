//! The order in which a machine lives.

use domain::tasks::Operation;

/// All operations in the order of a machine's life: it is made first and removed last, and each finds what it needs. What
/// tries out drivers goes by it.
pub const LIFE: [Operation; 13] = [
    Operation::Create,
    Operation::Restart,
    Operation::Change,
    Operation::ResetPassword,
    Operation::Rename,
    Operation::Ptr,
    Operation::Firewall,
    Operation::FlushFilter,
    Operation::MoveAddress,
    Operation::Suspend,
    Operation::Unsuspend,
    Operation::Reinstall,
    Operation::Destroy,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_has_every_operation_once_and_a_beginning_and_an_end() {
        for operation in Operation::ALL {
            assert_eq!(LIFE.iter().filter(|other| **other == operation).count(), 1, "{operation}");
        }
        assert_eq!((LIFE.first(), LIFE.last()), (Some(&Operation::Create), Some(&Operation::Destroy)));
    }
}
