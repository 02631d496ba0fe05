//! Graphs from outside: bytes that are a PNG of the right size, whatever is asked and whatever was measured.

#![expect(clippy::unwrap_used, reason = "what goes wrong here is a failed test")]

use std::collections::BTreeSet;

use domain::{
    language::Language,
    usage::{Rollup, Rollups, Sample, Series},
};
use graphs::{Graph, Kind, Request, Span, Width, render};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::prelude::*;

type Rows = Vec<(Timestamp, Rollups)>;

const UNTIL: i64 = 1_790_000_000;

fn draw(kind: Kind, width: u32, language: Language, rows: &Rows) -> Vec<u8> {
    let zone = TimeZone::get("Europe/Vilnius").unwrap();
    let (width, until) = (Width::new(width).unwrap(), Timestamp::from_second(UNTIL).unwrap());
    render(&Request { kind, width, server: "vps1.example.lt", language, zone: &zone, until, rows }).unwrap()
}

struct Picture {
    width: u32,
    height: u32,
    /// Colours, by pixel.
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(file: &[u8]) -> Self {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        assert_eq!((frame.color_type, frame.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        let pixels = bytes.chunks_exact(3).map(|pixel| pixel.try_into().unwrap()).collect();
        Self { width: frame.width, height: frame.height, pixels }
    }

    fn column(&self, x: u32) -> impl Iterator<Item = [u8; 3]> {
        let width = usize::try_from(self.width).unwrap();
        self.pixels.iter().copied().skip(usize::try_from(x).unwrap()).step_by(width)
    }

    fn count(&self, colour: [u8; 3]) -> usize {
        self.pixels.iter().filter(|pixel| near(**pixel, colour)).count()
    }
}

/// Whether a pixel is nearly of a colour: the edges of lines are paler.
fn near(pixel: [u8; 3], colour: [u8; 3]) -> bool {
    pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) < 64)
}

const WHITE: [u8; 3] = [255, 255, 255];
const NAVY: [u8; 3] = [35, 78, 145];
const RED: [u8; 3] = [196, 72, 66];

/// A span full of rows, with the same value everywhere.
fn steady(span: Span, value: i64) -> Rows {
    let step = span.resolution().seconds();
    let sample = Sample {
        traffic_in: Some(value),
        traffic_out: Some(value),
        io_read: Some(value),
        io_write: Some(value),
        cpu: Some(value),
        load: Some(value),
        memory: Some(value),
        memory_limit: Some(2 * value),
        storage: Some(value),
        storage_limit: Some(2 * value),
    };
    (0..span.seconds() / step)
        .map(|back| (Timestamp::from_second(UNTIL - (back + 1) * step).unwrap(), Rollups::of(&sample)))
        .collect()
}

fn kind() -> impl Strategy<Value = Kind> {
    proptest::sample::select(Kind::all().collect::<Vec<_>>())
}

fn language() -> impl Strategy<Value = Language> {
    proptest::sample::select(Language::ALL.to_vec())
}

