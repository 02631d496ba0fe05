//! What is written on a graph, in the customer's language.

use domain::{language::Language, usage::Series};
use jiff::civil::{Date, Weekday};

use crate::kind::{Graph, Span};

const fn choose(language: Language, lt: &'static str, ru: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Lt => lt,
        Language::Ru => ru,
        Language::En => en,
    }
}

pub const fn graph(graph: Graph, language: Language) -> &'static str {
    match graph {
        Graph::Traffic => choose(language, "Srautas", "Трафик", "Traffic"),
        Graph::Memory => choose(language, "Atmintis", "Память", "Memory"),
        Graph::Storage => choose(language, "Diskas", "Диск", "Storage"),
        Graph::Load => choose(language, "Apkrova", "Нагрузка", "Load"),
        Graph::Io => choose(language, "Disko I/O", "Диск I/O", "Disk I/O"),
        Graph::Cpu => choose(language, "Procesorius", "Процессор", "CPU"),
    }
}

pub const fn span(span: Span, language: Language) -> &'static str {
    match span {
        Span::Daily => choose(language, "para", "сутки", "day"),
        Span::Weekly => choose(language, "savaitė", "неделя", "week"),
        Span::Monthly => choose(language, "mėnuo", "месяц", "month"),
        Span::Yearly => choose(language, "metai", "год", "year"),
    }
}

pub const fn series(series: Series, language: Language) -> &'static str {
    match series {
        Series::TrafficIn => choose(language, "Gaunama", "Входящий", "In"),
        Series::TrafficOut => choose(language, "Siunčiama", "Исходящий", "Out"),
        Series::IoRead => choose(language, "Skaitoma", "Чтение", "Read"),
        Series::IoWrite => choose(language, "Rašoma", "Запись", "Written"),
        Series::Cpu | Series::Memory | Series::Storage => choose(language, "Naudojama", "Использовано", "Used"),
        Series::Load => choose(language, "Apkrova", "Нагрузка", "Load"),
        Series::MemoryLimit | Series::StorageLimit => choose(language, "Riba", "Лимит", "Limit"),
    }
}

/// The latest value, the average, the highest.
pub const fn statistics(language: Language) -> [&'static str; 3] {
    [
        choose(language, "pask.", "посл.", "last"),
        choose(language, "vid.", "сред.", "avg"),
        choose(language, "maks.", "макс.", "max"),
    ]
}

/// That there is nothing to draw: in full, and where there is little room.
pub const fn nothing(language: Language) -> [&'static str; 2] {
    [
        choose(
            language,
            "Šio laikotarpio matavimų nėra",
            "Нет измерений за этот период",
            "No measurements in this period",
        ),
        choose(language, "Matavimų nėra", "Нет измерений", "No data"),
    ]
}

/// A weekday in two or three letters.
pub const fn weekday(day: Weekday, language: Language) -> &'static str {
    match day {
        Weekday::Monday => choose(language, "Pr", "Пн", "Mon"),
        Weekday::Tuesday => choose(language, "An", "Вт", "Tue"),
        Weekday::Wednesday => choose(language, "Tr", "Ср", "Wed"),
        Weekday::Thursday => choose(language, "Kt", "Чт", "Thu"),
        Weekday::Friday => choose(language, "Pn", "Пт", "Fri"),
        Weekday::Saturday => choose(language, "Št", "Сб", "Sat"),
        Weekday::Sunday => choose(language, "Sk", "Вс", "Sun"),
    }
}

