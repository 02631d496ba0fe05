use std::ffi::OsString;

use domain::tasks::Operation;
use provisioner::driver::{DriverKind, Limits, ProxmoxDriver, Timeouts};

use super::{Settings, SettingsError, load::SECRETS};

const EXAMPLE: &str = include_str!("../../../../deploy/vartai.toml.example");

fn environment<'a>(of: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (OsString, OsString)> + 'a {
    of.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)))
}

fn read(text: &str, of: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::of(text, environment(of))
}

fn refused(text: &str, of: &[(&str, &str)]) -> String {
    let why = read(text, of).unwrap_err().to_string();
    assert!(!why.contains('\n'), "{why}");
    why
}

#[test]
fn nothing_configured_is_the_defaults() {
    let settings = read("", &[("PATH", "/bin"), ("VARTAI_PG_BIN", "/opt/pg"), ("VARTAI_TEST_X", "1")]).unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.key_file(), std::path::Path::new("./var/keys"));
    assert_eq!(settings.public_url(settings.http.bind), "http://127.0.0.1:8080");
    assert_eq!(settings.billing.time_zone.0.iana_name(), Some("Europe/Vilnius"));
    assert_eq!(settings.auth(), gateway_http::auth::AuthSettings::default());
}

#[test]
fn the_environment_goes_before_the_file() {
    let file = "data_dir = \"/a\"\n[http]\nbind = \"127.0.0.1:1\"\nadmin_bind = \"127.0.0.1:2\"\nworkers = 3\n";
    let settings = read(
        file,
        &[
            ("VARTAI_HTTP__BIND", "[::1]:8081"),
            ("VARTAI_DATA_DIR", "/b"),
            ("VARTAI_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32"),
            ("VARTAI_APIH__THROTTLE__LOGIN_FAILURES_PER_MINUTE", "30"),
            ("VARTAI_APIH__HIDE_UNKNOWN_LOGINS", "true"),
            ("VARTAI_COMPANY__NAME", "42"),
            ("VARTAI_HTTP__WORKERS", ""),
        ],
    )
    .unwrap();
    assert_eq!(settings.data_dir, std::path::Path::new("/b"));
    assert_eq!(settings.http.bind, "[::1]:8081".parse().unwrap());
    assert_eq!(settings.http.admin_bind, "127.0.0.1:2".parse().unwrap());
    assert_eq!(settings.http.workers.unwrap().get(), 3, "an empty variable counts as unset");
    assert_eq!(settings.http.trusted_proxies.len(), 2);
    assert_eq!(settings.auth().login_failures_per_minute.get(), 30);
    assert!(settings.auth().hide_unknown_logins);
    assert_eq!(settings.company.name, "42");
}

#[test]
fn an_unknown_key_is_named() {
    let why = refused("[http]\nbindd = \"127.0.0.1:1\"\n", &[]);
    assert!(why.contains("bindd") && why.contains("`bind`"), "{why}");
    assert!(refused("[htp]\nbind = \"x\"\n", &[]).contains("htp"));
    assert!(refused("", &[("VARTAI_HTTP__BINDD", "1")]).contains("bindd"));
    assert!(refused("", &[("VARTAI_HTTP_BIND", "1")]).contains("VARTAI_HTTP_BIND"));
}

#[test]
fn a_value_that_cannot_be_is_named_with_its_key() {
    for (name, value, key) in [
        ("VARTAI_HTTP__BIND", "localhost", "http.bind"),
        ("VARTAI_HTTP__WORKERS", "0", "http.workers"),
        ("VARTAI_HTTP__TRUSTED_PROXIES", "10.0.0.0/8,x", "http.trusted_proxies"),
        ("VARTAI_BILLING__TIME_ZONE", "Europe/Vilna", "billing.time_zone"),
        ("VARTAI_BILLING__PRICES", "brutto", "billing.prices"),
        ("VARTAI_BILLING__INVOICE_SERIES", "vrt", "billing.invoice_series"),
        ("VARTAI_BILLING__CREDIT_NOTE_SERIES", "VRT", "billing.credit_note_series"),
        ("VARTAI_BILLING__INVOICE_SERIES", "VRC", "billing.credit_note_series"),
        ("VARTAI_BILLING__VAT__COUNTRY", "lt", "billing.vat.country"),
        ("VARTAI_BILLING__VAT__COUNTRY", "LT", "billing.vat.rates"),
        ("VARTAI_BILLING__VAT__RATES", "LT 2009-09-01 21", "billing.vat.country"),
        ("VARTAI_BILLING__VAT__RATES", "LT 2009-09-01", "billing.vat.rates"),
        ("VARTAI_APIH__DIALECT", "friend", "apih.dialect"),
        ("VARTAI_LOG__FORMAT", "xml", "log.format"),
        ("VARTAI_DATABASE__ROLE_PREFIX", "a\"b", "database.role_prefix"),
        ("VARTAI_DATABASE__CONNECTIONS", "many", "database.connections"),
        ("VARTAI_HTTP__PUBLIC_URL", "ftp://x", "http.public_url"),
        ("VARTAI_MAIL__FROM", "nobody", "mail.from"),
        ("VARTAI_MAIL__STAFF", "a@example.com\r\nBcc: b@example.com", "mail.staff"),
        ("VARTAI_MAIL__TRANSPORT", "pigeon", "mail.transport"),
        ("VARTAI_MAIL__SMTP_USER", "vartai", "mail.smtp_password_file"),
        ("VARTAI_NOTICES__REMIND_DAYS", "14,0", "notices.remind_days"),
        ("VARTAI_NOTICES__KEEP_DAYS", "60", "notices.keep_days"),
        ("VARTAI_NOTICES__WEBHOOK_NETWORKS", "10.0.0.0/8,x", "notices.webhook_networks"),
    ] {
        let why = refused("", &[(name, value)]);
        assert!(why.starts_with(key), "{name}={value}: {why}");
    }
}

