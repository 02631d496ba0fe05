use std::{
    io::{self, Read, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use prometheus::IntCounter;

use super::{Verbosity, filter, lines::Lines};
use crate::settings::LogFormat;

const PATIENCE: Duration = Duration::from_secs(20);

/// A file on a disk with room for so many bytes.
#[derive(Clone)]
struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

impl Disk {
    fn new(room: usize) -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), room))))
    }

    fn make_room(&self) {
        self.0.lock().unwrap().1 = usize::MAX;
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (written, room) = &mut *self.0.lock().unwrap();
        let fits = bytes.len().min(*room);
        if fits == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        *room -= fits;
        written.extend_from_slice(&bytes[..fits]);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lost() -> IntCounter {
    IntCounter::new("lost", "Lost.").unwrap()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

#[test]
fn levels_are_words_or_directives() {
    assert_eq!(filter(None, Verbosity::Service).unwrap().to_string(), "info");
    assert!(filter(Some("info,store=debug"), Verbosity::Command).is_ok());
    assert!(filter(Some("store=loud"), Verbosity::Command).is_err());
}

#[test]
fn what_a_full_disk_loses_is_counted_and_told_when_there_is_room_again() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let (disk, lost) = (Disk::new(9), lost());
        let lines = Lines::start(disk.clone(), format, lost.clone()).unwrap();
        for line in ["first\n", "second\n", "third\n"] {
            lines.push(line.as_bytes());
        }
        lines.flush(PATIENCE);
        assert_eq!((disk.text().as_str(), lost.get()), ("first\nsec", 2));
        // Nothing more is logged: it is told by itself.
        disk.make_room();
        until("the loss is told", || disk.text().ends_with('\n') && disk.text().contains("lost"));
        lines.push(b"fourth\n");
        lines.flush(PATIENCE);
        let text = disk.text();
        let all: Vec<&str> = text.lines().collect();
        assert_eq!((all.len(), all[0], all[1], all[3]), (4, "first", "sec", "fourth"), "{text}");
        match format {
            LogFormat::Text => {
                assert!(all[2].contains(" WARN ") && all[2].contains(": 2 lines were lost since 2"), "{text}")
            }
            LogFormat::Json => {
                let told: serde_json::Value = serde_json::from_str(all[2]).unwrap();
                assert_eq!((&told["lines"], &told["level"]), (&2.into(), &"WARN".into()), "{text}");
                assert!(told["since"].as_str().unwrap() <= told["timestamp"].as_str().unwrap(), "{text}");
            }
        }
        assert_eq!(lost.get(), 2);
    }
}

#[test]
fn nobody_waits_for_a_reader_that_pauses() {
    let (mut reader, writer) = io::pipe().unwrap();
    let lost = lost();
    let lines = Lines::start(writer, LogFormat::Text, lost.clone()).unwrap();
    let line = format!("{}\n", "x".repeat(1023));
    // The pipe holds 64 KiB and the queue a MiB: twice as much is pushed, and comes back at once.
    for _ in 0..2048 {
        lines.push(line.as_bytes());
    }
    let lost_lines = lost.get();
    assert!((900..=1024).contains(&lost_lines), "{lost_lines}");
    let read = Arc::new(Mutex::new(Vec::new()));
    let reading = read.clone();
    std::thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(length @ 1..) = reader.read(&mut part) {
            reading.lock().unwrap().extend_from_slice(&part[..length]);
        }
    });
    let text = || String::from_utf8(read.lock().unwrap().clone()).unwrap();
    lines.flush(PATIENCE);
    lines.push(b"the last\n");
    until("all is read", || text().ends_with("the last\n"));
    let count = |line: &str| line.split_once(" lines were lost ")?.0.rsplit_once(' ')?.1.parse::<u64>().ok();
    let told: u64 = text().lines().filter_map(count).sum();
    assert_eq!((told, lost.get()), (lost_lines, lost_lines));
}

#[test]
fn a_reader_that_is_gone_costs_lines_and_nothing_else() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let lost = lost();
    let lines = Lines::start(writer, LogFormat::Text, lost.clone()).unwrap();
    lines.push(b"into the void\n");
    lines.flush(PATIENCE);
    assert_eq!(lost.get(), 1);
}
