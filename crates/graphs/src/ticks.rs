//! The horizontal axis: hours, days, weeks or months of the time zone.

use domain::language::Language;
use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::TimeZone,
};

use crate::{curve::Window, kind::Span, words};

/// A line of the horizontal axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Seconds of Unix time.
    pub at: i64,
    /// Empty for a line without one.
    pub label: String,
}

/// Where labels stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Under the line: it names a moment.
    Line,
    /// Between the line and the next one: it names what lies between.
    Between,
}

/// One way to mark the axis; in order, a line beyond each end included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticks {
    pub place: Place,
    pub ticks: Vec<Tick>,
}

/// All ways to mark the axis, the most telling first: the first with enough room is the one.
pub fn choices(span: Span, window: Window, zone: &TimeZone, language: Language) -> Vec<Ticks> {
    let days = days(window, zone);
    match span {
        Span::Daily => [1, 2, 3, 4, 6, 12].into_iter().map(|step| hours(&days, step, zone)).collect(),
        Span::Weekly => weekly(&days, zone, language),
        Span::Monthly => monthly(&days, zone, language),
        Span::Yearly => yearly(&days, zone, language),
    }
}

/// The days of the window, with some at each end to spare.
fn days(window: Window, zone: &TimeZone) -> Vec<Date> {
    let date = |second: i64| Timestamp::from_second(second).ok().map(|moment| moment.to_zoned(zone.clone()).date());
    let (Some(first), Some(last)) = (date(window.from), date(window.until)) else { return Vec::new() };
    let Ok(first) = first.checked_sub(40.days()) else { return Vec::new() };
    first.series(1.day()).take_while(|&day| day <= last.saturating_add(40.days())).collect()
}

/// The moment a civil hour begins; where the clock jumps over it, the moment after the jump.
fn second(day: Date, hour: i8, zone: &TimeZone) -> Option<i64> {
    Some(day.at(hour, 0, 0, 0).to_zoned(zone.clone()).ok()?.timestamp().as_second())
}

fn of_days(days: impl Iterator<Item = (Date, String)>, place: Place, zone: &TimeZone) -> Ticks {
    let ticks = days.filter_map(|(day, label)| Some(Tick { at: second(day, 0, zone)?, label })).collect();
    Ticks { place, ticks }
}

fn hours(days: &[Date], step: usize, zone: &TimeZone) -> Ticks {
    // A day has two of its neighbours here, not forty.
    let middle = days.iter().skip(38).take(days.len().saturating_sub(76));
    let mut ticks: Vec<Tick> = middle
        .flat_map(|&day| (0..24_i8).step_by(step).map(move |hour| (day, hour)))
        .filter_map(|(day, hour)| Some(Tick { at: second(day, hour, zone)?, label: format!("{hour:02}:00") }))
        .collect();
    // An hour that the clock jumps over begins with the next one.
    ticks.dedup_by_key(|tick| tick.at);
    Ticks { place: Place::Line, ticks }
}

fn weekly(days: &[Date], zone: &TimeZone, language: Language) -> Vec<Ticks> {
    let name = |day: Date| words::weekday(day.weekday(), language);
    let ways: [&dyn Fn(Date) -> String; 5] = [
        &|day| format!("{} {}", name(day), words::day(day, language)[1]),
        &|day| format!("{} {}", name(day), words::day(day, language)[2]),
        &|day| format!("{} {}", name(day), day.day()),
        &|day| name(day).to_owned(),
        &|day| if day.day() % 2 == 0 { name(day).to_owned() } else { String::new() },
    ];
    ways.into_iter().map(|label| of_days(days.iter().map(|&day| (day, label(day))), Place::Between, zone)).collect()
}

