//! When the billing run must not go on without a person: what it would do rests on a clock, on payments and on tasks,
//! and each of them can be wrong while the program is right.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// What is usual, and how far beyond it a person is asked (`[billing.interlock]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Hours since the last run, at the most.
    pub max_gap_hours: u32,
    /// Seconds that the database's clock may differ from what this process counted, or go back.
    pub clock_tolerance_seconds: u32,
    /// The span in which payments are expected, in hours.
    pub payments_span_hours: u32,
    /// Where so many payments are usual in a span, none is a finding.
    pub payments_usual: u32,
    /// So many failed tasks in an hour are no finding yet.
    pub failed_tasks_floor: u32,
    /// Beyond the floor, more than this share of an hour's tasks is one.
    pub failed_tasks_percent: u32,
    /// So many suspensions and ends in a day are no finding yet.
    pub ends_floor: u32,
    /// Nor are so many times the usual number.
    pub ends_times: u32,
    /// Nor is this share of the orders that run.
    pub ends_percent: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_gap_hours: 36,
            clock_tolerance_seconds: 300,
            payments_span_hours: 48,
            payments_usual: 10,
            failed_tasks_floor: 5,
            failed_tasks_percent: 50,
            ends_floor: 20,
            ends_times: 3,
            ends_percent: 2,
        }
    }
}

/// Payments that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Payments {
    /// In the last span.
    pub recent: u64,
    /// In a span of the weeks before, on average.
    pub usual: u64,
}

/// Tasks that ended in the last hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskOutcomes {
    /// Those that failed, or went to staff after their last try.
    pub failed: u64,
    /// All of them.
    pub ended: u64,
}

/// Suspensions and ends of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    /// Still to be done on this day.
    pub due: u64,
    /// Done on this day already.
    pub done: u64,
    /// A day's, on average of the weeks before.
    pub usual: u64,
    /// Orders that are paid or were, and are not over.
    pub running: u64,
}

/// What the interlock looks at. All moments are of the database's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Now.
    pub now: Timestamp,
    /// When a run last came to its end, or staff last said that the clock is right.
    pub last_run: Option<Timestamp>,
    /// What it should be now, by what this process counted since it last asked.
    pub expected_now: Option<Timestamp>,
    /// Payments.
    pub payments: Payments,
    /// Tasks.
    pub tasks: TaskOutcomes,
    /// Suspensions and ends.
    pub ends: Ends,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The clock is before the last run; the extent is in seconds.
    ClockBack,
    /// The clock differs from what this process counted; the extent is in seconds.
    ClockJump,
    /// The last run is long ago; the extent is in hours.
    LongGap,
    /// No payment arrives; the extent is how many are usual.
    PaymentsStopped,
    /// Tasks fail; the extent is how many did in an hour.
    TasksFail,
    /// Far more suspensions and ends than usual; the extent is how many.
    TooManyEnds,
    /// Staff stopped it.
    Staff,
}

/// Something that is wrong, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// How much, in the kind's own unit.
    pub extent: u64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extent = self.extent;
        match self.kind {
            FindingKind::ClockBack => write!(f, "the database's clock is {extent} s before the last run"),
            FindingKind::ClockJump => write!(f, "the database's clock jumped by {extent} s"),
            FindingKind::LongGap => write!(f, "the last run is {extent} hours ago"),
            FindingKind::PaymentsStopped => write!(f, "no payment arrives, where {extent} are usual"),
            FindingKind::TasksFail => write!(f, "{extent} tasks failed within an hour"),
            FindingKind::TooManyEnds => write!(f, "{extent} orders are to be suspended or ended on one day"),
            FindingKind::Staff => write!(f, "staff stopped it"),
        }
    }
}

/// All that is wrong, in the order of the kinds.
#[must_use]
pub fn check(facts: &Facts, limits: &Limits) -> Vec<Finding> {
    let mut findings = clocks(facts, limits);
    let mut find = |wrong: bool, kind, extent| {
        if wrong {
            findings.push(Finding { kind, extent });
        }
    };
    let Payments { recent, usual } = facts.payments;
    find(recent == 0 && usual >= u64::from(limits.payments_usual.max(1)), FindingKind::PaymentsStopped, usual);
    let TaskOutcomes { failed, ended } = facts.tasks;
    let many = failed > u64::from(limits.failed_tasks_floor)
        && failed.saturating_mul(100) > ended.saturating_mul(limits.failed_tasks_percent.into());
    find(many, FindingKind::TasksFail, failed);
    let Ends { due, done, usual, running } = facts.ends;
    let usual = usual.saturating_mul(limits.ends_times.into());
    let share = running.saturating_mul(limits.ends_percent.into()) / 100;
    let ends = due.saturating_add(done);
    let too_many = ends > u64::from(limits.ends_floor).max(usual).max(share);
    find(due > 0 && too_many, FindingKind::TooManyEnds, ends);
    findings
}

fn clocks(facts: &Facts, limits: &Limits) -> Vec<Finding> {
    let tolerance = u64::from(limits.clock_tolerance_seconds);
    let mut findings = Vec::new();
    if let Some(last) = facts.last_run {
        let since = last.duration_until(facts.now).as_secs();
        if since < 0 && since.unsigned_abs() > tolerance {
            findings.push(Finding { kind: FindingKind::ClockBack, extent: since.unsigned_abs() });
        }
        let hours = u64::try_from(since).unwrap_or(0) / 3600;
        if hours >= u64::from(limits.max_gap_hours) {
            findings.push(Finding { kind: FindingKind::LongGap, extent: hours });
        }
    }
    if let Some(expected) = facts.expected_now {
        let off = expected.duration_until(facts.now).as_secs().unsigned_abs();
        if off > tolerance {
            findings.push(Finding { kind: FindingKind::ClockJump, extent: off });
        }
    }
    findings
}

/// What staff looked at and let pass: these findings, on this day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The realm's day.
    pub day: Date,
    /// What was found then.
    pub findings: Vec<Finding>,
}

/// The findings that no release lets pass. A release is for what was found when it was given: another kind, more of the
/// same, or the same on another day stops the run again.
#[must_use]
pub fn uncovered(findings: &[Finding], release: Option<&Release>, day: Date) -> Vec<Finding> {
    let passes = |finding: &Finding| {
        release.is_some_and(|release| {
            let seen = |of: &Finding| of.kind == finding.kind && finding.extent <= of.extent;
            release.day == day && release.findings.iter().any(seen)
        })
    };
    findings.iter().filter(|finding| !passes(finding)).copied().collect()
}