#[test]
fn a_secret_can_be_had_from_a_file_that_is_there_and_holds_it_alone() {
    let dir = tempfile::tempdir().unwrap();
    let [url, secret, empty, two] = ["url", "secret", "empty", "two"].map(|name| dir.path().join(name));
    std::fs::write(&url, "postgres://vartai:hidden@db1/vartai\n").unwrap();
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
    std::fs::write(&empty, "\n").unwrap();
    std::fs::write(&two, "one\r\ntwo\n").unwrap();
    let file = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let settings = read(
        &format!("[payments]\ncallback_secret_file = {:?}\n", file(&secret)),
        &[("VARTAI_DATABASE__URL_FILE", &file(&url))],
    )
    .unwrap();
    assert_eq!(settings.database.url.unwrap().config().get_password(), Some(&b"hidden"[..]));
    assert!(settings.payments.callback_secret.is_some());
    // Nothing else is taken in its place: without a URL there would be a private cluster.
    for name in ["missing", "empty", "two"] {
        let why = refused("", &[("VARTAI_DATABASE__URL_FILE", &file(&dir.path().join(name)))]);
        assert!(why.starts_with("database.url_file") && !why.contains("hidden"), "{name}: {why}");
    }
    let both = [("VARTAI_DATABASE__URL", "postgres://db1/vartai"), ("VARTAI_DATABASE__URL_FILE", &file(&url))];
    assert!(refused("", &both).starts_with("database.url and database.url_file"));
    assert!(refused("[database]\nurl_file = [\"/a\"]\n", &[]).contains("database.url_file"));
}

#[test]
fn mail_comes_from_somebody() {
    let from = |of: &[(&str, &str)]| read("", of).unwrap().notices().mail.from.to_string();
    assert_eq!(from(&[]), "Vartai <vartai@localhost>");
    assert_eq!(from(&[("VARTAI_COMPANY__NAME", "Ž"), ("VARTAI_COMPANY__EMAIL", "a@example.com")]), "Ž <a@example.com>");
    assert_eq!(
        from(&[("VARTAI_MAIL__FROM", "B <b@example.com>"), ("VARTAI_COMPANY__EMAIL", "a@example.com")]),
        "B <b@example.com>"
    );
    let settings = read("", &[("VARTAI_NOTICES__REMIND_DAYS", "3, 30"), ("VARTAI_DATA_DIR", "/d")]).unwrap();
    assert_eq!(settings.notices.remind_days.0.iter().collect::<Vec<_>>(), [30, 3]);
    assert_eq!(settings.notices().mail.directory, std::path::Path::new("/d/mail"));
}

#[test]
fn rates_of_vat_hold_from_a_day_on() {
    let file = "[billing.vat]\ncountry = \"LT\"\nrates = [\"LT 2009-09-01 21\", \"DE 2021-01-01 19\"]\n";
    let rate = |settings: &Settings, of: &str, day: &str| {
        let rules = settings.billing.vat.rules().unwrap().unwrap();
        rules.rate(of.parse().unwrap(), day.parse().unwrap()).map(|rate| rate.to_string())
    };
    let settings = read(file, &[]).unwrap();
    assert_eq!(rate(&settings, "DE", "2027-01-01").as_deref(), Some("19"));
    let raised = [("VARTAI_BILLING__VAT__RATES", "LT 2009-09-01 21, LT 2028-01-01 22.5")];
    let settings = read(file, &raised).unwrap();
    assert_eq!(rate(&settings, "LT", "2027-12-31").as_deref(), Some("21"));
    assert_eq!(rate(&settings, "LT", "2028-01-01").as_deref(), Some("22.5"));
    assert_eq!(rate(&settings, "DE", "2028-01-01"), None);
    let twice = [("VARTAI_BILLING__VAT__RATES", "LT 2009-09-01 21, LT 2009-09-01 22")];
    assert!(refused(file, &twice).contains("two rates"));
}

