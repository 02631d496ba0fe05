//! A page in the browser.

use std::{fs, path::PathBuf, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{screenshots, wire::Wire};

/// A page in a browser: opened, looked at, spoken to.
pub struct Page {
    wire: Arc<Wire>,
    session: String,
}

impl Page {
    pub(super) async fn new(wire: Arc<Wire>) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let context = wire.call(None, "Target.createBrowserContext", json!({})).await;
        let wanted = json!({ "url": "about:blank", "browserContextId": context["browserContextId"] });
        let target = wire.call(None, "Target.createTarget", wanted).await;
        let wanted = json!({ "targetId": target["targetId"], "flatten": true });
        let session = text(&wire.call(None, "Target.attachToTarget", wanted).await["sessionId"]);
        let page = Self { wire, session };
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        self.wire.call(Some(&self.session), method, params).await
    }

    /// Opens an address, and waits until all that belongs to it is there.
    pub async fn open(&self, url: &str) {
        let since = self.wire.said();
        let gone = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(gone.get("errorText").is_none(), "{url}: {}", gone["errorText"]);
        self.wire.hear(&self.session, "Page.loadEventFired", since).await;
        let ready: bool = self.evaluate("document.fonts.ready.then(() => true)").await;
        assert!(ready, "{url}: its fonts are not loaded");
    }

    /// What a script comes to, once it has come to it. The page's own policy doesn't bind it.
    pub async fn evaluate<T: DeserializeOwned>(&self, script: &str) -> T {
        let wanted = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let came = self.call("Runtime.evaluate", wanted).await;
        let thrown = &came["exceptionDetails"];
        assert!(thrown.is_null(), "{script}: {}", thrown["exception"]["description"]);
        let value = came["result"]["value"].clone();
        serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{script}: {value}: {error}"))
    }

    /// Gives the page a window of so many pixels.
    pub async fn size(&self, width: u32, height: u32) {
        let wanted = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", wanted).await;
    }

    /// Shows the page as for `screen` or `print`, to someone who likes it `dark` or not.
    pub async fn medium(&self, medium: &str, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "media": medium, "features": features })).await;
    }

    /// Presses a key that writes nothing, such as `Tab`, `Enter` or `Escape`, and lets it go.
    pub async fn press(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            other => panic!("{other} is no key that tests press yet"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut wanted = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if key == "Enter" && kind == "keyDown" {
                wanted["text"] = "\r".into();
            }
            self.call("Input.dispatchKeyEvent", wanted).await;
        }
    }

    /// Writes into what has the focus.
    pub async fn write(&self, text: &str) {
        self.call("Input.insertText", json!({ "text": text })).await;
    }

    /// Takes a picture of the whole page, as PNG. Returns where it is.
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let wanted = json!({ "format": "png", "captureBeyondViewport": true });
        let taken = self.call("Page.captureScreenshot", wanted).await;
        self.keep(&format!("{name}.png"), &taken["data"])
    }

    /// Prints the page as it asks to be printed, as PDF. Returns where it is.
    pub async fn print(&self, name: &str) -> PathBuf {
        let wanted = json!({ "preferCSSPageSize": true, "printBackground": true });
        let printed = self.call("Page.printToPDF", wanted).await;
        self.keep(&format!("{name}.pdf"), &printed["data"])
    }

    fn keep(&self, name: &str, data: &Value) -> PathBuf {
        let path = screenshots().join(name);
        fs::write(&path, BASE64_STANDARD.decode(data.as_str().unwrap()).unwrap()).unwrap();
        path
    }

    /// What the page had to complain of since it was made: errors and warnings on its console, exceptions that nobody
    /// caught, what its policy forbade, what could not be fetched.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for event in self.wire.events(&self.session) {
            let params = event.params;
            let is_icon = |url: &Value| url.as_str().is_some_and(|url| url.ends_with("/favicon.ico"));
            let serious = |level: &Value| matches!(level.as_str(), Some("error" | "warning" | "assert"));
            match event.method.as_str() {
                "Runtime.consoleAPICalled" if serious(&params["type"]) => complaints.push(params["args"].to_string()),
                "Runtime.exceptionThrown" => complaints.push(params["exceptionDetails"].to_string()),
                // The browser asks for an icon by itself; it is no page's fault that there is none.
                "Log.entryAdded" if is_icon(&params["entry"]["url"]) => {}
                "Log.entryAdded" if serious(&params["entry"]["level"]) => complaints.push(params["entry"].to_string()),
                _ => {}
            }
        }
        complaints
    }
}
