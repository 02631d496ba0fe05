//! The listening sockets: bound here, or handed over by whoever started the process.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use tokio::net::TcpSocket;

/// Connections that wait to be accepted, at the most.
const BACKLOG: u32 = 1024;

/// What of HTTP is configured.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where the public surfaces are.
    pub bind: SocketAddr,
    /// Where health and metrics are: a private port.
    pub admin_bind: SocketAddr,
    /// Whether other processes may serve the public port beside this one.
    pub sharing: Sharing,
}

/// Whether processes serve one port together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// The port is this process's own: a second one is told that it is taken.
    Alone,
    /// All processes that say so share it (`SO_REUSEPORT`); the kernel gives each its part of the connections.
    Shared,
}

/// Sockets that a supervisor listens on, and hands over: it keeps them open while one process follows another.
#[derive(Debug, Default)]
pub struct Given {
    /// In place of `http.bind`.
    pub public: Option<TcpListener>,
    /// In place of `http.admin_bind`.
    pub admin: Option<TcpListener>,
}

impl Given {
    /// Where the public surfaces are to be, if that is given.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> io::Result<Option<SocketAddr>> {
        self.public.as_ref().map(TcpListener::local_addr).transpose()
    }
}

/// Both sockets: nobody is answered yet, but the real ports are known.
pub struct Bound {
    pub(super) public: TcpListener,
    pub(super) admin: TcpListener,
}

impl Bound {
    /// Takes what is given, and binds the rest. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// When an address can't be bound.
    pub fn to(settings: &HttpSettings, given: Given) -> io::Result<Self> {
        let public = match given.public {
            Some(public) => public,
            None => bind(settings.bind, settings.sharing, "VARTAI_HTTP__BIND")?,
        };
        let admin = match given.admin {
            Some(admin) => admin,
            None => bind(settings.admin_bind, Sharing::Alone, "VARTAI_HTTP__ADMIN_BIND")?,
        };
        Ok(Self { public, admin })
    }

    /// Where the public surfaces are to be.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.public.local_addr()
    }
}

fn bind(address: SocketAddr, sharing: Sharing, key: &str) -> io::Result<TcpListener> {
    let listening = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A port that the process before served is free at once.
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(sharing == Sharing::Shared)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)?.into_std()
    };
    listening().map_err(|error| explain(error, address, sharing, key))
}

fn explain(error: io::Error, address: SocketAddr, sharing: Sharing, key: &str) -> io::Error {
    let advice = match (error.kind(), sharing) {
        (io::ErrorKind::AddrInUse, Sharing::Shared) => {
            format!("set another address in {key}, or http.share_port also for the process that has it")
        }
        _ => format!("set another address in {key}"),
    };
    io::Error::new(error.kind(), format!("{address} can't be bound ({error}): {advice}"))
}
