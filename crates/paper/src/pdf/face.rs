//! The two faces of the PDF: how wide texts are in them, and where their lines break.

use krilla::text::{Font, GlyphId, KrillaGlyph};

use super::PdfError;

// DejaVu Sans has Lithuanian, Cyrillic and €. Only the letters that a document uses go into it.
static REGULAR: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");
static BOLD: &[u8] = include_bytes!("../../assets/DejaVuSans-Bold.ttf");

/// Both faces.
pub struct Faces {
    regular: Face,
    bold: Face,
}

impl Faces {
    pub fn load() -> Result<Self, PdfError> {
        Ok(Self { regular: Face::load(REGULAR)?, bold: Face::load(BOLD)? })
    }

    pub fn of(&self, bold: bool) -> &Face {
        if bold { &self.bold } else { &self.regular }
    }
}

/// A face. Letters stand side by side by their own widths: neither of our scripts needs shaping.
pub struct Face {
    pub font: Font,
    metrics: ttf_parser::Face<'static>,
}

impl Face {
    fn load(data: &'static [u8]) -> Result<Self, PdfError> {
        let font = Font::new(data.into(), 0).ok_or(PdfError::Font)?;
        let metrics = ttf_parser::Face::parse(data, 0).map_err(|_| PdfError::Font)?;
        Ok(Self { font, metrics })
    }

    /// The letter's glyph, or an empty box where the face has none, and its width at size 1.
    ///
    /// The box is a letter's (□), not the face's own for what is missing: that one has no text when it is copied.
    fn glyph(&self, letter: char) -> (GlyphId, f32) {
        let glyph = self.metrics.glyph_index(letter).or_else(|| self.metrics.glyph_index('□'));
        let id = glyph.unwrap_or_default();
        let advance = self.metrics.glyph_hor_advance(id).unwrap_or_default();
        (GlyphId::new(u32::from(id.0)), f32::from(advance) / f32::from(self.metrics.units_per_em()))
    }

    /// The glyphs of a text.
    pub fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        text.char_indices()
            .map(|(at, letter)| {
                let (id, advance) = self.glyph(letter);
                KrillaGlyph::new(id, advance, 0.0, 0.0, 0.0, at..at + letter.len_utf8(), None)
            })
            .collect()
    }

    /// How wide a text is, in points.
    pub fn width(&self, text: &str, size: f32) -> f32 {
        text.chars().map(|letter| self.glyph(letter).1 * size).sum()
    }

    /// A text in lines of at most `width` points, broken at blanks, and within words that are too long for a line.
    pub fn wrap(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            if !line.is_empty() && self.width(&line, size) + self.width(" ", size) + self.width(word, size) <= width {
                line.push(' ');
                line.push_str(word);
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line = self.break_word(word, size, width, &mut lines);
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// Breaks a word that is too long into full lines, and returns its rest.
    fn break_word(&self, word: &str, size: f32, width: f32, lines: &mut Vec<String>) -> String {
        let mut line = String::new();
        let mut used = 0.0;
        for letter in word.chars() {
            let advance = self.glyph(letter).1 * size;
            if !line.is_empty() && used + advance > width {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            line.push(letter);
            used += advance;
        }
        line
    }
}