fn monthly(days: &[Date], zone: &TimeZone, language: Language) -> Vec<Ticks> {
    let mondays: Vec<Date> = days.iter().copied().filter(|day| day.weekday() == Weekday::Monday).collect();
    let way = |form: usize, every: usize| {
        let labels = mondays.iter().enumerate().map(move |(at, &day)| {
            let label = words::day(day, language).into_iter().nth(form).filter(|_| at % every == 0);
            (day, label.unwrap_or_default())
        });
        of_days(labels, Place::Line, zone)
    };
    [(0, 1), (1, 1), (2, 1), (1, 2), (2, 2), (2, 3)].into_iter().map(|(form, every)| way(form, every)).collect()
}

fn yearly(days: &[Date], zone: &TimeZone, language: Language) -> Vec<Ticks> {
    let firsts: Vec<Date> = days.iter().copied().filter(|day| day.day() == 1).collect();
    let way = |form: usize, every: i8| {
        let labels = firsts.iter().map(move |&day| {
            let name = words::month(day.month(), language).into_iter().nth(form).unwrap_or_default();
            let label = match day.month() {
                // The year's number in January's place tells where years meet.
                1 => day.year().to_string(),
                month if (month - 1) % every == 0 => name.to_owned(),
                _ => String::new(),
            };
            (day, label)
        });
        of_days(labels, Place::Between, zone)
    };
    [(0, 1), (1, 1), (1, 2), (1, 3), (1, 4), (1, 6)].into_iter().map(|(form, every)| way(form, every)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(until: &str, span: Span) -> (Window, TimeZone) {
        let zone = TimeZone::get("Europe/Vilnius").unwrap();
        let until: i64 = until.parse::<Timestamp>().unwrap().as_second();
        (Window { from: until - span.seconds(), until }, zone)
    }

    #[test]
    fn lines_are_in_order_and_reach_beyond_the_window_whatever_the_clock_does() {
        // Both changes of the clock, a leap day, and an ordinary day.
        for until in ["2026-03-29T09:00:00Z", "2026-10-25T09:00:00Z", "2028-02-29T23:59:59Z", "2026-07-01T00:00:00Z"] {
            for span in Span::ALL {
                let (window, zone) = window(until, span);
                for language in Language::ALL {
                    for way in choices(span, window, &zone, language) {
                        assert!(way.ticks.is_sorted_by(|a, b| a.at < b.at), "{span:?} {until}");
                        assert!(way.ticks.first().unwrap().at <= window.from);
                        assert!(way.ticks.last().unwrap().at >= window.until);
                    }
                }
            }
        }
    }

    #[test]
    fn hours_are_the_zones() {
        let (window, zone) = window("2026-03-29T09:00:00Z", Span::Daily);
        let ways = choices(Span::Daily, window, &zone, Language::Lt);
        let night: Vec<_> =
            ways[0].ticks.iter().filter(|tick| (window.from..=window.until).contains(&tick.at)).collect();
        let labels: Vec<_> = night.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels[..3], ["11:00", "12:00", "13:00"]);
        assert_eq!(labels[13..18], ["00:00", "01:00", "02:00", "03:00", "05:00"], "the clock jumps over 03:00–04:00");
    }

    #[test]
    fn days_and_months_read_as_the_language_has_them() {
        let date = jiff::civil::date(2026, 10, 5);
        assert_eq!(words::day(date, Language::Lt), ["spalio 5", "spal. 5", "10-05"]);
        assert_eq!(words::day(date, Language::Ru), ["5 октября", "5 окт.", "05.10"]);
        assert_eq!(words::day(date, Language::En), ["5 October", "5 Oct", "5/10"]);
        let (window, zone) = window("2026-10-05T12:00:00Z", Span::Yearly);
        let year: Vec<_> = choices(Span::Yearly, window, &zone, Language::Ru)
            .remove(0)
            .ticks
            .into_iter()
            .filter(|tick| (window.from..=window.until).contains(&tick.at))
            .map(|tick| tick.label)
            .collect();
        assert_eq!(year[..4], ["ноябрь", "декабрь", "2026", "февраль"]);
    }
}
