//! The table of lines: figures in columns as wide as they need, what was sold in the rest.

use crate::sheet::{Row, Sheet};

use super::{
    block::{Area, Block, Edge, GREY, Head, RULE, Role, SOFT, Style, Table},
    face::Faces,
    layout::{Density, LEFT, RIGHT},
};

/// Between columns.
const GUTTER: f32 = 13.0;
/// Between the table's edges and its texts.
const INSET: f32 = 5.0;
/// What was sold has at least this, however large the figures are.
const LEAST_TITLE: f32 = 140.0;

/// The table, measured.
pub struct LineTable<'a> {
    sheet: &'a Sheet,
    faces: &'a Faces,
    density: Density,
    /// Of the figures: smaller than the body where they are very large.
    figures: Style,
    /// Where the titles begin and end.
    title: (f32, f32),
    /// The right edges of quantity, unit price, net, VAT and gross.
    rights: [f32; 5],
}

impl<'a> LineTable<'a> {
    pub fn measure(sheet: &'a Sheet, faces: &'a Faces, density: Density) -> Self {
        let figures = Style::plain(density.body);
        let heading = Style::plain(density.small);
        let probe = Block::at(0.0, faces);
        let widest = |heads: &str, texts: &mut dyn Iterator<Item = &str>, style: Style| {
            texts.map(|text| probe.width(text, style)).fold(probe.width(heads, heading), f32::max)
        };
        let rows = &sheet.rows;
        let number = widest(sheet.words.number, &mut rows.iter().map(|row| row.number.as_str()), figures);
        let left = LEFT + INSET + number + GUTTER * 0.7;
        let wanted: [f32; 5] = std::array::from_fn(|at| {
            let style = if at == 4 { figures.bold() } else { figures };
            let of = |row: &'a Row| columns(row).get(at).copied().unwrap_or_default();
            let head = heads(sheet).get(at).copied().unwrap_or_default();
            GUTTER + widest(head, &mut rows.iter().map(of), style)
        });
        let room = RIGHT - INSET - left - LEAST_TITLE;
        let scale = (room / wanted.iter().sum::<f32>()).min(1.0);
        let mut right = RIGHT - INSET;
        let mut rights = [0.0; 5];
        for (edge, width) in rights.iter_mut().zip(wanted).rev() {
            *edge = right;
            right -= width * scale;
        }
        let figures = Style { size: figures.size * scale, ..figures };
        Self { sheet, faces, density, figures, title: (left, right), rights }
    }

    /// The heads of the columns. Those of later pages are ornament: the structure has them once.
    pub fn head(&self, y: f32, repeated: bool) -> Block<'a> {
        let style = Style::plain(self.density.small).ink(GREY);
        let padding = self.density.padding;
        let mut block = Block::at(y, self.faces);
        let height = style.line_height() + padding * 2.0;
        block.fill(Area { x: LEFT, y, width: RIGHT - LEFT, height }, SOFT);
        block.fill(Area { x: LEFT, y: y + height, width: RIGHT - LEFT, height: 0.8 }, RULE);
        block.y += padding;
        let role = |column| match repeated {
            true => Role::Ornament,
            false => Role::Cell { table: Table::Lines, row: 0, column, head: Some(Head::Column) },
        };
        block.put(self.sheet.words.number, style, Edge::Left(LEFT + INSET), role(0));
        block.put(self.sheet.words.description, style, Edge::Left(self.title.0), role(1));
        for (at, (text, right)) in heads(self.sheet).into_iter().zip(self.rights).enumerate() {
            block.put(text, style, Edge::Right(right), role(at + 2));
        }
        block.y = y + height + 0.8;
        block
    }

    /// A row, the `row`th.
    pub fn row(&self, line: &Row, row: usize, y: f32) -> Block<'a> {
        let cell = |column, head| Role::Cell { table: Table::Lines, row, column, head };
        let style = Style::plain(self.density.body);
        let mut block = Block::at(y + self.density.padding, self.faces);
        block.put(&line.number, style.ink(GREY), Edge::Left(LEFT + INSET), cell(0, None));
        let top = block.y;
        self.title(line, cell(1, Some(Head::Row)), &mut block);
        let below = block.y;
        block.y = top;
        for (at, (text, right)) in columns(line).into_iter().zip(self.rights).enumerate() {
            let style = if at == 4 { self.figures.bold() } else { self.figures };
            block.put(text, style, Edge::Right(right), cell(at + 2, None));
        }
        block.y = below + self.density.padding;
        block.fill(Area { x: LEFT, y: block.y, width: RIGHT - LEFT, height: 0.5 }, RULE);
        block.y += 0.5;
        block
    }

    fn title(&self, line: &Row, role: Role, block: &mut Block<'_>) {
        let style = Style::plain(self.density.body);
        let small = Style::plain(self.density.small).ink(GREY);
        let (left, right) = self.title;
        let last = block.write(&line.title, style, Edge::Left(left), right - left, role);
        let beside = left + last + 6.0;
        if self.density.beside && beside + block.width(&line.detail, small) <= right {
            // On the baseline of the title's last line.
            let up = style.line_height() - (style.size - small.size);
            block.y -= up;
            block.put(&line.detail, small, Edge::Left(beside), role);
            block.y += up;
        } else {
            block.write(&line.detail, small, Edge::Left(left), right - left, role);
        }
    }
}

fn heads(sheet: &Sheet) -> [&'static str; 5] {
    let words = sheet.words;
    [words.quantity, words.unit_price, words.net, words.vat, words.gross]
}

fn columns(row: &Row) -> [&str; 5] {
    [&row.quantity, &row.unit_price, &row.net, &row.vat, &row.gross]
}
