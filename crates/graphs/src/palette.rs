//! Colours: few and quiet, apart from each other also for those who see no red or green.

use domain::usage::Series;

/// Red, green, blue, opacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8, pub u8);

impl Colour {
    pub const fn faded(self, opacity: u8) -> Self {
        Self(self.0, self.1, self.2, opacity)
    }
}

pub const PAPER: Colour = Colour(255, 255, 255, 255);
pub const GRID: Colour = Colour(233, 236, 239, 255);
pub const AXIS: Colour = Colour(173, 181, 189, 255);
pub const TITLE: Colour = Colour(33, 37, 41, 255);
pub const TEXT: Colour = Colour(73, 80, 87, 255);
pub const MUTED: Colour = Colour(120, 128, 136, 255);

const GREEN: Colour = Colour(64, 160, 122, 255);
const NAVY: Colour = Colour(35, 78, 145, 255);
const BLUE: Colour = Colour(66, 122, 180, 255);
const RED: Colour = Colour(196, 72, 66, 255);

pub const fn of(series: Series) -> Colour {
    match series {
        Series::TrafficIn | Series::IoRead => GREEN,
        Series::TrafficOut | Series::IoWrite => NAVY,
        Series::Cpu | Series::Load | Series::Memory | Series::Storage => BLUE,
        Series::MemoryLimit | Series::StorageLimit => RED,
    }
}
