//! What is drawn, before it is: texts with their place in the document's structure, rectangles and frames.
//!
//! Coordinates are points from the top left corner of the sheet.

use super::face::Faces;

/// A colour.
#[derive(Debug, Clone, Copy)]
pub struct Ink(pub u8, pub u8, pub u8);

pub const BLACK: Ink = Ink(0x1a, 0x22, 0x30);
pub const GREY: Ink = Ink(0x5a, 0x64, 0x74);
pub const RULE: Ink = Ink(0xd3, 0xd9, 0xe2);
pub const SOFT: Ink = Ink(0xf3, 0xf6, 0xfa);
pub const ACCENT: Ink = Ink(0x1d, 0x4e, 0x7f);
pub const GOOD: Ink = Ink(0x17, 0x71, 0x3c);
pub const CARE: Ink = Ink(0x8a, 0x4b, 0x00);
pub const CARE_SOFT: Ink = Ink(0xfd, 0xf4, 0xe7);

/// Line height, of the size.
const LEADING: f32 = 1.32;

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub size: f32,
    pub bold: bool,
    pub ink: Ink,
}

impl Style {
    pub const fn plain(size: f32) -> Self {
        Self { size, bold: false, ink: BLACK }
    }

    pub const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub const fn ink(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }

    pub fn line_height(self) -> f32 {
        self.size * LEADING
    }
}

/// Where a text stands: from its left edge on, or up to its right edge.
#[derive(Debug, Clone, Copy)]
pub enum Edge {
    Left(f32),
    Right(f32),
}

/// What a text is in the document's structure, for screen readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The document's title.
    Title,
    /// A paragraph begins, or goes on.
    Text { begins: bool },
    /// A cell of a table; heads of columns and rows say so.
    Cell { table: Table, row: usize, column: usize, head: Option<Head> },
    /// Not content: page numbers and repeated heads.
    Ornament,
}

/// A new paragraph.
pub const PARAGRAPH: Role = Role::Text { begins: true };
/// More of the paragraph before.
pub const MORE: Role = Role::Text { begins: false };

/// The document's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Lines,
    Totals,
}

/// What a head is the head of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    Column,
    Row,
}

/// Something to draw.
#[derive(Debug, Clone)]
pub enum Mark {
    Text { x: f32, baseline: f32, style: Style, text: String, role: Role },
    Fill { area: Area, ink: Ink },
    Frame { area: Area, ink: Ink },
}

/// A rectangle.
#[derive(Debug, Clone, Copy)]
pub struct Area {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

/// Marks from some height on downwards. `y` is where the next one goes.
pub struct Block<'a> {
    pub marks: Vec<Mark>,
    pub y: f32,
    faces: &'a Faces,
}

impl<'a> Block<'a> {
    pub fn at(y: f32, faces: &'a Faces) -> Self {
        Self { marks: Vec::new(), y, faces }
    }

    /// How wide a text is.
    pub fn width(&self, text: &str, style: Style) -> f32 {
        self.faces.of(style.bold).width(text, style.size)
    }

    /// A text on the line at `y`, which stays where it is.
    pub fn put(&mut self, text: &str, style: Style, edge: Edge, role: Role) {
        let x = match edge {
            Edge::Left(x) => x,
            Edge::Right(x) => x - self.width(text, style),
        };
        self.marks.push(Mark::Text { x, baseline: self.y + style.size, style, text: text.to_owned(), role });
    }

    /// A text in lines no wider than `width`; `y` moves below it. Returns the width of the last line.
    pub fn write(&mut self, text: &str, style: Style, edge: Edge, width: f32, role: Role) -> f32 {
        let mut role = role;
        let mut last = 0.0;
        for line in self.faces.of(style.bold).wrap(text, style.size, width) {
            self.put(&line, style, edge, role);
            self.y += style.line_height();
            last = self.width(&line, style);
            if role == PARAGRAPH {
                role = MORE;
            }
        }
        last
    }

    pub fn fill(&mut self, area: Area, ink: Ink) {
        self.marks.push(Mark::Fill { area, ink });
    }

    pub fn frame(&mut self, area: Area, ink: Ink) {
        self.marks.push(Mark::Frame { area, ink });
    }

    /// Another block's marks; `y` moves below both.
    pub fn join(&mut self, other: Block<'_>) {
        self.marks.extend(other.marks);
        self.y = self.y.max(other.y);
    }
}
