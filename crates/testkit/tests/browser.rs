//! The browser shows what pages do, and hears what they complain of: a test that looks at a page must be able to fail.

use std::fs;

use testkit::Browser;

const PAGE: &str = "data:text/html;charset=utf-8,<!doctype html><title>Ąžuolas</title>\
    <style>body{background:white} @media (prefers-color-scheme:dark){body{background:black}} @media print{body{background:red}}</style>\
    <input id=name><button onclick=\"document.title=document.querySelector('input').value\">ok</button>";

/// What the page's ground looks like.
const GROUND: &str = "getComputedStyle(document.body).backgroundColor";

#[tokio::test]
async fn a_page_is_sized_shown_and_spoken_to() {
    let browser = Browser::start().await;
    let page = browser.page().await;
    page.size(321, 200).await;
    page.open(PAGE).await;
    assert_eq!(page.evaluate::<(String, u32)>("[document.title, innerWidth]").await, ("Ąžuolas".to_owned(), 321));
    for (medium, dark, ground) in
        [("screen", false, "rgb(255, 255, 255)"), ("screen", true, "rgb(0, 0, 0)"), ("print", false, "rgb(255, 0, 0)")]
    {
        page.medium(medium, dark).await;
        assert_eq!(page.evaluate::<String>(GROUND).await, ground, "{medium}, dark {dark}");
    }
    page.press("Tab").await;
    page.write("Ёлка").await;
    page.press("Tab").await;
    page.press("Enter").await;
    assert_eq!(page.evaluate::<String>("document.title").await, "Ёлка");
    let picture = fs::read(page.screenshot("testkit").await).unwrap();
    assert!(picture.starts_with(b"\x89PNG"));
    assert_eq!(picture.get(16..20), Some(&321_u32.to_be_bytes()[..]), "as wide as its window");
    assert!(fs::read(page.print("testkit").await).unwrap().starts_with(b"%PDF"));
    assert_eq!(page.complaints(), [""; 0]);
}

#[tokio::test]
async fn a_page_s_complaints_are_heard_and_are_its_own() {
    let browser = Browser::start().await;
    let (good, bad) = (browser.page().await, browser.page().await);
    good.open(PAGE).await;
    for (wrong, heard) in [
        ("<script>console.error('alas')</script>", "alas"),
        ("<script>nowhere()</script>", "nowhere"),
        (
            "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\"><script>1</script>",
            "Content Security Policy",
        ),
    ] {
        bad.open(&format!("data:text/html,{wrong}")).await;
        let complaints = bad.complaints();
        assert!(complaints.last().is_some_and(|last| last.contains(heard)), "{wrong}: {complaints:?}");
    }
    assert_eq!(good.complaints(), [""; 0]);
}
