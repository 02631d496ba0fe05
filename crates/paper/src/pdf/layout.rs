//! Setting a sheet on pages: the head, the lines for as many pages as they take, the totals kept together.

use crate::sheet::Sheet;

use super::{
    block::{Block, Edge, GREY, Mark, Role, Style},
    ends,
    face::Faces,
    table::LineTable,
};

/// A4, in points.
pub const WIDTH: f32 = 595.28;
pub const HEIGHT: f32 = 841.89;

/// The edges of what is set.
pub const LEFT: f32 = 45.4;
pub const RIGHT: f32 = WIDTH - LEFT;
const TOP: f32 = 42.5;
const BOTTOM: f32 = HEIGHT - 50.0;
const FOOTER: f32 = HEIGHT - 36.0;

/// How close a sheet is set.
#[derive(Debug, Clone, Copy)]
pub struct Density {
    /// Sizes of type.
    pub title: f32,
    pub body: f32,
    pub small: f32,
    /// Between parts of the sheet.
    pub gap: f32,
    /// Above and below the text of a row.
    pub padding: f32,
    /// Whether a line's arithmetic stands beside its title where there is room.
    pub beside: bool,
}

const ROOMY: Density = Density { title: 19.0, body: 9.0, small: 7.5, gap: 18.0, padding: 5.0, beside: false };
const DENSE: Density = Density { title: 16.0, body: 8.0, small: 6.8, gap: 11.0, padding: 2.6, beside: true };

const TIGHT: Density = Density { title: 14.0, body: 7.2, small: 6.2, gap: 8.0, padding: 1.7, beside: true };

/// So many lines are set smaller rather than on two pages, where that helps.
const ONE_PAGE: usize = 20;

/// The marks of each page.
pub fn pages(sheet: &Sheet, faces: &Faces) -> Vec<Vec<Mark>> {
    let mut pages = if sheet.is_dense() { Vec::new() } else { set(sheet, faces, ROOMY) };
    if pages.len() != 1 {
        pages = set(sheet, faces, DENSE);
    }
    if pages.len() != 1 && sheet.rows.len() <= ONE_PAGE {
        let tight = set(sheet, faces, TIGHT);
        // Small type is worth it only where it saves the page.
        if tight.len() == 1 {
            pages = tight;
        }
    }
    let count = pages.len();
    for (at, page) in pages.iter_mut().enumerate() {
        page.extend(footer(sheet, faces, at + 1, count));
    }
    pages
}

fn set(sheet: &Sheet, faces: &Faces, density: Density) -> Vec<Vec<Mark>> {
    let table = LineTable::measure(sheet, faces, density);
    let mut pages = Vec::new();
    let mut page = ends::head(sheet, faces, density, TOP);
    page.y += density.gap;
    let head = table.head(page.y, false);
    page.join(head);
    for (at, row) in sheet.rows.iter().enumerate() {
        let mut block = table.row(row, at + 1, page.y);
        if block.y > BOTTOM {
            pages.push(std::mem::replace(&mut page, table.head(TOP, true)).marks);
            block = table.row(row, at + 1, page.y);
        }
        page.join(block);
    }
    let mut totals = ends::totals(sheet, faces, density, page.y + density.gap * 0.8);
    if totals.y > BOTTOM {
        pages.push(std::mem::replace(&mut page, Block::at(TOP, faces)).marks);
        totals = ends::totals(sheet, faces, density, TOP);
    }
    page.join(totals);
    for (text, style, role) in ends::note(sheet, faces, density, &mut page) {
        if page.y + style.line_height() > BOTTOM {
            pages.push(std::mem::replace(&mut page, Block::at(TOP, faces)).marks);
        }
        page.put(&text, style, Edge::Left(LEFT), role);
        page.y += style.line_height();
    }
    pages.push(page.marks);
    pages
}

fn footer(sheet: &Sheet, faces: &Faces, page: usize, of: usize) -> Vec<Mark> {
    let style = Style::plain(7.0).ink(GREY);
    let mut block = Block::at(FOOTER, faces);
    let number = format!("{} {page} / {of}", sheet.words.page);
    block.put(&number, style, Edge::Right(RIGHT), Role::Ornament);
    let width = RIGHT - LEFT - 100.0;
    let name = format!("{} · {}", sheet.name, sheet.seller_name);
    // One line of a long name is enough to tell pages apart.
    if let Some(line) = faces.of(style.bold).wrap(&name, style.size, width).first() {
        block.put(line, style, Edge::Left(LEFT), Role::Ornament);
    }
    block.marks
}
