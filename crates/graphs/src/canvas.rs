//! Shapes on a bitmap, and the bitmap as PNG.

#![expect(clippy::float_arithmetic, reason = "the rasteriser's coordinates are floats; all others here are whole")]

use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash, Transform,
};

use crate::{font::Font, palette::Colour};

/// A place in 1/16 of a pixel from the upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    pub x: i32,
    pub y: i32,
}

/// 1/16 of a pixel in a pixel.
pub const FINE: i32 = 16;

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pencil {
    pub colour: Colour,
    /// In 1/16 of a pixel.
    pub thickness: i32,
    pub dashed: bool,
}

/// A bitmap.
pub struct Canvas {
    pixels: Pixmap,
}

/// 1/16 of a pixel as the rasteriser's pixels. Nothing on a canvas is beyond 16 bits: 1000 pixels are 16 000.
fn float(sixteenths: i32) -> f32 {
    let bounded = sixteenths.clamp(i32::from(i16::MIN), i32::from(i16::MAX));
    f32::from(i16::try_from(bounded).unwrap_or_default()) / 16.0
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(colour.0, colour.1, colour.2, colour.3);
    paint
}

fn line_path(spots: &[Spot]) -> PathBuilder {
    let mut path = PathBuilder::new();
    for (at, spot) in spots.iter().enumerate() {
        let (x, y) = (float(spot.x), float(spot.y));
        if at == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    path
}

impl Canvas {
    /// A canvas of one colour, in pixels; `None` where it has no pixels.
    pub fn new(width: i32, height: i32, colour: Colour) -> Option<Self> {
        let mut pixels = Pixmap::new(u32::try_from(width).ok()?, u32::try_from(height).ok()?)?;
        pixels.fill(Color::from_rgba8(colour.0, colour.1, colour.2, colour.3));
        Some(Self { pixels })
    }

    fn fill(&mut self, path: Option<Path>, colour: Colour) {
        if let Some(path) = path {
            self.pixels.fill_path(&path, &paint(colour), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// A rectangle of whole pixels, with sharp edges.
    pub fn rectangle(&mut self, x: i32, y: i32, width: i32, height: i32, colour: Colour) {
        let rect = Rect::from_xywh(float(x * FINE), float(y * FINE), float(width * FINE), float(height * FINE));
        if let Some(rect) = rect {
            self.pixels.fill_rect(rect, &paint(colour), Transform::identity(), None);
        }
    }

    /// The area between a line and the height `base`, which is in 1/16 of a pixel.
    pub fn area(&mut self, line: &[Spot], base: i32, colour: Colour) {
        let (Some(first), Some(last)) = (line.first(), line.last()) else { return };
        let mut path = line_path(line);
        path.line_to(float(last.x), float(base));
        path.line_to(float(first.x), float(base));
        path.close();
        self.fill(path.finish(), colour);
    }

    /// A line through the spots; a single spot is a dot.
    pub fn line(&mut self, spots: &[Spot], pencil: Pencil) {
        if let [spot] = spots {
            let dot = PathBuilder::from_circle(float(spot.x), float(spot.y), float(pencil.thickness));
            return self.fill(dot, pencil.colour);
        }
        let Some(path) = line_path(spots).finish() else { return };
        let stroke = Stroke {
            width: float(pencil.thickness),
            line_cap: LineCap::Butt,
            line_join: LineJoin::Round,
            dash: if pencil.dashed { StrokeDash::new(vec![5.0, 3.0], 0.0) } else { None },
            ..Stroke::default()
        };
        self.pixels.stroke_path(&path, &paint(pencil.colour), &stroke, Transform::identity(), None);
    }

    /// A text from pixel `x` on, with its base line on pixel `y`.
    pub fn text(&mut self, font: &Font, text: &str, size: u8, (x, y): (i32, i32), colour: Colour) {
        self.fill(font.outline(text, size, float(x * FINE), float(y * FINE)), colour);
    }

    /// The bitmap as PNG, in 24 bits: the paper is opaque.
    pub fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.pixels.width(), self.pixels.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        // Flat colours repeat as they are: filters would only make them differ.
        encoder.set_filter(png::Filter::NoFilter);
        let mut rgb = Vec::with_capacity(self.pixels.data().len() / 4 * 3);
        for pixel in self.pixels.pixels() {
            rgb.extend_from_slice(&[pixel.red(), pixel.green(), pixel.blue()]);
        }
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&rgb)?;
        writer.finish()?;
        Ok(file)
    }
}
