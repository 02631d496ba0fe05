//! The legend: what the curves are, and their latest, average and highest values.

use domain::language::Language;

use crate::{
    canvas::{Canvas, FINE, Pencil, Spot},
    curve::Curve,
    font::Font,
    layout::{GAP, Layout},
    palette,
    quantity::Quantity,
    words,
};

/// A line of the legend.
struct Row<'a> {
    curve: &'a Curve,
    name: &'static str,
    /// Each with its value; a limit has the first alone.
    values: [Option<(&'static str, String)>; 3],
}

fn row<'a>(curve: &'a Curve, quantity: Quantity, language: Language) -> Row<'a> {
    let [last, average, highest] = words::statistics(language);
    let text = |value: i64| quantity.text(value, language);
    let latest = curve.last().map(text);
    let values = if curve.is_limit() {
        [latest.map(|value| ("", value)), None, None]
    } else {
        let max = (curve.total.count > 0).then_some(curve.total.max.max(0));
        [
            latest.map(|value| (last, value)),
            curve.total.average().map(|value| (average, text(value))),
            max.map(|value| (highest, text(value))),
        ]
    };
    Row { curve, name: words::series(curve.series, language), values }
}

/// Draws the legend under the plot, in columns as wide as what is in them; what has no room is left off.
pub fn draw(
    canvas: &mut Canvas,
    font: &Font,
    layout: &Layout,
    curves: &[Curve],
    (quantity, language): (Quantity, Language),
) {
    let rows: Vec<Row<'_>> = curves.iter().map(|curve| row(curve, quantity, language)).collect();
    let size = layout.text;
    let names = rows.iter().map(|row| font.width(row.name, size)).max().unwrap_or_default();
    let swatch = layout.left;
    let first = swatch + 14 + GAP;
    let mut base = layout.bottom() + i32::from(size) + 2 * GAP;
    for row in &rows {
        base += Layout::line(size);
        mark(canvas, row.curve, (swatch, base - i32::from(size) / 2 + 1));
        canvas.text(font, row.name, size, (first, base), palette::TEXT);
    }
    let spread = if layout.width < 600 { 12 } else { 28 };
    let mut x = first + names + spread;
    for column in 0..3 {
        let cells = || rows.iter().filter_map(|row| row.values.get(column)?.as_ref());
        let key = cells().map(|(key, _)| font.width(key, size)).max().unwrap_or_default();
        let value = cells().map(|(_, value)| font.width(value, size)).max().unwrap_or_default();
        let end = x + key + GAP + value;
        if end > layout.width - layout.pad {
            return;
        }
        let mut base = layout.bottom() + i32::from(size) + 2 * GAP;
        for row in &rows {
            base += Layout::line(size);
            if let Some((key, value)) = row.values.get(column).and_then(Option::as_ref) {
                canvas.text(font, key, size, (x, base), palette::MUTED);
                // Numbers end at one line, so that eyes can compare them.
                canvas.text(font, value, size, (end - font.width(value, size), base), palette::TEXT);
            }
        }
        x = end + spread;
    }
}

/// A piece of the curve, as it is in the plot.
fn mark(canvas: &mut Canvas, curve: &Curve, (x, y): (i32, i32)) {
    let pencil = pencil(curve);
    let from = Spot { x: x * FINE, y: y * FINE };
    let to = Spot { x: (x + 14) * FINE, ..from };
    canvas.line(&[from, to], Pencil { thickness: 2 * FINE, ..pencil });
}

/// How a curve is drawn.
pub const fn pencil(curve: &Curve) -> Pencil {
    let dashed = curve.is_limit();
    Pencil { colour: palette::of(curve.series), thickness: if dashed { FINE * 5 / 4 } else { FINE * 3 / 2 }, dashed }
}