/// Any rows at all: what no hypervisor should report, in no order, also outside the span.
fn rows() -> impl Strategy<Value = Rows> {
    let value = prop_oneof![0..100_000_i64, any::<i64>(), Just(0), Just(i64::MAX), Just(i64::MIN)];
    let row = (-400 * 86_400..86_400_i64, value, 0..9_i64, proptest::sample::subsequence(Series::ALL.to_vec(), 0..10));
    proptest::collection::vec(row, 0..60).prop_map(|rows| {
        let row = |(second, value, count, series): (i64, i64, i64, Vec<Series>)| {
            let mut rollups = Rollups::default();
            for series in series {
                rollups.set(series, Rollup { sum: value, count, max: value });
            }
            (Timestamp::from_second(UNTIL + second).unwrap(), rollups)
        };
        rows.into_iter().map(row).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn any_request_is_a_png_of_its_size(
        kind in kind(), width in 1..=1000_u32, language in language(), rows in rows(), server in ".*",
        until in -3_000_000_000..90_000_000_000_i64, zone in proptest::sample::select(vec!["Europe/Vilnius", "UTC", "America/St_Johns", "Pacific/Apia"]),
    ) {
        let zone = TimeZone::get(zone).unwrap();
        let by = SignedDuration::from_secs(until - UNTIL);
        let rows: Rows = rows.into_iter().map(|(start, row)| (start + by, row)).collect();
        let (wide, until) = (Width::new(width).unwrap(), Timestamp::from_second(until).unwrap());
        let request = Request { kind, width: wide, server: &server, language, zone: &zone, until, rows: &rows };
        let file = render(&request).unwrap();
        prop_assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
        let picture = Picture::read(&file);
        prop_assert_eq!((picture.width, picture.height), (width, 70 + width / 4));
        prop_assert_eq!(file, render(&request).unwrap(), "the same request, the same bytes");
    }

    #[test]
    fn the_order_of_rows_makes_no_difference(kind in kind(), rows in rows()) {
        let mut rows = rows;
        rows.sort_by_key(|(start, _)| *start);
        rows.dedup_by_key(|(start, _)| *start);
        let forward = draw(kind, 300, Language::En, &rows);
        rows.reverse();
        prop_assert_eq!(forward, draw(kind, 300, Language::En, &rows));
    }
}

#[test]
fn every_width_has_its_size() {
    let kinds: Vec<_> = Kind::all().collect();
    // Each where the layout changes, and some of all others.
    for width in (1..=130).chain(390..410).chain((131..1000).step_by(9)).chain([999, 1000_u32]) {
        let at = usize::try_from(width).unwrap();
        let kind = kinds[at % kinds.len()];
        let rows = if width % 5 == 0 { Rows::new() } else { steady(kind.span, 1_500) };
        let picture = Picture::read(&draw(kind, width, Language::ALL[at % 3], &rows));
        assert_eq!((picture.width, picture.height), (width, 70 + width / 4));
    }
    assert_eq!((Width::new(0), Width::new(1001), Width::new(u32::MAX)), (None, None, None));
}

#[test]
fn every_graph_in_every_language_is_a_picture_of_its_own() {
    let mut seen = BTreeSet::new();
    for kind in Kind::all() {
        for language in Language::ALL {
            for rows in [steady(kind.span, 777), Rows::new()] {
                let file = draw(kind, 420, language, &rows);
                assert!(seen.insert(file), "{kind} in {language} looks like another graph");
            }
        }
    }
    assert_eq!(seen.len(), 24 * 3 * 2);
}

#[test]
fn nothing_is_cut_off_at_the_edges() {
    for kind in Kind::all() {
        for language in Language::ALL {
            for width in [120, 200, 400] {
                for rows in [steady(kind.span, 99_999), Rows::new()] {
                    let picture = Picture::read(&draw(kind, width, language, &rows));
                    for edge in [0, 1, width - 1] {
                        let clean = picture.column(edge).all(|pixel| pixel == WHITE);
                        assert!(clean, "{kind} {language} {width}: ink in column {edge}");
                    }
                    let rows = usize::try_from(2 * width).unwrap();
                    assert!(picture.pixels.iter().take(rows).all(|pixel| *pixel == WHITE), "ink at the top");
                    assert!(picture.pixels.iter().rev().take(rows).all(|pixel| *pixel == WHITE), "ink at the bottom");
                }
            }
        }
    }
}

#[test]
fn a_gap_is_a_gap() {
    let kind = Kind { graph: Graph::Traffic, span: Span::Daily };
    let all = steady(Span::Daily, 5_000);
    // Of the day's 288 rows the middle third is missing.
    let parted: Rows = all.iter().take(96).chain(all.iter().skip(192)).cloned().collect();
    let columns = |rows: &Rows| {
        let picture = Picture::read(&draw(kind, 100, Language::En, rows));
        (2..98).filter(|&x| picture.column(x).any(|pixel| near(pixel, NAVY))).count()
    };
    assert!(columns(&all) > 90, "a whole day is a whole line");
    assert!((60..68).contains(&columns(&parted)), "two thirds of a day are two thirds of it");
}

#[test]
fn a_limit_is_drawn_and_a_graph_with_a_limit_alone_says_that_nothing_was_measured() {
    let kind = Kind { graph: Graph::Memory, span: Span::Daily };
    let limit_alone: Rows = steady(Span::Daily, 512)
        .into_iter()
        .map(|(start, row)| {
            let mut limit = Rollups::default();
            limit.set(Series::MemoryLimit, row.get(Series::MemoryLimit));
            (start, limit)
        })
        .collect();
    let red = |rows: &Rows| Picture::read(&draw(kind, 300, Language::Lt, rows)).count(RED);
    assert_eq!(red(&Rows::new()), 0);
    assert!(red(&steady(Span::Daily, 512)) > 50 && red(&limit_alone) > 50);

    // In the plot's middle, where the words are, the same ink as in a graph without any row.
    let words = |rows: &Rows| {
        let picture = Picture::read(&draw(kind, 300, Language::Lt, rows));
        picture.count([73, 80, 87])
    };
    assert!(words(&limit_alone) > words(&steady(Span::Daily, 512)) + 20);
}

#[test]
fn names_read_back_as_their_kinds() {
    let names: Vec<String> = Kind::all().map(|kind| kind.to_string()).collect();
    assert_eq!(names.len(), 24);
    assert_eq!((names[0].as_str(), names[23].as_str()), ("traffic_daily", "cpu_yearly"));
    for (kind, name) in Kind::all().zip(&names) {
        assert_eq!(Kind::parse(name), Some(kind));
    }
    for wrong in ["", "traffic", "traffic_", "_daily", "traffic_hourly", "Traffic_daily", "traffic_daily_", "net_daily"]
    {
        assert_eq!(Kind::parse(wrong), None);
    }
}
