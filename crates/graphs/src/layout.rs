//! Where things are, by the graph's width.

/// A graph's width in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Width(i32);

impl Width {
    /// The widest, in pixels.
    pub const MAX: u32 = 1000;

    /// A width of 1..=1000 pixels (CONTRACT 2.3, server_graphs); `None` for any other.
    #[must_use]
    pub fn new(pixels: u32) -> Option<Self> {
        let whole = i32::try_from(pixels).ok()?;
        (1..=Self::MAX).contains(&pixels).then_some(Self(whole))
    }

    /// In pixels.
    #[must_use]
    pub const fn pixels(self) -> i32 {
        self.0
    }

    /// The height that goes with it, in pixels: 120 at 200, 220 at 600, 320 at 1000.
    #[must_use]
    pub const fn height(self) -> i32 {
        70 + self.0 / 4
    }

    pub(crate) const fn detail(self) -> Detail {
        match self.0 {
            ..24 => Detail::Blank,
            24..120 => Detail::Bare,
            120..400 => Detail::Axes,
            _ => Detail::Legend,
        }
    }
}

/// How much there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing.
    Blank,
    /// Curves alone.
    Bare,
    /// Also title and axes.
    Axes,
    /// Also the legend and the moment.
    Legend,
}

/// Places and sizes, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub width: i32,
    /// Room at the edges.
    pub pad: i32,
    /// Size of the text, and of the title.
    pub text: u8,
    pub title: u8,
    /// The plot's upper left corner and size.
    pub left: i32,
    pub top: i32,
    pub plot_width: i32,
    pub plot_height: i32,
}

/// From the plot to what stands beside or under it.
pub const GAP: i32 = 5;

impl Layout {
    /// The layout with `legend` lines under the graph; numbers of the vertical axis are still to find their room.
    pub fn of(width: Width, legend: i32) -> Self {
        let full = (width.pixels(), width.height());
        let (pad, text, title) = match width.detail() {
            Detail::Blank | Detail::Bare => (2, 0, 0),
            Detail::Axes => (5, 10, 11),
            Detail::Legend => (10, 11, 13),
        };
        let top = if title == 0 { pad } else { pad + i32::from(title) + GAP + 3 };
        let under =
            if text == 0 { 0 } else { i32::from(text) + GAP + legend * Self::line(text) + i32::from(legend > 0) * GAP };
        Self {
            width: full.0,
            pad,
            text,
            title,
            left: pad,
            top,
            plot_width: (full.0 - 2 * pad).max(1),
            plot_height: (full.1 - top - under - pad).max(1),
        }
    }

    /// The same with `room` pixels for the numbers of the vertical axis.
    pub fn with_numbers(self, room: i32) -> Self {
        let room = room + GAP;
        Self { left: self.left + room, plot_width: (self.plot_width - room).max(1), ..self }
    }

    /// The height of a line of the legend.
    pub fn line(text: u8) -> i32 {
        i32::from(text) + 5
    }

    /// The plot's lower edge.
    pub const fn bottom(&self) -> i32 {
        self.top + self.plot_height
    }
}
