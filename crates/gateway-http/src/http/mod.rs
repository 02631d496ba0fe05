//! The gateway on HTTP.

mod admin;
mod apih;
mod body;
pub mod exchange;
mod leaving;
pub mod payments;
mod sockets;

use std::{io, net::SocketAddr, sync::Arc};

use actix_web::{App, HttpServer, dev::ServerHandle, middleware::from_fn, web};

use self::leaving::Leaving;
pub use self::sockets::{Bound, Given, HttpSettings, Sharing};
use crate::{Gateway, metrics::Metrics};

/// Running servers.
pub struct Serving {
    /// Where the public surfaces are: the port is the real one also where 0 was asked for.
    pub address: SocketAddr,
    /// Where health and metrics are.
    pub admin_address: SocketAddr,
    leaving: Leaving,
    public: ServerHandle,
    admin: ServerHandle,
    done: Vec<tokio::task::JoinHandle<io::Result<()>>>,
}

impl Serving {
    /// Says on `/readyz` that another process should be asked, and asks clients to connect anew for their next request.
    /// Whoever comes is answered all the same.
    pub fn leave(&self) {
        self.leaving.begin();
    }

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
    let leaving = Leaving::default();
    let (data, counted, left) = (gateway.clone(), metrics.clone(), leaving.clone());
    let server = HttpServer::new(move || {
        let leaving = left.clone();
        App::new()
            .app_data(data.clone())
            .app_data(counted.clone())
            .wrap(from_fn(move |request, next| leaving::close_connections(leaving.clone(), request, next)))
            .configure(apih::routes)
            .configure(public.clone())
    })
    .workers(workers)
    .disable_signals()
    .shutdown_timeout(15)
    .listen(bound.public)?;
    let left = web::Data::new(leaving.clone());
    let admin = HttpServer::new(move || {
        let app = App::new().app_data(gateway.clone()).app_data(metrics.clone()).app_data(left.clone());
        app.configure(admin::routes)
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .listen(bound.admin)?;
    let (public, admin) = (server.run(), admin.run());
    Ok(Serving {
        address,
        admin_address,
        leaving,
        public: public.handle(),
        admin: admin.handle(),
        done: vec![tokio::spawn(public), tokio::spawn(admin)],
    })
}
