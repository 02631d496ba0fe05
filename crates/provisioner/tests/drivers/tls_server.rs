//! Servers that speak TLS, with certificates that are made for the test.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::bed::Place;

/// An authority that can say from when until when.
const AUTHORITY: &str = "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ndefault_md=sha256\n\
                         policy=p\n[p]\ncommonName=supplied\n";

/// A certificate with its key, and whoever signed it.
pub struct Certificate {
    place: Place,
    end: End,
}

/// Until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Tomorrow,
    Yesterday,
}

impl Certificate {
    /// One that an authority of its own signed.
    pub fn of_authority(names: &str) -> Self {
        Self::signed(names, End::Tomorrow)
    }

    /// The same, with an end.
    pub fn signed(names: &str, end: End) -> Self {
        let this = Self { place: Place::new(), end };
        this.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem \
                      -days 2 -subj /CN=authority",
        );
        this.openssl(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout leaf.key -out leaf.csr \
                      -subj /CN=leaf",
        );
        fs::write(this.path("leaf.ext"), format!("subjectAltName={names}\nbasicConstraints=CA:FALSE\n")).unwrap();
        fs::write(this.path("ca.cnf"), AUTHORITY).unwrap();
        fs::write(this.path("index.txt"), "").unwrap();
        fs::write(this.path("serial"), "01\n").unwrap();
        this.openssl(&format!(
            "ca -batch -config ca.cnf -in leaf.csr -out leaf.pem -extfile leaf.ext -notext -cert ca.pem -keyfile ca.key {}",
            this.validity()
        ));
        this
    }

    /// One that signed itself, as `openssl req -x509` makes it without more; `more` is added to its command.
    pub fn of_itself(more: &str) -> Self {
        let this = Self { place: Place::new(), end: End::Tomorrow };
        this.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout leaf.key -out leaf.pem -days 2 \
             -subj /CN=pve.example {more}"
        ));
        this
    }

    fn validity(&self) -> &'static str {
        match self.end {
            End::Tomorrow => "-days 1",
            End::Yesterday => "-startdate 20200101000000Z -enddate 20200102000000Z",
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    fn openssl(&self, arguments: &str) {
        let done =
            Command::new("openssl").args(arguments.split_whitespace()).current_dir(self.path(".")).output().unwrap();
        assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

/// A server that takes any request for one that it does.
pub struct TlsServer {
    pub url: String,
}

impl TlsServer {
    pub fn new(certificate: &Certificate) -> Self {
        Self::with(&certificate.path("leaf.pem"), &certificate.path("leaf.key"))
    }

    pub fn with(chain: &Path, key: &Path) -> Self {
        let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let connection = ServerConnection::new(config.clone()).unwrap();
                // Who does not trust us goes away.
                let _ = answer(StreamOwned::new(connection, stream.unwrap()));
            }
        });
        Self { url }
    }
}

fn answer(mut stream: StreamOwned<ServerConnection, std::net::TcpStream>) -> std::io::Result<()> {
    let mut asked = Vec::new();
    let mut part = [0; 4096];
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut part)?;
        if read == 0 {
            return Ok(());
        }
        asked.extend_from_slice(part.get(..read).unwrap_or_default());
    }
    let body = r#"{"t":"result","protocol":[1],"operations":["create"]}"#;
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")?;
    stream.conn.send_close_notify();
    stream.flush()
}
