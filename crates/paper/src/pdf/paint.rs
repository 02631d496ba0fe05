//! Writing the marks as a PDF, with the structure that screen readers follow.

use std::num::NonZeroU16;

use jiff::civil::Date;
use krilla::{
    Document, SerializeSettings,
    color::rgb,
    geom::{Path, PathBuilder, Point, Rect},
    metadata::{DateTime, Metadata},
    page::PageSettings,
    paint::{Fill, Stroke},
    surface::Surface,
    tagging::{
        Artifact, ArtifactType, ContentTag, Identifier, Node, SpanTag, TableHeaderScope, Tag, TagGroup, TagKind,
        TagTree,
    },
};

use crate::sheet::Sheet;

use super::{
    PdfError,
    block::{Area, Head, Ink, Mark, Role, Style},
    face::Faces,
    layout::{HEIGHT, WIDTH},
};

/// A text that was drawn: what it is, and where the file has it.
type Leaf = (Role, Identifier);

/// Writes the pages. `issued` stands in the file's metadata, so that no clock does.
pub fn paint(pages: &[Vec<Mark>], sheet: &Sheet, issued: Date, faces: &Faces) -> Result<Vec<u8>, PdfError> {
    let mut document = Document::new_with(SerializeSettings::default());
    let mut leaves = Vec::new();
    for marks in pages {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| PdfError::Writer("no page".to_owned()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for mark in marks {
            leaves.extend(draw(mark, faces, &mut surface));
        }
        surface.finish();
        page.finish();
    }
    document.set_tag_tree(structure(&leaves, sheet));
    document.set_metadata(metadata(sheet, issued));
    document.finish().map_err(|error| PdfError::Writer(format!("{error:?}")))
}

fn metadata(sheet: &Sheet, issued: Date) -> Metadata {
    let year = DateTime::new(u16::try_from(issued.year()).unwrap_or_default());
    let month = u8::try_from(issued.month()).unwrap_or_default();
    let day = u8::try_from(issued.day()).unwrap_or_default();
    Metadata::new()
        .title(sheet.name.clone())
        .authors(vec![sheet.seller_name.clone()])
        .creator("Vartai".to_owned())
        .language(sheet.language.code().to_owned())
        .creation_date(year.month(month).day(day).hour(0).minute(0).second(0).utc_offset_hour(0))
}

/// Draws a mark; a text that is content gives a leaf of the structure.
fn draw(mark: &Mark, faces: &Faces, surface: &mut Surface<'_>) -> Option<Leaf> {
    let (tag, role) = match mark {
        Mark::Text { role: Role::Ornament, .. } | Mark::Fill { .. } | Mark::Frame { .. } => {
            (ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)), None)
        }
        Mark::Text { role, .. } => (ContentTag::Span(SpanTag::empty()), Some(*role)),
    };
    let id = surface.start_tagged(tag);
    match mark {
        Mark::Text { x, baseline, style, text, .. } => {
            write(text, *style, Point::from_xy(*x, *baseline), faces, surface)
        }
        Mark::Fill { area, ink } => {
            surface.set_stroke(None);
            surface.set_fill(Some(fill(*ink)));
            outline(*area).inspect(|path| surface.draw_path(path));
        }
        Mark::Frame { area, ink } => {
            surface.set_fill(None);
            surface.set_stroke(Some(Stroke { paint: color(*ink).into(), ..Stroke::default() }));
            outline(*area).inspect(|path| surface.draw_path(path));
        }
    }
    surface.end_tagged();
    role.map(|role| (role, id))
}

fn write(text: &str, style: Style, start: Point, faces: &Faces, surface: &mut Surface<'_>) {
    let face = faces.of(style.bold);
    surface.set_stroke(None);
    surface.set_fill(Some(fill(style.ink)));
    surface.draw_glyphs(start, &face.glyphs(text), face.font.clone(), text, style.size, false);
}

fn color(Ink(red, green, blue): Ink) -> rgb::Color {
    rgb::Color::new(red, green, blue)
}

fn fill(ink: Ink) -> Fill {
    Fill { paint: color(ink).into(), ..Fill::default() }
}

fn outline(area: Area) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.push_rect(Rect::from_xywh(area.x, area.y, area.width, area.height)?);
    path.finish()
}

/// The structure: a heading, paragraphs, and tables of rows of cells, in the order of drawing, which is that of reading.
fn structure(leaves: &[Leaf], sheet: &Sheet) -> TagTree {
    let mut tree = TagTree::new().with_lang(Some(sheet.language.code().to_owned()));
    for part in leaves.chunk_by(|(before, _), (role, _)| goes_on(*before, *role)) {
        let Some((role, _)) = part.first() else { continue };
        tree.push(match role {
            Role::Cell { .. } => table(part),
            Role::Title => group(Tag::Hn(NonZeroU16::MIN, Some(sheet.name.clone())), part),
            Role::Text { .. } | Role::Ornament => group(Tag::P, part),
        });
    }
    tree
}

fn goes_on(before: Role, role: Role) -> bool {
    match (before, role) {
        (Role::Cell { table: one, .. }, Role::Cell { table: other, .. }) => one == other,
        (Role::Title, Role::Title) | (Role::Text { .. }, Role::Text { begins: false }) => true,
        _ => false,
    }
}

fn table(leaves: &[Leaf]) -> TagGroup {
    let mut table = TagGroup::new(Tag::Table);
    for cells in leaves.chunk_by(|(a, _), (b, _)| place(*a).0 == place(*b).0) {
        let mut row = TagGroup::new(Tag::TR);
        for texts in cells.chunk_by(|(a, _), (b, _)| place(*a) == place(*b)) {
            let head = match texts.first() {
                Some((Role::Cell { head, .. }, _)) => *head,
                _ => None,
            };
            row.push(match head {
                Some(Head::Column) => group(Tag::TH(TableHeaderScope::Column), texts),
                Some(Head::Row) => group(Tag::TH(TableHeaderScope::Row), texts),
                None => group(Tag::TD, texts),
            });
        }
        table.push(row);
    }
    table
}

/// The row and the column of a cell.
fn place(role: Role) -> (Option<usize>, Option<usize>) {
    match role {
        Role::Cell { row, column, .. } => (Some(row), Some(column)),
        Role::Title | Role::Text { .. } | Role::Ornament => (None, None),
    }
}

fn group(tag: impl Into<TagKind>, leaves: &[Leaf]) -> TagGroup {
    TagGroup::with_children(tag, leaves.iter().map(|(_, id)| Node::from(*id)).collect())
}
