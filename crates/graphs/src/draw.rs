//! A graph put together.

use domain::{calendar, language::Language, usage::Rollups};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    canvas::{Canvas, FINE, Spot},
    curve::{Curve, Raster, Window},
    font::Font,
    kind::Kind,
    layout::{Detail, GAP, Layout, Width},
    legend, palette,
    scale::Scale,
    ticks::{self, Place, Ticks},
    words,
};

/// The graph that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Which of the 24.
    pub kind: Kind,
    /// How wide.
    pub width: Width,
    /// The server's name, for the title.
    pub server: &'a str,
    /// The customer's language.
    pub language: Language,
    /// The zone of the hours and days on the axis.
    pub zone: &'a TimeZone,
    /// The graph's right edge: now.
    pub until: Timestamp,
    /// The server's rows with their starts, of the resolution of the graph's span
    /// ([`Span::resolution`](crate::Span::resolution)), in any order; what lies outside the span is left out.
    pub rows: &'a [(Timestamp, Rollups)],
}

/// Why there is no graph; none of it depends on the request.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The font in the program can't be read.
    #[error("the font can't be read")]
    Font(#[from] ttf_parser::FaceParsingError),
    /// No memory for the pixels.
    #[error("no room for the pixels")]
    Canvas,
    /// The pixels can't be written as PNG.
    #[error("the PNG can't be written")]
    Encode(#[from] png::EncodingError),
}

/// Draws a graph: a PNG of exactly the width asked for, and [`Width::height`]. Below 120 pixels it is the curves alone,
/// below 24 blank; from 400 on it has a legend. Without a measurement it says so.
///
/// # Errors
/// None that a request could cause: see [`RenderError`].
pub fn render(request: &Request<'_>) -> Result<Vec<u8>, RenderError> {
    let (width, height) = (request.width.pixels(), request.width.height());
    let mut canvas = Canvas::new(width, height, palette::PAPER).ok_or(RenderError::Canvas)?;
    if request.width.detail() > Detail::Blank {
        Drawing::of(request, Font::read()?).draw(&mut canvas);
    }
    Ok(canvas.png()?)
}

/// All that is decided before the first pixel.
struct Drawing<'a> {
    request: &'a Request<'a>,
    font: Font,
    window: Window,
    curves: Vec<Curve>,
    scale: Scale,
    layout: Layout,
}

impl<'a> Drawing<'a> {
    fn of(request: &'a Request<'a>, font: Font) -> Self {
        let kind = request.kind;
        let until = request.until.as_second();
        let window = Window { from: until.saturating_sub(kind.span.seconds()), until };
        let mut rows: Vec<&(Timestamp, Rollups)> = request.rows.iter().collect();
        rows.sort_by_key(|(start, _)| *start);
        let series = kind.graph.series();
        let legend = if request.width.detail() == Detail::Legend { series.len() } else { 0 };
        let layout = Layout::of(request.width, i32::try_from(legend).unwrap_or_default());
        // Points closer than a pixel and a half are a blot.
        let cell = kind.span.seconds() * 3 / 2 / i64::from(layout.plot_width);
        let raster = Raster { window, resolution: kind.span.resolution(), cell };
        let curves: Vec<Curve> = series.iter().map(|&series| Curve::of(series, &rows, raster)).collect();
        let highest = curves.iter().map(Curve::highest).max().unwrap_or_default();
        let lines = i64::from(layout.plot_height / 22).clamp(1, 6);
        let scale = Scale::of(kind.graph.quantity(), highest, lines);
        let mut drawing = Self { request, font, window, curves, scale, layout };
        if layout.text > 0 {
            drawing.layout = layout.with_numbers(drawing.room_for_numbers());
        }
        drawing
    }

    fn room_for_numbers(&self) -> i32 {
        let language = self.request.language;
        let lines = self.scale.lines(language);
        let texts = lines.iter().map(|(_, number)| number.as_str()).chain([self.scale.unit(language)]);
        texts.map(|text| self.font.width(text, self.layout.text)).max().unwrap_or_default()
    }

