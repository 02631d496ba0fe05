//! What can be wrong with a request, as HTTP tells it: a status and `{"error": "<text>"}` (CONTRACT 2.1).

use domain::language::Language;

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// Not from one of the provider's networks.
    Network,
    /// No such API user, or a wrong password.
    Credentials,
    /// The command is absent or unknown.
    Command,
    /// `id` is absent or not digits.
    Id,
    /// The service is not this customer's, or is no server.
    Service,
    /// A parameter is absent, unknown or out of range: its name.
    Parameter(&'static str),
    /// The server is suspended.
    Suspended,
    /// The service is overdue.
    Overdue,
    /// The service has an unpaid invoice.
    Unpaid,
    /// The balance is too low.
    Balance,
    /// The tariff's servers can't be changed.
    Unchangeable,
    /// The server has as many open tasks as it may.
    TooMuch,
    /// The address can't be moved: it is the server's last, on its way already, or of no use there.
    Immovable,
    /// The server's hypervisor can't do this.
    Undoable,
    /// Too many failed passwords, or too many being verified.
    TooMany,
    /// The database can't be reached, or refused.
    Database,
}

impl Fault {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Command | Self::Id | Self::Parameter(_) => 400,
            Self::Credentials => 401,
            Self::Network | Self::Service => 403,
            Self::Suspended
            | Self::Overdue
            | Self::Unpaid
            | Self::Balance
            | Self::Unchangeable
            | Self::Immovable
            | Self::Undoable
            | Self::TooMuch => 409,
            Self::TooMany => 429,
            Self::Database => 503,
        }
    }

    /// The text, in a language.
    #[must_use]
    pub fn text(self, language: Language) -> String {
        let texts = self.texts();
        let text = match language {
            Language::Lt => texts.0,
            Language::Ru => texts.1,
            Language::En => texts.2,
        };
        match self {
            Self::Parameter(name) => format!("{text}: {name}"),
            _ => text.to_owned(),
        }
    }

    const fn texts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Network => (
                "Prisijungti galima tik iš tiekėjo tinklų",
                "Доступ возможен только из сетей провайдера",
                "Access is possible from the provider's networks only",
            ),
            Self::Credentials => (
                "Neteisingas naudotojo vardas arba slaptažodis",
                "Неверное имя пользователя или пароль",
                "Wrong nick or password",
            ),
            Self::Command => ("Nežinoma komanda", "Неизвестная команда", "Unknown command"),
            Self::Id => (
                "Nenurodytas arba neteisingas paslaugos ID",
                "Идентификатор услуги не указан или неверен",
                "The service's id is absent or not a number",
            ),
            Self::Service => ("Paslauga neprieinama", "Услуга недоступна", "The service is not available"),
            Self::Parameter(_) => (
                "Nenurodyta arba neteisinga parametro reikšmė",
                "Значение параметра не указано или недопустимо",
                "A parameter is absent or can't be accepted",
            ),
            Self::Suspended => ("Paslauga sustabdyta", "Услуга приостановлена", "The service is suspended"),
            Self::Overdue => ("Paslaugos terminas pasibaigęs", "Срок услуги истёк", "The service is overdue"),
            Self::Unpaid => (
                "Yra neapmokėtų paslaugos sąskaitų",
                "У услуги есть неоплаченные счета",
                "The service has an unpaid invoice",
            ),
            Self::Balance => ("Nepakanka lėšų balanse", "Недостаточно средств на балансе", "The balance is too low"),
            Self::Unchangeable => {
                ("Šios paslaugos keisti negalima", "Эту услугу изменить нельзя", "This service can't be changed")
            }
            Self::TooMuch => (
                "Serveris turi per daug laukiančių užduočių",
                "У сервера слишком много ожидающих заданий",
                "Too many tasks of the server are waiting",
            ),
            Self::Immovable => {
                ("Šio IP adreso perkelti negalima", "Этот IP-адрес перенести нельзя", "This address can't be moved")
            }
            Self::Undoable => (
                "Šios operacijos paslauga nepalaiko",
                "Услуга не поддерживает эту операцию",
                "This service does not support the operation",
            ),
            Self::TooMany => (
                "Per daug bandymų, bandykite vėliau",
                "Слишком много попыток, повторите позже",
                "Too many attempts, try again later",
            ),
            Self::Database => {
                ("Sistema laikinai neprieinama", "Система временно недоступна", "The system is temporarily unavailable")
            }
        }
    }
}
