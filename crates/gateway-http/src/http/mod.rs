//! The gateway on HTTP.

mod admin;
mod apih;
mod body;
pub mod exchange;
pub mod payments;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{App, HttpServer, dev::ServerHandle, web};

use crate::{Gateway, metrics::Metrics};

/// What of HTTP is configured.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where the public surfaces are.
    pub bind: SocketAddr,
    /// Where health and metrics are: a private port.
    pub admin_bind: SocketAddr,
}

/// Running servers.
pub struct Serving {
    /// Where the public surfaces are: the port is the real one also where 0 was asked for.
    pub address: SocketAddr,
    /// Where health and metrics are.
    pub admin_address: SocketAddr,
    public: ServerHandle,
    admin: ServerHandle,
    done: Vec<tokio::task::JoinHandle<io::Result<()>>>,
}

impl Serving {
    /// Stops taking requests, and answers those that are under way.
    pub async fn stop(self) {
        self.public.stop(true).await;
        self.admin.stop(true).await;
        for server in self.done {
            if let Ok(Err(error)) = server.await {
                tracing::error!(%error, "a server ended badly");
            }
        }
    }
}

/// Both addresses, bound: nobody is answered yet, but the real ports are known.
pub struct Bound {
    public: TcpListener,
    admin: TcpListener,
}

impl Bound {
    /// Binds both addresses.
    ///
    /// # Errors
    /// When one can't be bound.
    pub fn to(settings: &HttpSettings) -> io::Result<Self> {
        let bind = |address: SocketAddr, key| TcpListener::bind(address).map_err(|error| explain(error, address, key));
        Ok(Self {
            public: bind(settings.bind, "VARTAI_HTTP__BIND")?,
            admin: bind(settings.admin_bind, "VARTAI_HTTP__ADMIN_BIND")?,
        })
    }

    /// Where the public surfaces are to be.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.public.local_addr()
    }
}

/// Starts both servers. `public` adds what else is served on the public port.
///
/// # Errors
/// When a socket can't be listened on.
pub fn serve(
    gateway: Arc<Gateway>,
    metrics: Arc<Metrics>,
    bound: Bound,
    workers: usize,
    public: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Serving> {
    let (address, admin_address) = (bound.public.local_addr()?, bound.admin.local_addr()?);
    let (gateway, metrics) = (web::Data::from(gateway), web::Data::from(metrics));
    let (data, counted) = (gateway.clone(), metrics.clone());
    let server = HttpServer::new(move || {
        App::new().app_data(data.clone()).app_data(counted.clone()).configure(apih::routes).configure(public.clone())
    })
    .workers(workers)
    .disable_signals()
    .shutdown_timeout(15)
    .listen(bound.public)?;
    let admin = HttpServer::new(move || {
        App::new().app_data(gateway.clone()).app_data(metrics.clone()).configure(admin::routes)
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(bound.admin)?;
    let (public, admin) = (server.run(), admin.run());
    Ok(Serving {
        address,
        admin_address,
        public: public.handle(),
        admin: admin.handle(),
        done: vec![tokio::spawn(public), tokio::spawn(admin)],
    })
}

fn explain(error: io::Error, address: SocketAddr, key: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{address} can't be bound ({error}): set another address in {key}"))
}