    fn draw(&self, canvas: &mut Canvas) {
        let detail = self.request.width.detail();
        let layout = &self.layout;
        if detail > Detail::Bare {
            self.horizontal_axis(canvas);
            self.vertical_axis(canvas);
            self.title(canvas);
        } else {
            canvas.rectangle(layout.left, layout.top, layout.plot_width, layout.plot_height, palette::GRID.faded(128));
        }
        for (at, curve) in self.curves.iter().enumerate() {
            self.curve(canvas, curve, at == 0);
        }
        canvas.rectangle(layout.left, layout.bottom(), layout.plot_width, 1, palette::AXIS);
        if detail > Detail::Bare && self.curves.iter().all(|curve| curve.is_limit() || curve.stretches.is_empty()) {
            self.say_nothing(canvas);
        }
        if detail == Detail::Legend {
            let (quantity, language) = (self.request.kind.graph.quantity(), self.request.language);
            legend::draw(canvas, &self.font, layout, &self.curves, (quantity, language));
        }
    }

    /// Where a moment is, in 1/16 of a pixel.
    fn x(&self, second: i64) -> i32 {
        let span = (self.window.until - self.window.from).max(1);
        let width = i64::from(self.layout.plot_width * FINE);
        let within = second.saturating_sub(self.window.from).clamp(-span, 2 * span) * width / span;
        self.layout.left * FINE + i32::try_from(within).unwrap_or_default()
    }

    /// Where a value is, in 1/16 of a pixel.
    fn y(&self, value: i64) -> i32 {
        let height = i128::from(self.layout.plot_height * FINE);
        let up = i128::from(value) * height / i128::from(self.scale.top.max(1));
        self.layout.bottom() * FINE - i32::try_from(up).unwrap_or_default()
    }

    fn curve(&self, canvas: &mut Canvas, curve: &Curve, filled: bool) {
        let pencil = legend::pencil(curve, self.request.width.detail());
        for stretch in &curve.stretches {
            let spots: Vec<Spot> =
                stretch.iter().map(|&(at, value)| Spot { x: self.x(at), y: self.y(value) }).collect();
            if filled {
                canvas.area(&spots, self.layout.bottom() * FINE, pencil.colour.faded(64));
            }
            canvas.line(&spots, pencil);
        }
    }

    fn vertical_axis(&self, canvas: &mut Canvas) {
        let layout = &self.layout;
        for (value, number) in self.scale.lines(self.request.language) {
            let y = self.y(value) / FINE;
            canvas.rectangle(layout.left, y, layout.plot_width, 1, palette::GRID);
            let x = layout.left - GAP - self.font.width(&number, layout.text);
            // Digits are about 7/10 of their size high: half of it under the line's height.
            let base = y + i32::from(layout.text) * 7 / 20 + 1;
            canvas.text(&self.font, &number, layout.text, (x, base), palette::TEXT);
        }
    }

    fn horizontal_axis(&self, canvas: &mut Canvas) {
        let layout = &self.layout;
        let request = self.request;
        let choices = ticks::choices(request.kind.span, self.window, request.zone, request.language);
        let fitting: Vec<_> = choices.iter().filter_map(|way| Some((way, self.labels(way)?))).collect();
        // One label alone tells no distance.
        let telling = fitting.iter().find(|(_, labels)| labels.len() > 1);
        let Some((way, labels)) = telling.or_else(|| fitting.last()) else { return };
        for tick in way.ticks.iter().filter(|tick| tick.at >= self.window.from && tick.at <= self.window.until) {
            let x = self.x(tick.at) / FINE;
            canvas.rectangle(x, layout.top, 1, layout.plot_height, palette::GRID);
            canvas.rectangle(x, layout.bottom(), 1, if tick.label.is_empty() { 2 } else { 4 }, palette::AXIS);
        }
        let base = layout.bottom() + GAP + i32::from(layout.text) - 1;
        for &(x, label) in labels {
            canvas.text(&self.font, label, layout.text, (x, base), palette::TEXT);
        }
    }

