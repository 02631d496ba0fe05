//! The error table: one row for each code, and the proof that it is in order.

use domain::language::Language;

use super::Dialect;

/// Whether the request was refused, or accepted with something to say (CONTRACT 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing happened.
    Critical,
    /// The request is accepted and kept.
    NonCritical,
}

/// Whose table the code is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Both originals have it.
    Both,
    /// Friendhosting has it; in the other dialect it is answered all the same (CONTRACT 1.3).
    Friendhosting,
    /// Neither has it; it is answered in both dialects (CONTRACT 1.4).
    Extension,
}

struct Row {
    code: u16,
    kind: Kind,
    origin: Origin,
    ru: &'static str,
    en: &'static str,
    lt: &'static str,
}

/// Makes the enum, the list of its variants and their rows out of one list, so that none can lack the other.
macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $kind:ident, $origin:ident {
        ru: $ru:literal, en: $en:literal, lt: $lt:literal $(,)?
    })+) => {
        /// What is wrong with a request: a row of the error table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Fault {
            $($(#[$doc])* $name = $code,)+
        }

        impl Fault {
            /// Every fault, by code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The row that friendhosting's dialect answers with.
            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$name => &Row {
                        code: $code, kind: Kind::$kind, origin: Origin::$origin, ru: $ru, en: $en, lt: $lt,
                    },)+
                }
            }
        }
    };
}