#[test]
fn the_database_url_is_never_shown() {
    let url = "postgres://u:hunter2@db1,db2:5433/v?target_session_attrs=read-write";
    let settings = read("", &[("VARTAI_DATABASE__URL", url)]).unwrap();
    assert_eq!(settings.database.url.as_ref().unwrap().config().get_hosts().len(), 2);
    assert!(!format!("{settings:?}").contains("hunter2"));
    for bad in [
        "[database]\nurl = \"postgres://u:hunter2@h:port:7/x\"\n",
        "database = \"postgres://u:hunter2@h/x\"\n",
        "[database]\nurl = [\"postgres://u:hunter2@h/x\"]\n",
        "[database]\nurl = \"postgres://u:hunter2@h/x\n",
        "[database]\nconnections = \"hunter2\"\n",
    ] {
        let why = refused(bad, &[]);
        assert!(!why.contains("hunter2") && why.len() > 20, "{bad}: {why}");
    }
}

/// Keys of the example by section; with those that are commented out since they have no default, but files in place of
/// what is there as well.
fn uncommented() -> String {
    let key = |line: &str| {
        let in_place_of = SECRETS.map(|key| format!("#{}_file = ", key.rsplit('.').next().unwrap()));
        !in_place_of.iter().any(|file| line.starts_with(file.as_str()))
            && line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    EXAMPLE.lines().map(|line| if key(line) { &line[1..] } else { line }).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_has_the_defaults() {
    assert_eq!(read(EXAMPLE, &[]).unwrap(), Settings::default());
    read(&uncommented(), &[]).unwrap();
}

#[test]
fn drivers_are_set_up_by_name() {
    let text = "[drivers.kvm]\nkind = \"exec\"\nhook = \"/usr/lib/vartai/hook\"\noperations = [\"create\", \"reboot\"]\n\
                timeout_seconds = 60\ntimeouts = { create = 600 }\nmemory_mb = 64\n";
    let settings =
        read(text, &[("VARTAI_DRIVERS__KVM__TIMEOUT_SECONDS", "90"), ("VARTAI_DRIVERS__KVM__ENVIRONMENT", "A, B")])
            .unwrap();
    let kvm = &settings.drivers.0["kvm"];
    assert_eq!(kvm.operations, [Operation::Create, Operation::Restart].into());
    assert_eq!(kvm.timeouts.of(Operation::Create).as_secs(), 600);
    assert_eq!(kvm.timeouts.of(Operation::Restart).as_secs(), 90);
    let can = settings.drivers.capabilities();
    assert!(can.can("kvm", Operation::Restart) && !can.can("kvm", Operation::Reinstall));
    assert!(can.can("simulated", Operation::Reinstall));
    for (bad, names) in [
        ("[drivers.a]\nkind = \"exec\"\n", "hook"),
        ("[drivers.a]\nkind = \"exec\"\nhook = \"bin/hook\"\n", "hook"),
        ("[drivers.a]\nkind = \"exec\"\nhook = \"/x\"\nwork_dir = \"tmp\"\n", "work_dir"),
        ("[drivers.a]\nkind = \"magic\"\n", "magic"),
        ("[drivers.a]\nhook = \"/x\"\n", "kind"),
        ("[drivers.a]\nkind = \"simulated\"\nhook = \"/x\"\n", "exec"),
        ("[drivers.simulated]\nkind = \"exec\"\nhook = \"/x\"\n", "simulated"),
        ("[drivers.a]\nkind = \"simulated\"\noperations = [\"server_create\"]\n", "server_create"),
        ("[drivers.a]\nkind = \"simulated\"\nhok = 1\n", "hok"),
        ("[drivers.a]\nkind = \"http\"\nsecret_files = [\"/s\"]\n", "url"),
        ("[drivers.a]\nkind = \"http\"\nurl = \"https://hooks.example\"\n", "secret_files"),
        ("[drivers.a]\nkind = \"http\"\nurl = \"http://169.254.169.254/\"\nsecret_files = [\"/s\"]\n", "169.254"),
        ("[drivers.a]\nkind = \"http\"\nurl = \"http://10.0.0.1/\"\nhook = \"/x\"\n", "hook"),
        ("[drivers.a]\nkind = \"proxmox\"\nurl = \"https://pve.example:8006\"\ntoken_id = \"x\"\n", "token_id"),
        ("[drivers.a]\nkind = \"exec\"\nhook = \"/x\"\ntoken_file = \"/y\"\n", "token_file"),
    ] {
        let why = refused(bad, &[]);
        assert!(why.contains(names), "{bad}: {why}");
    }
}

#[test]
fn the_example_has_every_key_of_a_driver() {
    let why = refused("[drivers.kvm]\nkind = \"exec\"\nzzz = 1\n", &[]);
    let keys: Vec<&str> =
        why.split_once("expected").unwrap().1.split(':').next().unwrap().split('`').skip(1).step_by(2).collect();
    assert!(keys.len() > 5, "{why}");
    for key in keys {
        let of = |name: &str| EXAMPLE.contains(&format!("\n#{name}.{key} = "));
        assert!(of("kvm") || of("web") || of("pve"), "{key}");
    }
    let kvm = &read(&uncommented(), &[]).unwrap().drivers.0["kvm"];
    let DriverKind::Exec(exec) = &kvm.kind else { panic!("{kvm:?}") };
    assert_eq!((exec.limits, kvm.timeouts.any), (Limits::default(), Timeouts::default().any));
    assert_eq!(kvm.operations.len(), Operation::ALL.len());
}

/// The keys of a table that hold lists, with what is in them as the environment writes it.
fn lists(at: &str, of: &config::Value, found: &mut Vec<(String, String)>) {
    if let Ok(table) = of.clone().into_table() {
        for (key, value) in table {
            lists(&if at.is_empty() { key } else { format!("{at}.{key}") }, &value, found);
        }
    } else if let Ok(list) = of.clone().into_array() {
        let texts: Vec<String> = list.into_iter().map(|value| value.into_string().unwrap()).collect();
        found.push((at.to_owned(), texts.join(", ")));
    }
}

#[test]
fn every_list_can_be_given_in_the_environment() {
    let text = uncommented();
    let whole = config::Config::builder()
        .add_source(config::File::from_str(&text, config::FileFormat::Toml))
        .build()
        .unwrap()
        .try_deserialize::<config::Value>()
        .unwrap();
    let mut found = Vec::new();
    lists("", &whole, &mut found);
    assert!(found.len() >= 10, "{found:?}");
    let wanted = read(&text, &[]).unwrap();
    for (key, list) in found.iter().filter(|(_, list)| !list.is_empty()) {
        let name = format!("VARTAI_{}", key.to_ascii_uppercase().replace('.', "__"));
        assert_eq!(read(&text, &[(&name, list)]).as_ref(), Ok(&wanted), "{name}={list}");
    }
}

#[test]
fn drivers_over_the_network_are_set_up() {
    let text = "[drivers.web]\nkind = \"http\"\nurl = \"https://hooks.example/v\"\nsecret_files = [\"/a\", \"/b\"]\n\
                networks = [\"10.0.0.0/8\"]\n[drivers.pve]\nkind = \"proxmox\"\nurl = \"https://pve.example:8006\"\n\
                token_id = \"vartai@pve!vartai\"\ntoken_file = \"/t\"\ntemplates = { \"debian-12\" = 9000 }\n\
                vmid_base = 100000\nnodes = [\"pve1\"]\nmhz_per_core = 2600\n";
    let drivers = read(text, &[]).unwrap().drivers;
    let DriverKind::Http(http) = &drivers.0["web"].kind else { panic!("{drivers:?}") };
    assert_eq!((http.secret_files.len(), http.endpoint.networks.len()), (2, 1));
    let DriverKind::Proxmox(pve) = &drivers.0["pve"].kind else { panic!("{drivers:?}") };
    assert_eq!((pve.templates["debian-12"], pve.mhz_per_core, pve.mark.as_str()), (9000, 2600, "vartai"));
    assert_eq!(drivers.0["pve"].operations, ProxmoxDriver::OPERATIONS.into());
}

#[test]
fn the_example_has_every_key() {
    let text = uncommented();
    for section in [
        "",
        "database",
        "http",
        "apih",
        "apih.throttle",
        "iv",
        "billing",
        "billing.vat",
        "secrets",
        "log",
        "company",
        "worker",
        "provisioner",
    ] {
        let mistaken = if section.is_empty() { "zzz = 1\n".to_owned() } else { format!("[{section}]\nzzz = 1\n") };
        let why = refused(&mistaken, &[]);
        let expected = why.split_once("expected").unwrap().1.split_once(':').unwrap().0;
        let keys: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        assert!(!keys.is_empty(), "{why}");
        let part = match section {
            "" => text.split("\n[").next().unwrap(),
            _ => text.split_once(&format!("\n[{section}]\n")).unwrap().1.split("\n[").next().unwrap(),
        };
        for key in keys {
            let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            let is_section = text.contains(&format!("\n[{path}]\n"));
            let is_shown = |line: &str| line.trim_start_matches('#').starts_with(&format!("{key} = "));
            assert!(is_section || part.lines().any(is_shown), "{path}: {why}");
        }
    }
}
