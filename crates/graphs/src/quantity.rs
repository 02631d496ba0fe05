//! Measured numbers as people read them.

use domain::language::Language;

/// What a graph's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// kbit/s, of 1000.
    BitRate,
    /// kB/s, of 1000.
    ByteRate,
    /// MB, of 1024.
    Size,
    /// Hundredths of a percent.
    Share,
    /// Hundredths.
    Load,
}

/// A unit: how many of the measured units are in it, and its name in Latin letters and in Russian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    pub size: i64,
    latin: &'static str,
    russian: &'static str,
}

const fn unit(size: i64, latin: &'static str, russian: &'static str) -> Unit {
    Unit { size, latin, russian }
}

const BIT_RATES: &[Unit] = &[
    unit(1, "kbit/s", "кбит/с"),
    unit(1_000, "Mbit/s", "Мбит/с"),
    unit(1_000_000, "Gbit/s", "Гбит/с"),
    unit(1_000_000_000, "Tbit/s", "Тбит/с"),
];
const BYTE_RATES: &[Unit] = &[
    unit(1, "kB/s", "кБ/с"),
    unit(1_000, "MB/s", "МБ/с"),
    unit(1_000_000, "GB/s", "ГБ/с"),
    unit(1_000_000_000, "TB/s", "ТБ/с"),
];
const SIZES: &[Unit] = &[unit(1, "MB", "МБ"), unit(1 << 10, "GB", "ГБ"), unit(1 << 20, "TB", "ТБ")];
const SHARES: &[Unit] = &[unit(100, "%", "%")];
const LOADS: &[Unit] = &[unit(100, "", "")];

impl Unit {
    pub const fn name(&self, language: Language) -> &'static str {
        match language {
            Language::Ru => self.russian,
            Language::En | Language::Lt => self.latin,
        }
    }

    /// `value` in this unit, rounded half up to `decimals` digits, without zeros at the end.
    pub fn number(&self, value: i64, decimals: u32, language: Language) -> String {
        let ten = 10_i128.pow(decimals);
        let size = i128::from(self.size);
        let rounded = (i128::from(value) * ten * 2 + size).div_euclid(size * 2);
        let whole = rounded / ten;
        if rounded % ten == 0 {
            return whole.to_string();
        }
        let width = usize::try_from(decimals).unwrap_or_default();
        let fraction = format!("{:0width$}", rounded % ten);
        let point = if language == Language::En { '.' } else { ',' };
        format!("{whole}{point}{}", fraction.trim_end_matches('0'))
    }
}

impl Quantity {
    const fn units(self) -> &'static [Unit] {
        match self {
            Self::BitRate => BIT_RATES,
            Self::ByteRate => BYTE_RATES,
            Self::Size => SIZES,
            Self::Share => SHARES,
            Self::Load => LOADS,
        }
    }

    /// The largest unit that `value` has at least one of, or else the smallest.
    pub fn unit(self, value: i64) -> Unit {
        let units = self.units();
        let fitting = units.iter().rev().find(|unit| value >= unit.size);
        fitting.or_else(|| units.first()).copied().unwrap_or(unit(1, "", ""))
    }

    /// What the scale shows at least, so that an idle server's noise doesn't look like work.
    pub const fn least_top(self) -> i64 {
        match self {
            Self::BitRate | Self::ByteRate => 10,
            Self::Size => 64,
            Self::Share => 1_000,
            Self::Load => 100,
        }
    }

    /// Distances between lines of the scale that people find round, from the smallest.
    pub fn steps(self) -> impl Iterator<Item = i64> {
        let thousand: i64 = if self == Self::Size { 1024 } else { 1000 };
        let round: &[i64] = match self {
            // Up to half a GB by halves, then as people count GB.
            Self::Size => &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
            _ => &[1, 2, 5, 10, 20, 50, 100, 200, 500],
        };
        let larger: &[i64] = &[1, 2, 5, 10, 20, 50, 100, 200, 500];
        let first = round.iter().copied();
        let rest = (1..=5_u32).flat_map(move |power| larger.iter().map(move |n| n * thousand.pow(power)));
        first.chain(rest)
    }

    /// A single number with its unit, three digits where there are as many to tell.
    pub fn text(self, value: i64, language: Language) -> String {
        let unit = self.unit(value);
        let whole = value / unit.size;
        let decimals = match whole {
            _ if unit.size == 1 => 0,
            0..10 => 2,
            10..100 => 1,
            _ => 0,
        };
        let number = unit.number(value, decimals, language);
        match unit.name(language) {
            "" => number,
            name => format!("{number}\u{a0}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        let cases = [
            (Quantity::BitRate, 0, "0 kbit/s", "0 кбит/с"),
            (Quantity::BitRate, 999, "999 kbit/s", "999 кбит/с"),
            (Quantity::BitRate, 12_345, "12.3 Mbit/s", "12,3 Мбит/с"),
            (Quantity::BitRate, 1_050, "1.05 Mbit/s", "1,05 Мбит/с"),
            (Quantity::ByteRate, 345_600, "346 MB/s", "346 МБ/с"),
            (Quantity::Size, 2_048, "2 GB", "2 ГБ"),
            (Quantity::Size, 1_500, "1.46 GB", "1,46 ГБ"),
            (Quantity::Share, 1_234, "12.3 %", "12,3 %"),
            (Quantity::Share, 4, "0.04 %", "0,04 %"),
            (Quantity::Share, 10_000, "100 %", "100 %"),
            (Quantity::Load, 105, "1.05", "1,05"),
        ];
        for (quantity, value, english, russian) in cases {
            assert_eq!(quantity.text(value, Language::En).replace('\u{a0}', " "), english);
            assert_eq!(quantity.text(value, Language::Ru).replace('\u{a0}', " "), russian);
        }
        assert_eq!(Quantity::Size.text(1_536, Language::Lt).replace('\u{a0}', " "), "1,5 GB");
    }
}
