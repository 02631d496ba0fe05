//! What stands above and below the lines.

use crate::sheet::{Fact, PartyText, Sheet};

use super::{
    block::{ACCENT, Area, Block, CARE, CARE_SOFT, Edge, GOOD, GREY, Head, MORE, PARAGRAPH, RULE, Role, Style, Table},
    face::Faces,
    layout::{Density, LEFT, RIGHT},
};

const GAP: f32 = 24.0;

/// Who sells, what this is, and between whom.
pub fn head<'a>(sheet: &Sheet, faces: &'a Faces, density: Density, y: f32) -> Block<'a> {
    let mut block = title(sheet, faces, density, y);
    block.join(facts(sheet, faces, density, y));
    block.y += density.gap * 0.6;
    block.fill(Area { x: LEFT, y: block.y, width: RIGHT - LEFT, height: 1.7 }, ACCENT);
    block.y += 1.7;
    if let Some(text) = sheet.warning {
        warning(text, density, &mut block);
    }
    block.y += density.gap;
    let half = (RIGHT - LEFT - GAP) / 2.0;
    let top = block.y;
    let [seller, buyer] = &sheet.parties;
    block.join(party(seller, faces, density, (LEFT, top), half));
    block.join(party(buyer, faces, density, (LEFT + half + GAP, top), half));
    block
}

fn title<'a>(sheet: &Sheet, faces: &'a Faces, density: Density, y: f32) -> Block<'a> {
    let mut block = Block::at(y, faces);
    let width = (RIGHT - LEFT) * 0.64;
    let seller = Style::plain(density.body + 2.0).bold().ink(ACCENT);
    block.write(&sheet.seller_name, seller, Edge::Left(LEFT), width, PARAGRAPH);
    block.y += 3.0;
    block.write(sheet.title, Style::plain(density.title).bold(), Edge::Left(LEFT), width, Role::Title);
    if let Some(number) = &sheet.number {
        block.write(number, Style::plain(density.body + 2.5), Edge::Left(LEFT), width, PARAGRAPH);
    }
    block
}

fn facts<'a>(sheet: &Sheet, faces: &'a Faces, density: Density, y: f32) -> Block<'a> {
    let mut block = Block::at(y, faces);
    let width = (RIGHT - LEFT) * 0.33;
    for Fact { label, value } in &sheet.facts {
        let small = Style::plain(density.small).ink(GREY);
        block.write(label, small, Edge::Right(RIGHT), width, PARAGRAPH);
        block.write(value, Style::plain(density.body), Edge::Right(RIGHT), width, MORE);
        block.y += 3.0;
    }
    if let Some(text) = &sheet.stamp {
        let style = Style::plain(density.body).bold().ink(GOOD);
        let width = block.width(text, style) + 16.0;
        block.y += 3.0;
        let area = Area { x: RIGHT - width, y: block.y, width, height: style.line_height() + 8.0 };
        block.frame(area, GOOD);
        block.y += 4.5;
        block.put(text, style, Edge::Right(RIGHT - 8.0), PARAGRAPH);
        block.y = area.y + area.height;
    }
    block
}

fn warning(text: &str, density: Density, block: &mut Block<'_>) {
    let style = Style::plain(density.body).bold().ink(CARE);
    block.y += density.gap * 0.7;
    let area = Area { x: LEFT, y: block.y, width: RIGHT - LEFT, height: style.line_height() + 12.0 };
    block.fill(area, CARE_SOFT);
    block.fill(Area { width: 3.0, ..area }, CARE);
    block.y += 6.5;
    block.put(text, style, Edge::Left(LEFT + 12.0), PARAGRAPH);
    block.y = area.y + area.height;
}

fn party<'a>(party: &PartyText, faces: &'a Faces, density: Density, at: (f32, f32), width: f32) -> Block<'a> {
    let (x, y) = at;
    let mut block = Block::at(y, faces);
    block.write(party.role, Style::plain(density.small).ink(GREY), Edge::Left(x), width, PARAGRAPH);
    block.y += 1.5;
    block.write(&party.name, Style::plain(density.body + 1.0).bold(), Edge::Left(x), width, PARAGRAPH);
    for line in &party.lines {
        block.write(line, Style::plain(density.body), Edge::Left(x), width, PARAGRAPH);
    }
    block
}

