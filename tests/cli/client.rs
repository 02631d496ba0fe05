//! A reseller who calls the gateway.

use std::net::SocketAddr;

use serde_json::Value;

use crate::support::{Response, code, raw, until};

/// A GET of what stands after the host.
pub async fn get(address: SocketAddr, target: &str) -> Response {
    raw(address, format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await
}

/// A POST of a form.
pub async fn post(address: SocketAddr, target: &str, form: &str) -> Response {
    let head = "Host: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded";
    let length = form.len();
    raw(address, format!("POST {target} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{form}").as_bytes()).await
}

/// A reseller with a login and a key, or a password where `secret` says `pass=…`.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub login: String,
    pub secret: String,
}

impl Client {
    pub fn new(address: SocketAddr, login: &str, secret: &str) -> Self {
        Self { address, login: login.to_owned(), secret: secret.to_owned() }
    }

    /// The customer of the demo.
    pub fn demo(address: SocketAddr) -> Self {
        Self::new(address, "demo", "apikey=demo-key")
    }

    /// Calls, with further fields as they stand in a query.
    pub async fn call(&self, command: &str, fields: &str) -> Value {
        serde_json::from_slice(&self.bytes(command, fields).await).unwrap()
    }

    /// The same, for the answer as it is on the wire.
    pub async fn bytes(&self, command: &str, fields: &str) -> Vec<u8> {
        let Self { login, secret, .. } = self;
        let target = format!("/apih.php?command={command}&login={login}&{secret}&json=1&{fields}");
        get(self.address, &target).await.body
    }

    /// The code that a reading command is answered with.
    pub async fn code(&self) -> Option<u16> {
        code(&self.call("getBalance", "").await)
    }

    /// Orders a server; its number.
    pub async fn order(&self, fields: &str) -> String {
        let placed = self.call("createOrder", &format!("vid=vds&tarifid=10&period=1&addons=20&{fields}")).await;
        assert_eq!((&placed["status"], code(&placed)), (&"SUCCESS".into(), None), "{placed}");
        placed["orderid"].as_str().unwrap().to_owned()
    }

    /// The status of an order.
    pub async fn status(&self, order: &str) -> String {
        let found = self.call("getOrders", &format!("orderid={order}")).await;
        found["orders"][0]["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an order is processed.
    pub async fn processed(&self, order: &str) {
        until("the order is processed", async || self.status(order).await == "1").await;
    }
}
