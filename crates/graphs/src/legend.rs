//! The legend: what the curves are, and their latest, average and highest values.

use domain::language::Language;

use crate::{
    canvas::{Canvas, FINE, Pencil, Spot},
    curve::Curve,
    font::Font,
    layout::{Detail, GAP, Layout},
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
    let latest = curve.last.map(text);
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

/// The mark's length, in pixels.
const MARK: i32 = 14;

/// Draws the legend under the plot, in columns as wide as what is in them; a column that has no room is left off.
pub fn draw(
    canvas: &mut Canvas,
    font: &Font,
    layout: &Layout,
    curves: &[Curve],
    (quantity, language): (Quantity, Language),
) {
    let rows: Vec<Row<'_>> = curves.iter().map(|curve| row(curve, quantity, language)).collect();
    let size = layout.text;
    let top = layout.bottom() + i32::from(size) + 2 * GAP;
    let bases = || std::iter::successors(Some(top + Layout::line(size)), |base| Some(base + Layout::line(size)));
    let names = rows.iter().map(|row| font.width(row.name, size)).max().unwrap_or_default();
    let columns: Vec<(i32, i32)> = (0..3).map(|column| widths(font, size, &rows, column)).collect();
    let used: i32 = columns.iter().map(|(key, value)| key + GAP + value).sum();

    // Under the plot where that leaves room for all, else from the edge on.
    let room = |left: i32| (layout.width - layout.pad - left - MARK - GAP - names - used) / 3;
    let left = if room(layout.left) >= 10 { layout.left } else { layout.pad };
    let spread = room(left).clamp(6, 28);
    for (row, base) in rows.iter().zip(bases()) {
        mark(canvas, row.curve, (left, base - i32::from(size) / 2 + 1));
        canvas.text(font, row.name, size, (left + MARK + GAP, base), palette::TEXT);
    }
    let mut x = left + MARK + GAP + names + spread;
    for (column, (key_width, value_width)) in columns.into_iter().enumerate() {
        let end = x + key_width + GAP + value_width;
        if end > layout.width {
            return;
        }
        for (row, base) in rows.iter().zip(bases()) {
            if let Some((key, value)) = row.values.get(column).and_then(Option::as_ref) {
                canvas.text(font, key, size, (x, base), palette::MUTED);
                // Numbers end at one line, so that eyes can compare them.
                canvas.text(font, value, size, (end - font.width(value, size), base), palette::TEXT);
            }
        }
        x = end + spread;
    }
}

/// How wide the keys and the values of a column are.
fn widths(font: &Font, size: u8, rows: &[Row<'_>], column: usize) -> (i32, i32) {
    let cells = || rows.iter().filter_map(|row| row.values.get(column)?.as_ref());
    let key = cells().map(|(key, _)| font.width(key, size)).max().unwrap_or_default();
    (key, cells().map(|(_, value)| font.width(value, size)).max().unwrap_or_default())
}

/// A piece of the curve, as it is in the plot.
fn mark(canvas: &mut Canvas, curve: &Curve, (x, y): (i32, i32)) {
    let pencil = pencil(curve, Detail::Legend);
    let from = Spot { x: x * FINE, y: y * FINE };
    let to = Spot { x: (x + MARK) * FINE, ..from };
    canvas.line(&[from, to], Pencil { thickness: 2 * FINE, ..pencil });
}

/// How a curve is drawn: finer where there is less room.
pub const fn pencil(curve: &Curve, detail: Detail) -> Pencil {
    let limit = curve.is_limit();
    let thickness = match detail {
        _ if limit => FINE * 5 / 4,
        Detail::Legend => FINE * 3 / 2,
        Detail::Blank | Detail::Bare | Detail::Axes => FINE * 5 / 4,
    };
    Pencil { colour: palette::of(curve.series), thickness, dashed: limit }
}
