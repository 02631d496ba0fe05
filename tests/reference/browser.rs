//! The page in a real browser: read, searched, switched, called from. Pictures stay in `target/screenshots`.

use serde_json::Value;
use testkit::{Browser, Page};

use super::bed::Desk;
use crate::support::until;

async fn opened(desk: &Desk, browser: &Browser, path: &str, width: u32) -> Page {
    let page = browser.page().await;
    page.size(width, 900).await;
    page.open(&format!("http://{}{path}", desk.serving.address)).await;
    page
}

/// Waits until a script comes to true.
async fn until_true(page: &Page, what: &str, script: &str) {
    until(what, async || page.evaluate::<bool>(script).await).await;
}

const NONE: [&str; 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_whole_in_every_language_and_width_and_asks_nobody_else() {
    let desk = Desk::new().await;
    let browser = Browser::start().await;
    for language in ["ru", "en", "lt"] {
        for width in [1600, 1100, 360] {
            let page = opened(&desk, &browser, &format!("/apidoc.php?lang={language}"), width).await;
            assert_eq!(page.evaluate::<String>("document.documentElement.lang").await, language);
            let wide: bool = page.evaluate("document.documentElement.scrollWidth > innerWidth").await;
            assert!(!wide, "wider than its window of {width} in {language}");
            let elsewhere = "performance.getEntriesByType('resource').map((r) => r.name)\
                             .filter((name) => !name.startsWith(location.origin) && !name.startsWith('data:'))";
            assert_eq!(page.evaluate::<Vec<String>>(elsewhere).await, NONE);
            assert_eq!(page.complaints(), NONE);
        }
    }
    // A picture of all of it takes seconds, so there are few.
    for (language, width, dark) in [("en", 1600, false), ("lt", 1600, true), ("ru", 360, false), ("en", 360, true)] {
        let page = opened(&desk, &browser, &format!("/apidoc.php?lang={language}"), width).await;
        page.medium("screen", dark).await;
        page.screenshot(&format!("reference-{language}-{width}-{}", if dark { "dark" } else { "light" })).await;
    }
    desk.serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_that_the_policy_does_not_name() {
    let desk = Desk::new().await;
    let browser = Browser::start().await;
    let page = opened(&desk, &browser, "/apidoc.php?lang=en", 1200).await;
    let smuggle = "(() => { const script = document.createElement('script'); script.textContent = 'window.smuggled = 1'; \
                   document.head.append(script); return 'smuggled' in window; })()";
    assert!(!page.evaluate::<bool>(smuggle).await);
    assert!(page.complaints().concat().contains("Content Security Policy"), "nothing was refused");
    desk.serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_language_is_the_same_place_and_a_code_s_address_opens_it() {
    let desk = Desk::new().await;
    let browser = Browser::start().await;
    let page = opened(&desk, &browser, "/apidoc.php?lang=en#code-31", 1200).await;
    assert!(page.evaluate::<bool>("document.getElementById('code-31').open").await);
    let click = "(() => { const link = document.querySelector('.lang a[lang=lt]'); \
                 link.addEventListener('click', (event) => event.preventDefault()); link.click(); return link.href; })()";
    let href: String = page.evaluate(click).await;
    assert!(href.ends_with("?lang=lt#code-31"), "{href}");
    page.open(&href).await;
    assert_eq!(page.evaluate::<String>("document.documentElement.lang").await, "lt");
    assert!(page.evaluate::<bool>("document.getElementById('code-31').open").await);
    assert_eq!(page.complaints(), NONE);
    desk.serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_is_enough() {
    let desk = Desk::new().await;
    let browser = Browser::start().await;
    let page = opened(&desk, &browser, "/apidoc.php?lang=en", 1200).await;
    page.press("Tab").await;
    assert_eq!(page.evaluate::<String>("document.activeElement.className").await, "skip");
    page.press("Enter").await;
    until_true(&page, "the text has the focus", "document.activeElement.id === 'main'").await;

    page.evaluate::<bool>("document.getElementById('q').focus(), true").await;
    page.write("suspendorder").await;
    until_true(&page, "something is found", "!document.getElementById('hits').hidden").await;
    page.press("Enter").await;
    until_true(&page, "it is gone to", "location.hash === '#4.3'").await;

    let button = "document.querySelector('.run[data-command=getBalance]')";
    page.evaluate::<bool>(&format!("{button}.focus(), true")).await;
    page.press("Enter").await;
    until_true(&page, "the console is open", "document.getElementById('try').open").await;
    assert!(page.evaluate::<bool>("document.getElementById('try').contains(document.activeElement)").await);
    page.press("Escape").await;
    until_true(&page, "the console is shut", "!document.getElementById('try').open").await;
    assert!(page.evaluate::<bool>(&format!("document.activeElement === {button}")).await, "the focus is lost");
    assert_eq!(page.complaints(), NONE);
    desk.serving.stop().await;
}

/// Chooses a command in the console, fills its fields, sends it, and waits for what comes back as JSON.
async fn call(page: &Page, command: &str, fields: &[(&str, &str)]) -> Value {
    let fill: String =
        fields.iter().map(|(name, value)| format!("document.getElementById('f-{name}').value = '{value}';")).collect();
    let act = format!(
        "(() => {{ const what = document.getElementById('what'); what.value = '{command}'; \
         what.dispatchEvent(new Event('change')); {fill} document.getElementById('send').click(); return true; }})()"
    );
    page.evaluate::<bool>(&act).await;
    let came = "!document.getElementById('send').disabled && document.getElementById('out-json').textContent !== ''";
    until_true(page, "an answer came", came).await;
    serde_json::from_str(&page.evaluate::<String>("document.getElementById('out-json').textContent").await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_calls_every_kind_of_command() {
    let desk = Desk::new().await;
    let worker = desk.app.worker();
    let browser = Browser::start().await;
    let page = opened(&desk, &browser, "/apidoc.php?lang=en", 1400).await;
    page.evaluate::<bool>("document.getElementById('open').click(), true").await;

    let balance = call(&page, "getBalance", &[]).await;
    assert_eq!(balance["balance"], "1000.00");
    let placed = call(&page, "createOrder", &[]).await;
    assert_eq!(placed["status"], "SUCCESS", "{placed}");
    let tree: String = page.evaluate("document.getElementById('out-tree').textContent").await;
    assert!(tree.contains("orderid") && tree.contains("string(7) \"SUCCESS\""), "{tree}");
    let raw: String = page.evaluate("document.getElementById('out-php').textContent").await;
    assert!(raw.starts_with("a:13:{s:6:\"status\";s:7:\"SUCCESS\";"), "{raw}");
    assert!(page.evaluate::<String>("document.getElementById('took').textContent").await.contains("ms"));
    page.screenshot("reference-console").await;

    // The order's number goes on to the next command by itself.
    let order: String = page.evaluate("document.getElementById('out-json').textContent").await;
    let order: Value = serde_json::from_str(&order).unwrap();
    let listed = call(&page, "getOrders", &[]).await;
    assert_eq!(listed["orders"][0]["orderid"], order["orderid"]);
    let refused = call(&page, "renewOrder", &[("period", "")]).await;
    assert_eq!(refused["errorCode"], "15");
    let destroyed = call(&page, "reinstallOrder", &[]).await;
    assert_eq!(destroyed["status"], "SUCCESS", "{destroyed}");
    assert_eq!(call(&page, "version", &[]).await["version"], "1.0");
    assert_eq!(desk.app.db.value::<i64>("select count(*) from test.orders").await, 1, "sent twice, ordered twice");
    assert_eq!(page.complaints(), NONE);
    worker.stop().await.unwrap();
    desk.serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_charge_needs_a_yes() {
    let desk = Desk::new().await;
    let browser = Browser::start().await;
    let page = opened(&desk, &browser, "/apidoc.php?lang=en", 1400).await;
    let act = "(() => { document.querySelector('.run[data-command=createOrder]').click(); \
               document.querySelector('[name=who][value=own]').click(); \
               document.getElementById('own-login').value = 'ann'; \
               document.getElementById('own-secret').value = 'ann-key'; \
               document.getElementById('send').click(); return document.getElementById('sure-line').hidden; })()";
    assert!(!page.evaluate::<bool>(act).await, "nobody is asked");
    assert_eq!(page.evaluate::<String>("document.activeElement.id").await, "sure");
    assert_eq!(desk.app.db.value::<i64>("select count(*) from live.orders").await, 0);

    let yes = "document.getElementById('sure').click(), document.getElementById('send').click(), true";
    page.evaluate::<bool>(yes).await;
    until_true(&page, "an answer came", "document.getElementById('out-json').textContent.includes('SUCCESS')").await;
    assert_eq!(desk.app.db.value::<i64>("select count(*) from live.orders").await, 1);
    let shown: String = page.evaluate("document.getElementById('out-request').textContent").await;
    assert!(shown.contains("login=ann") && !shown.contains("ann-key"), "{shown}");
    desk.app.db.verify_books().await;
    desk.serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_test_access_does_not_know_is_not_offered_with_it() {
    let desk = Desk::new().await;
    let browser = Browser::start().await;
    let page = opened(&desk, &browser, "/apidoc.php?lang=en", 1400).await;
    let choose = |command: &str| {
        format!(
            "(() => {{ const what = document.getElementById('what'); what.value = '{command}'; \
             what.dispatchEvent(new Event('change')); const test = document.querySelector('[name=who][value=test]'); \
             return [test.checked, test.disabled, document.getElementById('own-only').hidden].join(); }})()"
        )
    };
    page.evaluate::<bool>("document.getElementById('open').click(), true").await;
    assert_eq!(page.evaluate::<String>(&choose("advanceClock")).await, "false,true,false");
    page.evaluate::<bool>("document.getElementById('send').click(), true").await;
    assert_eq!(
        page.evaluate::<String>("document.activeElement.id").await,
        "own-login",
        "nothing is sent without a key"
    );
    assert_eq!(page.evaluate::<String>(&choose("createOrder")).await, "true,false,true", "nor does it become earnest");
    assert_eq!(page.complaints(), NONE);
    desk.serving.stop().await;
}

/// axe-core, where `./test` has put it; it says so where it has not.
fn axe() -> Option<String> {
    let Some(path) = std::env::var_os("AXE_CORE") else {
        eprintln!("NOT RUN: the accessibility check; AXE_CORE names no axe.min.js (./test fetches it with npm)");
        return None;
    };
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_kept_out() {
    let Some(axe) = axe() else { return };
    let desk = Desk::new().await;
    let browser = Browser::start().await;
    for dark in [false, true] {
        for width in [1600, 400] {
            let page = opened(&desk, &browser, "/apidoc.php?lang=en", width).await;
            page.medium("screen", dark).await;
            page.evaluate::<bool>("for (const d of document.querySelectorAll('.entry')) d.open = true; true").await;
            page.evaluate::<bool>(&format!("{axe}; true")).await;
            for opened in ["true", "document.getElementById('open').click(), true"] {
                page.evaluate::<bool>(opened).await;
                let found: Vec<Value> = page.evaluate(FINDINGS).await;
                assert!(found.is_empty(), "dark {dark}, {width} px: {found:#?}");
            }
        }
    }
    desk.serving.stop().await;
}

const FINDINGS: &str = "axe.run(document, { resultTypes: ['violations'] }).then((results) => results.violations\
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')\
    .map((v) => ({ rule: v.id, help: v.help, at: v.nodes.slice(0, 5).map((n) => n.html.slice(0, 160) + ' ' + \
    n.failureSummary) })))";