faults! {
    /// There is no database to ask, or it went away mid-way.
    NoDatabase = 1, Critical, Both {
        ru: "Ошибка подключения к БД",
        en: "No connection to the database",
        lt: "Nepavyko prisijungti prie duomenų bazės",
    }
    /// The write itself failed.
    NotSaved = 2, Critical, Both {
        ru: "Ошибка сохранения данных в БД",
        en: "The data could not be saved",
        lt: "Nepavyko išsaugoti duomenų",
    }
    /// `login` is not given.
    NoLogin = 3, Critical, Both {
        ru: "Не указан логин пользователя",
        en: "No user login given",
        lt: "Nenurodytas naudotojo vardas",
    }
    /// No customer has this login.
    UnknownLogin = 4, Critical, Both {
        ru: "Пользователь не найден",
        en: "User not found",
        lt: "Naudotojas nerastas",
    }
    /// The customer may not use the API, or is disabled.
    ApiOff = 5, Critical, Both {
        ru: "Доступ к API отключен",
        en: "API access is disabled",
        lt: "Prieiga prie API išjungta",
    }
    /// Neither `pass` nor `apikey` is given.
    NoSecret = 6, Critical, Both {
        ru: "Не указан пароль или ключ API",
        en: "Neither a password nor an API key given",
        lt: "Nenurodytas slaptažodis arba API raktas",
    }
    /// The password or the key is not this customer's.
    WrongSecret = 7, Critical, Both {
        ru: "Указан неправильный пароль или ключ API",
        en: "Wrong password or API key",
        lt: "Neteisingas slaptažodis arba API raktas",
    }
    /// `command` is not given, or names no command.
    UnknownCommand = 8, Critical, Both {
        ru: "Неизвестная команда",
        en: "Unknown command",
        lt: "Nežinoma komanda",
    }
    /// Both `pass` and `apikey` are given.
    TwoSecrets = 9, Critical, Both {
        ru: "Запрещено использовать пароль и ключ API в одном запросе",
        en: "A password and an API key must not be used in one request",
        lt: "Vienoje užklausoje negalima naudoti ir slaptažodžio, ir API rakto",
    }
    /// No tariff of the kind is for sale.
    NoTariffs = 10, Critical, Both {
        ru: "Тарифные планы отсутствуют",
        en: "There are no tariff plans",
        lt: "Tarifų planų nėra",
    }
    /// `tarifid` is not given.
    NoTariffId = 11, Critical, Both {
        ru: "Не указан идентификатор тарифного плана",
        en: "No tariff plan id given",
        lt: "Nenurodytas tarifo plano ID",
    }
    /// No tariff of that kind has this id, or it is not for sale.
    UnknownTariff = 12, Critical, Both {
        ru: "Тарифный план не найден",
        en: "Tariff plan not found",
        lt: "Tarifo planas nerastas",
    }
    /// The tariff needs a domain and none is given, or what is given is no domain name.
    BadDomain = 13, Critical, Both {
        ru: "Не указано доменное имя",
        en: "No domain name given",
        lt: "Nenurodytas domeno vardas",
    }
    /// There is a live order of the tariff for the domain.
    AlreadyOrdered = 14, Critical, Both {
        ru: "Тарифный план для указанного доменного имени уже заказан",
        en: "The tariff plan has already been ordered for this domain name",
        lt: "Šiam domenui tarifo planas jau užsakytas",
    }
    /// `period` is not given.
    NoPeriod = 15, Critical, Both {
        ru: "Не указан срок заказа",
        en: "No order period given",
        lt: "Nenurodytas užsakymo laikotarpis",
    }
    /// `period` is not one of the tariff's.
    BadPeriod = 16, Critical, Both {
        ru: "Указан недопустимый срок заказа",
        en: "The order period is not allowed",
        lt: "Nurodytas neleistinas užsakymo laikotarpis",
    }
    /// The tariff has no such addon, or it is named twice.
    BadAddon = 17, Critical, Both {
        ru: "Указана недопустимая дополнительная услуга",
        en: "The addon is not allowed",
        lt: "Nurodyta neleistina papildoma paslauga",
    }
    /// `orderid` is not given.
    NoOrderId = 18, Critical, Both {
        ru: "Не указан идентификатор заказа",
        en: "No order id given",
        lt: "Nenurodytas užsakymo ID",
    }
    /// The customer has no such order.
    UnknownOrder = 19, Critical, Both {
        ru: "Заказ не найден",
        en: "Order not found",
        lt: "Užsakymas nerastas",
    }
    /// The order has an unpaid invoice.
    UnpaidInvoices = 20, Critical, Both {
        ru: "Для заказа есть неоплаченные счета",
        en: "The order has unpaid invoices",
        lt: "Yra neapmokėtų užsakymo sąskaitų",
    }
    /// The order is suspended.
    AlreadySuspended = 21, Critical, Both {
        ru: "Заказ уже приостановлен",
        en: "The order is already suspended",
        lt: "Užsakymas jau sustabdytas",
    }
    /// The order is running.
    AlreadyRunning = 22, Critical, Both {
        ru: "Заказ уже запущен",
        en: "The order is already running",
        lt: "Užsakymas jau paleistas",
    }
    /// The order's paid-until day has passed.
    Overdue = 23, Critical, Both {
        ru: "Заказ просрочен",
        en: "The order is overdue",
        lt: "Užsakymo terminas pasibaigęs",
    }
    /// `vid` is no kind of tariff.
    BadVid = 24, Critical, Both {
        ru: "Тип тарифного плана указан неверно",
        en: "The tariff plan type is wrong",
        lt: "Neteisingai nurodytas tarifo plano tipas",
    }
    /// The order's kind, or its tariff's driver, can't do this.
    Unsupported = 25, Critical, Both {
        ru: "Операция не поддерживается для заказов данного типа",
        en: "The operation is not supported for orders of this type",
        lt: "Šio tipo užsakymams operacija nepalaikoma",
    }
    /// The customer has no orders.
    NoOrders = 26, Critical, Both {
        ru: "Заказы отсутствуют",
        en: "There are no orders",
        lt: "Užsakymų nėra",
    }
    /// The customer has had this once-per-customer tariff.
    OncePerCustomer = 27, Critical, Friendhosting {
        ru: "Тарифный план может быть заказан только одним клиентом только один раз",
        en: "A customer can order this tariff plan only once",
        lt: "Šį tarifo planą klientas gali užsakyti tik vieną kartą",
    }
    /// The quantity is outside the addon's bounds, or there is more of a group than it allows.
    BadQuantity = 28, Critical, Friendhosting {
        ru: "Указано недопустимое количество дополнительной услуги",
        en: "The addon quantity is not allowed",
        lt: "Nurodytas neleistinas papildomos paslaugos kiekis",
    }
    /// Nothing is ordered from a group that needs an addon.
    GroupRequired = 29, Critical, Friendhosting {
        ru: "Необходимо заказать дополнительную услугу из группы",
        en: "An addon of the group must be ordered",
        lt: "Būtina užsakyti papildomą paslaugą iš grupės",
    }
    /// Accepted; staff will handle it.
    Manual = 30, NonCritical, Both {
        ru: "Заявка принята, но по техническим причинам будет обработана в ручном режиме.",
        en: "The request is accepted, but for technical reasons it will be handled manually.",
        lt: "Užklausa priimta, tačiau dėl techninių priežasčių bus apdorota rankiniu būdu.",
    }
    /// The balance can't pay: accepted until the invoice is paid, or refused, as the dialect has it.
    AwaitingPayment = 31, NonCritical, Both {
        ru: "Заявка принята, но будет обработана после оплаты счета.",
        en: "The request is accepted, but will be processed after the invoice is paid.",
        lt: "Užklausa priimta, tačiau bus apdorota apmokėjus sąskaitą.",
    }
    /// The address is not on the customer's allowlist.
    AddressRefused = 54, Critical, Friendhosting {
        ru: "Доступ запрещен. IP отсутствует в списке разрешенных",
        en: "Access denied. The IP address is not on the list of allowed ones",
        lt: "Prieiga uždrausta. IP adreso nėra leistinų sąraše",
    }
    /// Too many failed passwords, or too many being verified at the moment.
    TooManyRequests = 100, Critical, Extension {
        ru: "Слишком много запросов, повторите позже",
        en: "Too many requests, try again later",
        lt: "Per daug užklausų, bandykite vėliau",
    }
    /// The `requestid` was used with other parameters.
    RequestIdReused = 101, Critical, Extension {
        ru: "Значение requestid уже использовано с другими параметрами",
        en: "The requestid has already been used with other parameters",
        lt: "Ši requestid reikšmė jau panaudota su kitais parametrais",
    }
    /// A field's value can't be accepted and no other code fits.
    BadField = 102, Critical, Extension {
        ru: "Недопустимое значение поля",
        en: "The value of a field can't be accepted",
        lt: "Neleistina lauko reikšmė",
    }
    /// The order's paid-until day is not the one that was expected.
    OtherToDate = 103, Critical, Extension {
        ru: "Заказ оплачен до другой даты",
        en: "The order is paid until another day",
        lt: "Užsakymas apmokėtas iki kitos dienos",
    }
}