/// A month by itself, in the nominative: in full and short.
pub const fn month(month: i8, language: Language) -> [&'static str; 2] {
    match (language, month) {
        (Language::Lt, 1) => ["sausis", "saus."],
        (Language::Lt, 2) => ["vasaris", "vas."],
        (Language::Lt, 3) => ["kovas", "kov."],
        (Language::Lt, 4) => ["balandis", "bal."],
        (Language::Lt, 5) => ["gegužė", "geg."],
        (Language::Lt, 6) => ["birželis", "birž."],
        (Language::Lt, 7) => ["liepa", "liep."],
        (Language::Lt, 8) => ["rugpjūtis", "rugp."],
        (Language::Lt, 9) => ["rugsėjis", "rugs."],
        (Language::Lt, 10) => ["spalis", "spal."],
        (Language::Lt, 11) => ["lapkritis", "lapkr."],
        (Language::Lt, _) => ["gruodis", "gruod."],
        (Language::Ru, 1) => ["январь", "янв."],
        (Language::Ru, 2) => ["февраль", "февр."],
        (Language::Ru, 3) => ["март", "март"],
        (Language::Ru, 4) => ["апрель", "апр."],
        (Language::Ru, 5) => ["май", "май"],
        (Language::Ru, 6) => ["июнь", "июнь"],
        (Language::Ru, 7) => ["июль", "июль"],
        (Language::Ru, 8) => ["август", "авг."],
        (Language::Ru, 9) => ["сентябрь", "сент."],
        (Language::Ru, 10) => ["октябрь", "окт."],
        (Language::Ru, 11) => ["ноябрь", "нояб."],
        (Language::Ru, _) => ["декабрь", "дек."],
        (Language::En, 1) => ["January", "Jan"],
        (Language::En, 2) => ["February", "Feb"],
        (Language::En, 3) => ["March", "Mar"],
        (Language::En, 4) => ["April", "Apr"],
        (Language::En, 5) => ["May", "May"],
        (Language::En, 6) => ["June", "Jun"],
        (Language::En, 7) => ["July", "Jul"],
        (Language::En, 8) => ["August", "Aug"],
        (Language::En, 9) => ["September", "Sep"],
        (Language::En, 10) => ["October", "Oct"],
        (Language::En, 11) => ["November", "Nov"],
        (Language::En, _) => ["December", "Dec"],
    }
}

/// A month with a day of it, in the genitive where the language has one: in full and short.
const fn month_of_day(number: i8, language: Language) -> [&'static str; 2] {
    match (language, number) {
        (Language::Lt, 1) => ["sausio", "saus."],
        (Language::Lt, 2) => ["vasario", "vas."],
        (Language::Lt, 3) => ["kovo", "kov."],
        (Language::Lt, 4) => ["balandžio", "bal."],
        (Language::Lt, 5) => ["gegužės", "geg."],
        (Language::Lt, 6) => ["birželio", "birž."],
        (Language::Lt, 7) => ["liepos", "liep."],
        (Language::Lt, 8) => ["rugpjūčio", "rugp."],
        (Language::Lt, 9) => ["rugsėjo", "rugs."],
        (Language::Lt, 10) => ["spalio", "spal."],
        (Language::Lt, 11) => ["lapkričio", "lapkr."],
        (Language::Lt, _) => ["gruodžio", "gruod."],
        (Language::Ru, 1) => ["января", "янв."],
        (Language::Ru, 2) => ["февраля", "февр."],
        (Language::Ru, 3) => ["марта", "марта"],
        (Language::Ru, 4) => ["апреля", "апр."],
        (Language::Ru, 5) => ["мая", "мая"],
        (Language::Ru, 6) => ["июня", "июня"],
        (Language::Ru, 7) => ["июля", "июля"],
        (Language::Ru, 8) => ["августа", "авг."],
        (Language::Ru, 9) => ["сентября", "сент."],
        (Language::Ru, 10) => ["октября", "окт."],
        (Language::Ru, 11) => ["ноября", "нояб."],
        (Language::Ru, _) => ["декабря", "дек."],
        (Language::En, _) => month(number, Language::En),
    }
}

/// A day of a month: in full (`5 октября`, `spalio 5`, `5 October`), short, and in digits.
pub fn day(date: Date, language: Language) -> [String; 3] {
    let names = month_of_day(date.month(), language);
    let [full, short] = names.map(|name| match language {
        Language::Lt => format!("{name} {}", date.day()),
        Language::Ru | Language::En => format!("{} {name}", date.day()),
    });
    let (day, month) = (date.day(), date.month());
    let digits = match language {
        Language::Lt => format!("{month:02}-{day:02}"),
        Language::Ru => format!("{day:02}.{month:02}"),
        Language::En => format!("{day}/{month}"),
    };
    [full, short, digits]
}