/// The sums, beside how the VAT was reckoned and how to pay. Never broken.
pub fn totals<'a>(sheet: &Sheet, faces: &'a Faces, density: Density, y: f32) -> Block<'a> {
    let right = sums(sheet, faces, density, y);
    let mut block = terms(sheet, faces, density, y, right.1 - LEFT - GAP);
    block.join(right.0);
    block
}

/// The sums, and where they begin from the left.
fn sums<'a>(sheet: &Sheet, faces: &'a Faces, density: Density, y: f32) -> (Block<'a>, f32) {
    let mut block = Block::at(y, faces);
    let style = Style::plain(density.body + 0.5);
    let grand = Style::plain(density.body + 3.5).bold();
    let wanted = |fact: &Fact, style| block.width(&fact.label, style) + block.width(&fact.value, style) + 30.0;
    let widest = sheet.totals.iter().map(|fact| wanted(fact, style)).fold(wanted(&sheet.grand_total, grand), f32::max);
    let left = (RIGHT - widest.clamp(205.0, 330.0)).max(LEFT);
    let rows = sheet.totals.iter().map(|fact| (fact, style, 3.5)).chain([(&sheet.grand_total, grand, 7.0)]);
    for (row, (fact, style, padding)) in rows.enumerate() {
        let cell = |column, head| Role::Cell { table: Table::Totals, row, column, head };
        if row == sheet.totals.len() {
            block.y += 2.0;
            block.fill(Area { x: left, y: block.y, width: RIGHT - left, height: 1.7 }, ACCENT);
        }
        block.y += padding;
        block.put(&fact.label, style, Edge::Left(left + 5.0), cell(0, Some(Head::Row)));
        block.put(&fact.value, style, Edge::Right(RIGHT - 5.0), cell(1, None));
        block.y += style.line_height();
    }
    (block, left)
}

fn terms<'a>(sheet: &Sheet, faces: &'a Faces, density: Density, y: f32, width: f32) -> Block<'a> {
    let mut block = Block::at(y + 3.5, faces);
    let small = Style::plain(density.small + 0.3).ink(GREY);
    block.write(&sheet.vat_terms, small, Edge::Left(LEFT), width, PARAGRAPH);
    if sheet.payment.is_empty() {
        return block;
    }
    let (inset, style) = (9.0, Style::plain(density.body - 0.3));
    block.y += density.gap * 0.6;
    let top = block.y;
    block.y += inset * 0.8;
    let heading = style.bold().ink(ACCENT);
    block.write(sheet.words.payment, heading, Edge::Left(LEFT + inset), width, PARAGRAPH);
    block.y += 2.0;
    let labels = sheet.payment.iter().map(|fact| block.width(&fact.label, small)).fold(0.0, f32::max);
    let value = LEFT + inset + labels + 10.0;
    for fact in &sheet.payment {
        block.y += style.size - small.size;
        block.put(&fact.label, small, Edge::Left(LEFT + inset), PARAGRAPH);
        block.y -= style.size - small.size;
        block.write(&fact.value, style, Edge::Left(value), LEFT + width - inset - value, MORE);
    }
    block.y += inset * 0.6;
    block.frame(Area { x: LEFT, y: top, width, height: block.y - top }, RULE);
    block
}

/// What else is to be said, line by line, under a rule: the only part that may be long, and so go on over pages.
pub fn note(sheet: &Sheet, faces: &Faces, density: Density, page: &mut Block<'_>) -> Vec<(String, Style, Role)> {
    if sheet.note.is_empty() {
        return Vec::new();
    }
    page.y += density.gap * 0.8;
    page.fill(Area { x: LEFT, y: page.y, width: RIGHT - LEFT, height: 0.5 }, RULE);
    page.y += 7.0;
    let style = Style::plain(density.small + 0.3).ink(GREY);
    let wrap = |text: &String| faces.of(style.bold).wrap(text, style.size, RIGHT - LEFT);
    let role = |at| if at == 0 { PARAGRAPH } else { MORE };
    let paragraphs = sheet.note.iter().map(wrap);
    paragraphs.flat_map(|lines| lines.into_iter().enumerate().map(|(at, line)| (line, style, role(at)))).collect()
}
