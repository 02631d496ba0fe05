//! Draws graphs of made-up usage: how long it takes, and to look at.
//!
//! `cargo run --release -p graphs --example draw` prints the time of a 600 px graph of a year (about 6 ms
//! of CPU on a 2-core virtual machine of 2026; more than 50 would be a mistake).
//! `cargo run -p graphs --example draw -- DIRECTORY` also writes all graphs there.
#![expect(clippy::unwrap_used, reason = "a program for developers")]

use std::{fs, path::Path, time::Instant};

use domain::{
    language::Language,
    usage::{Rollup, Rollups, Sample, Series, bucket},
};
use graphs::{Graph, Kind, Request, Span, Width, render};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// Numbers that look like noise and are the same each time.
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

/// A span full of rows, busier by day than by night, with a gap.
fn rows(span: Span, until: Timestamp) -> Vec<(Timestamp, Rollups)> {
    let resolution = span.resolution();
    let count = span.seconds() / resolution.seconds() + 1;
    let mut noise = Noise(7);
    (0..count)
        .filter(|at| !(count / 3..count / 3 + count / 14).contains(at))
        .map(|at| {
            let start = bucket(resolution, until - SignedDuration::from_secs((count - 1 - at) * resolution.seconds()));
            let day = start.as_second().rem_euclid(86_400) / 864;
            let wave = 20 + (50 - (day - 55).abs()).max(0) * 2;
            let sample = Sample {
                traffic_in: Some(wave * 300 + noise.below(9_000)),
                traffic_out: Some(wave * 650 + noise.below(20_000)),
                io_read: Some(wave * 3 + noise.below(150)),
                io_write: Some(wave * 9 + noise.below(600)),
                cpu: Some(wave * 40 + noise.below(1_200)),
                load: Some(wave + noise.below(60)),
                memory: Some(1_100 + wave * 3 + noise.below(60)),
                memory_limit: Some(2_048),
                storage: Some(7_000 + at * 6_000 / count),
                storage_limit: Some(20 * 1024),
            };
            let mut row = Rollups::of(&sample);
            let busiest = row.get(Series::TrafficOut);
            row.set(Series::TrafficOut, Rollup { max: busiest.max * 2, ..busiest });
            (start, row)
        })
        .collect()
}

fn draw(kind: Kind, width: u32, language: Language, rows: &[(Timestamp, Rollups)], until: Timestamp) -> Vec<u8> {
    let zone = TimeZone::get("Europe/Vilnius").unwrap();
    let width = Width::new(width).unwrap();
    render(&Request { kind, width, server: "vps1.klientas.example.lt", language, zone: &zone, until, rows }).unwrap()
}

fn main() {
    let until: Timestamp = "2026-10-05T11:35:20Z".parse().unwrap();
    let year = rows(Span::Yearly, until);
    let kind = Kind { graph: Graph::Traffic, span: Span::Yearly };
    let start = Instant::now();
    let rounds = 100;
    for _ in 0..rounds {
        draw(kind, 600, Language::Lt, &year, until);
    }
    println!("600 px, a year: {:?} each", start.elapsed() / rounds);

    let Some(directory) = std::env::args().nth(1) else { return };
    for kind in Kind::all() {
        let rows = rows(kind.span, until);
        for width in [60, 120, 200, 400, 600, 1000] {
            for language in Language::ALL {
                for (name, rows) in [("", &rows[..]), ("-nothing", &[])] {
                    let file = format!("{kind}-{width}-{language}{name}.png");
                    fs::write(Path::new(&directory).join(file), draw(kind, width, language, rows, until)).unwrap();
                }
            }
        }
    }
}
