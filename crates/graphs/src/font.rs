//! The one font: widths in whole numbers, outlines as paths.

#![expect(
    clippy::float_arithmetic,
    reason = "outlines are curves in floats, in the font's and in the rasteriser's types"
)]

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, FaceParsingError, GlyphId, OutlineBuilder};

static FILE: &[u8] = include_bytes!("../assets/DejaVuSansCondensed-subset.ttf");

/// The font of all text.
pub struct Font {
    face: Face<'static>,
    per_em: u16,
}

impl Font {
    /// Reads the font's tables; its glyphs are read when they are drawn.
    pub fn read() -> Result<Self, FaceParsingError> {
        let face = Face::parse(FILE, 0)?;
        let per_em = face.units_per_em();
        Ok(Self { face, per_em })
    }

    /// The glyph of a character; a question mark's for one that the font hasn't.
    fn glyph(&self, character: char) -> GlyphId {
        self.face.glyph_index(character).or_else(|| self.face.glyph_index('?')).unwrap_or(GlyphId(0))
    }

    /// How wide a text is, in pixels, rounded up.
    pub fn width(&self, text: &str, size: u8) -> i32 {
        let units = text.chars().fold(0_i64, |sum, character| {
            sum + i64::from(self.face.glyph_hor_advance(self.glyph(character)).unwrap_or_default())
        });
        let per_em = i64::from(self.per_em.max(1));
        i32::try_from((units * i64::from(size) + per_em - 1) / per_em).unwrap_or(i32::MAX)
    }

    /// The beginning of a text that fits in `room` pixels, with an ellipsis where something was left off; `None` when
    /// not even `least` characters fit.
    pub fn fitted(&self, text: &str, size: u8, room: i32, least: usize) -> Option<String> {
        // Nothing as long as this fits in the widest graph, so that no text costs more than it shows.
        let longest = 400;
        if text.chars().nth(longest).is_none() && self.width(text, size) <= room {
            return Some(text.to_owned());
        }
        let count = text.chars().take(longest).count();
        (least.max(1)..count).rev().find_map(|kept| {
            let short: String = text.chars().take(kept).chain(['…']).collect();
            (self.width(&short, size) <= room).then_some(short)
        })
    }

    /// The text's outline from `x` on, on the base line `y`; both in pixels.
    pub fn outline(&self, text: &str, size: u8, x: f32, y: f32) -> Option<Path> {
        let scale = f32::from(size) / f32::from(self.per_em.max(1));
        let mut pen = Pen { path: PathBuilder::new(), x, y, scale };
        for character in text.chars() {
            let glyph = self.glyph(character);
            // A glyph without an outline is a space.
            self.face.outline_glyph(glyph, &mut pen);
            pen.x += f32::from(self.face.glyph_hor_advance(glyph).unwrap_or_default()) * scale;
        }
        pen.path.finish()
    }
}

/// Puts glyphs, which point up from their origin, on a canvas, which points down.
struct Pen {
    path: PathBuilder,
    x: f32,
    y: f32,
    scale: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_the_languages_is_in_the_font() {
        let font = Font::read().unwrap();
        let letters = "ąčęėįšųūžĄČĘĖĮŠŲŪŽабвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ";
        for letter in letters.chars().chain((' '..='~').chain("·…–—„“«»€№\u{a0}".chars())) {
            assert!(font.face.glyph_index(letter).is_some(), "{letter} is missing");
        }
    }

    #[test]
    fn a_fitted_text_fits_and_says_that_it_was_cut() {
        let font = Font::read().unwrap();
        let name = "vps-1.klientas.example.lt";
        for room in 0..300 {
            if let Some(text) = font.fitted(name, 11, room, 4) {
                assert!(font.width(&text, 11) <= room);
                assert!(text == name || (text.ends_with('…') && text.chars().count() > 4));
            }
        }
        assert_eq!(font.fitted(name, 11, 300, 4).as_deref(), Some(name));
        assert_eq!(font.fitted(name, 11, 5, 4), None);
    }
}
