//! Which graph.

use std::fmt;

use domain::usage::{Resolution, Series};

use crate::quantity::Quantity;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Graph {
    /// Bits received and sent.
    Traffic,
    /// Memory in use, and its limit.
    Memory,
    /// Disk in use, and its limit.
    Storage,
    /// Load average.
    Load,
    /// Bytes read from disk and written to it.
    Io,
    /// Processor.
    Cpu,
}

impl Graph {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 6] = [Self::Traffic, Self::Memory, Self::Storage, Self::Load, Self::Io, Self::Cpu];

    /// The first half of the link's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traffic => "traffic",
            Self::Memory => "memory",
            Self::Storage => "storage",
            Self::Load => "load",
            Self::Io => "io",
            Self::Cpu => "cpu",
        }
    }

    /// The series that are drawn: the first as an area, others as lines over it.
    pub(crate) const fn series(self) -> &'static [Series] {
        match self {
            Self::Traffic => &[Series::TrafficIn, Series::TrafficOut],
            Self::Memory => &[Series::Memory, Series::MemoryLimit],
            Self::Storage => &[Series::Storage, Series::StorageLimit],
            Self::Load => &[Series::Load],
            Self::Io => &[Series::IoRead, Series::IoWrite],
            Self::Cpu => &[Series::Cpu],
        }
    }

    pub(crate) const fn quantity(self) -> Quantity {
        match self {
            Self::Traffic => Quantity::BitRate,
            Self::Memory | Self::Storage => Quantity::Size,
            Self::Load => Quantity::Load,
            Self::Io => Quantity::ByteRate,
            Self::Cpu => Quantity::Share,
        }
    }
}

/// How far back it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// 24 hours.
    Daily,
    /// 7 days.
    Weekly,
    /// 31 days.
    Monthly,
    /// 365 days.
    Yearly,
}

impl Span {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Daily, Self::Weekly, Self::Monthly, Self::Yearly];

    /// The second half of the link's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }

    /// The rows that it is drawn from.
    #[must_use]
    pub const fn resolution(self) -> Resolution {
        match self {
            Self::Daily => Resolution::Fine,
            Self::Weekly => Resolution::HalfHour,
            Self::Monthly => Resolution::TwoHours,
            Self::Yearly => Resolution::Day,
        }
    }

    /// Its length.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        const DAY: i64 = 24 * 3600;
        match self {
            Self::Daily => DAY,
            Self::Weekly => 7 * DAY,
            Self::Monthly => 31 * DAY,
            Self::Yearly => 365 * DAY,
        }
    }
}

/// One of the 24 graphs; reads and writes as the link's name: `traffic_daily`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// What is measured.
    pub graph: Graph,
    /// How far back it goes.
    pub span: Span,
}

impl Kind {
    /// All 24, in the order of the contract.
    pub fn all() -> impl Iterator<Item = Self> {
        Graph::ALL.into_iter().flat_map(|graph| Span::ALL.into_iter().map(move |span| Self { graph, span }))
    }

    /// The kind of that name; `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (graph, span) = name.split_once('_')?;
        Some(Self {
            graph: Graph::ALL.into_iter().find(|known| known.name() == graph)?,
            span: Span::ALL.into_iter().find(|known| known.name() == span)?,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.graph.name(), self.span.name())
    }
}