    /// The labels of one way to mark the axis, with where each begins; `None` when they would come too close.
    fn labels<'t>(&self, way: &'t Ticks) -> Option<Vec<(i32, &'t str)>> {
        let layout = &self.layout;
        let mut labels = Vec::new();
        let mut free = layout.left - layout.pad;
        let ends = way.ticks.iter().skip(1).map(|tick| tick.at).chain([i64::MAX]);
        for (tick, end) in way.ticks.iter().zip(ends) {
            let visible = tick.at.max(self.window.from)..=end.min(self.window.until);
            let width = self.font.width(&tick.label, layout.text);
            let middle = match way.place {
                Place::Line if visible.contains(&tick.at) => self.x(tick.at) / FINE,
                Place::Between if visible.start() < visible.end() => {
                    let (left, right) = (self.x(*visible.start()) / FINE, self.x(*visible.end()) / FINE);
                    // At the edges there may be only a piece of a day or a month: it needs no name.
                    let whole = *visible.start() == tick.at && *visible.end() == end;
                    if !whole && width + 2 > right - left {
                        continue;
                    }
                    (left + right) / 2
                }
                _ => continue,
            };
            // At the right edge a label may stand a little beside its line.
            let edge = layout.width - 3 - width;
            let x = if edge < middle - width * 3 / 4 { middle - width / 2 } else { edge.min(middle - width / 2) };
            if tick.label.is_empty() || x < layout.left - layout.pad || x + width > layout.width - 2 {
                continue;
            }
            if x < free {
                return None;
            }
            free = x + width + 6;
            labels.push((x, tick.label.as_str()));
        }
        Some(labels)
    }

    /// The unit over the axis, what it is a graph of, the server, and when.
    fn title(&self, canvas: &mut Canvas) {
        let (layout, font) = (&self.layout, &self.font);
        let Request { kind, language, .. } = *self.request;
        let base = layout.pad + i32::from(layout.title) - 1;
        let unit = self.scale.unit(language);
        let unit_x = layout.left - GAP - font.width(unit, layout.text);
        canvas.text(font, unit, layout.text, (unit_x, base), palette::MUTED);

        let mut end = layout.width - layout.pad;
        if self.request.width.detail() == Detail::Legend {
            let moment = calendar::moment_text(self.request.until, self.request.zone);
            let moment = moment.get(..16).unwrap_or_default();
            end -= font.width(moment, layout.text);
            canvas.text(font, moment, layout.text, (end, base), palette::MUTED);
            end -= 2 * GAP;
        }
        let mut x = layout.left;
        let name = format!("{} · {}", words::graph(kind.graph, language), words::span(kind.span, language));
        if let Some(name) = font.fitted(&name, layout.title, end - x, 1) {
            canvas.text(font, &name, layout.title, (x, base), palette::TITLE);
            x += font.width(&name, layout.title);
        }
        let server = format!(" · {}", self.request.server);
        if let Some(server) = font.fitted(&server, layout.title, end - x, 7)
            && !self.request.server.is_empty()
        {
            canvas.text(font, &server, layout.title, (x, base), palette::MUTED);
        }
    }

    fn say_nothing(&self, canvas: &mut Canvas) {
        let layout = &self.layout;
        let size = layout.title;
        for text in words::nothing(self.request.language) {
            let width = self.font.width(text, size);
            if width + 4 * GAP <= layout.plot_width || text == words::nothing(self.request.language)[1] {
                let x = layout.left + (layout.plot_width - width) / 2;
                let base = layout.top + layout.plot_height / 2 + i32::from(size) / 3;
                let box_top = base - i32::from(size) - GAP / 2;
                canvas.rectangle(x - GAP, box_top, width + 2 * GAP, i32::from(size) + 2 * GAP, palette::PAPER);
                return canvas.text(&self.font, text, size, (x, base), palette::TEXT);
            }
        }
    }
}
