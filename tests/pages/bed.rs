//! Pages to look at.

use std::{path::Path, process::Command};

use domain::language::Language;
use gateway_http::http::Serving;
use serde::Deserialize;
use serde_json::Value;
use testkit::{Browser, Page};

use crate::iv::bed::{Bed, path};

/// A name with all that has ever broken a page.
pub const AWKWARD: &str = "UAB „Ąžuolų & Žvėrių <b>prekyba</b>“ \"Šiaurė\", Каунасский филиал «Ёлочка» Nebeprisikiškiakopūsteliaujantiesiems-nebeprisikiškiakopūsteliaujančiųjų";

/// The least height of a window, in pixels: a graph has room in it.
const LOWEST: u32 = 400;

/// What is seen of a page.
#[derive(Debug, Deserialize)]
pub struct Seen {
    /// Every text, in the order of the page.
    pub seen: Vec<String>,
    /// What is wrong with it.
    pub wrong: Vec<String>,
    /// The letters that are on it.
    pub letters: String,
}

/// The surface on HTTP, and a browser in front of it.
pub struct Window {
    pub bed: Bed,
    pub serving: Serving,
    browser: Browser,
}

impl Window {
    pub async fn new() -> Self {
        let bed = Bed::new().await;
        let serving = bed.serve(&bed.api);
        Self { bed, serving, browser: Browser::start().await }
    }

    /// A customer who speaks `language`, with an awkward name, VAT and a server. Returns its order.
    pub async fn customer(&self, language: Language) -> String {
        let login = language.code();
        let (nick, key) = (format!("{login}-api"), format!("{login}-key"));
        let db = &self.bed.app.db;
        let new = db.customer(login).language(language).vat("21").credit("100.00").key(&key);
        new.api_user(&nick, &format!("{nick}-password")).add().await;
        let profile = format!(
            "insert into live.profile (customer_id, company, code, vat_code, address, zip, city, country, email) \
             select id, '{AWKWARD}', '305000001', 'LT100001234567', 'Didžioji g. 1-2', 'LT-01100', 'Vilnius', 'LT', \
               'buhalterija@azuolai.example' from live.customer where login = '{login}'"
        );
        db.run_sql(&profile).await;
        let vds = [("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];
        self.bed.app.order_by(login, &vds).await
    }

    /// Opens what a link in an answer leads to.
    pub async fn open(&self, link: &Value, width: u32) -> Page {
        let page = self.browser.page().await;
        page.size(width, LOWEST).await;
        page.open(&format!("http://{}{}", self.serving.address, path(link))).await;
        // As high as the page, so that all of it is in the window.
        let height: u32 = page.evaluate("document.documentElement.scrollHeight").await;
        page.size(width, height).await;
        page
    }
}

/// What is seen of a page in its window.
pub async fn look(page: &Page) -> Seen {
    page.evaluate(include_str!("look.js")).await
}

/// What a program of poppler's says.
pub fn poppler(program: &str, arguments: &[&str], file: &Path, to: &[&str]) -> String {
    let said = Command::new(program).args(arguments).arg(file).args(to).output();
    let said = said.unwrap_or_else(|error| panic!("{program} is needed (apt-get install poppler-utils): {error}"));
    assert!(said.status.success(), "{program}: {said:?}");
    String::from_utf8(said.stdout).unwrap()
}