/// Code 31 in rootpanel's dialect, the one row in which the dialects differ (CONTRACT 1.3).
const LOW_BALANCE: &Row = &Row {
    code: Fault::AwaitingPayment.row().code,
    kind: Kind::Critical,
    origin: Origin::Both,
    ru: "Недостаточно средств на внутреннем балансе",
    en: "The internal balance is too low",
    lt: "Nepakanka lėšų vidiniame balanse",
};

impl Fault {
    /// `errorCode`.
    pub const fn code(self) -> u16 {
        self.row().code
    }

    /// Whether the request is refused. The dialects differ in [`Fault::AwaitingPayment`].
    pub const fn kind(self, dialect: Dialect) -> Kind {
        self.row_in(dialect).kind
    }

    /// The table's text. The dialects differ in [`Fault::AwaitingPayment`]; a code that an original lacks has the
    /// other's text.
    pub const fn text(self, dialect: Dialect, language: Language) -> &'static str {
        let row = self.row_in(dialect);
        match language {
            Language::Ru => row.ru,
            Language::En => row.en,
            Language::Lt => row.lt,
        }
    }

    /// Whether neither original has the code.
    pub const fn is_extension(self) -> bool {
        matches!(self.row().origin, Origin::Extension)
    }

    /// The dialects in whose table the code stands. Every code is answered in both; the reference page marks those
    /// that are missing here as extensions (CONTRACT 1.3).
    pub const fn dialects(self) -> &'static [Dialect] {
        match self.row().origin {
            Origin::Both | Origin::Extension => &Dialect::ALL,
            Origin::Friendhosting => &[Dialect::Friendhosting],
        }
    }

    const fn row_in(self, dialect: Dialect) -> &'static Row {
        match (self, dialect) {
            (Self::AwaitingPayment, Dialect::Rootpanel) => LOW_BALANCE,
            _ => self.row(),
        }
    }
}

// The table proves itself before anything runs: codes are unique and in order, and no text is missing. That every
// variant has its row follows from `row`, which matches them all.
const _: () = {
    let mut faults = Fault::ALL;
    let mut last = 0;
    while let [fault, rest @ ..] = faults {
        let row = fault.row();
        assert!(row.code > last, "the error table is out of order, or has a code twice");
        assert!(!row.ru.is_empty() && !row.en.is_empty() && !row.lt.is_empty(), "an error text is missing");
        last = row.code;
        faults = rest;
    }
};
