//! `vartai serve`: the public surfaces, with a worker in the same process if asked for.

use std::{
    io::{self, Write},
    sync::Arc,
};

use actix_web::web::{Data, ServiceConfig};
use apidoc::publish::{self, Publisher};
use clap::Args;
use gateway_http::{
    Gateway, GatewaySettings,
    http::{Bound, HttpSettings, Serving, serve},
    metrics::Metrics,
};
use iv_json::{Api, ApiSettings};
use store::customers;

use crate::{
    callbacks::Callbacks,
    failure::Failure,
    installation::{self, Installation, Migrations},
    reference,
    settings::Settings,
    signals, worker,
};

/// Arguments of `vartai serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Do the work of `vartai worker` in the same process, too
    #[arg(long)]
    pub with_worker: bool,
}

/// Serves until asked to stop.
///
/// # Errors
/// The installation can't be opened, or the sockets not be had.
pub async fn run(settings: Settings, arguments: ServeArguments) -> Result<(), Failure> {
    installation::with(settings, Migrations::Expect, async |installation| {
        let demo = installation.database.live.read(async |connection| customers::demo_exists(connection).await).await?;
        if demo {
            keep_demo_private(&installation)?;
        }
        serve_until_stopped(installation, arguments.with_worker, demo).await
    })
    .await
}

/// The demo's passwords are public: while its customers are there, nobody from outside may come in (CONTRACT 5).
fn keep_demo_private(installation: &Installation) -> Result<(), Failure> {
    let bind = installation.settings.http.bind;
    if bind.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "the database has customers of the demo, whose passwords are public, and http.bind is {bind}: bind a loopback \
         address, or use another database"
    )))
}

/// The HTTP surfaces run here, and the worker beside them when `with_worker`.
async fn serve_until_stopped(installation: Installation, with_worker: bool, demo: bool) -> Result<(), Failure> {
    let settings = &installation.settings;
    let (serving, publisher) = start(&installation)?;
    let mut worker = match with_worker {
        true => Some(worker::start(&installation)?),
        false => None,
    };
    greet(&mut io::stdout().lock(), &serving, settings, demo)?;
    let outcome = match &mut worker {
        None => {
            signals::stop().await;
            Ok(())
        }
        Some(worker) => worker::until_stopped(worker).await,
    };
    tracing::info!("stopping: requests and tasks under way are brought to their end");
    serving.stop().await;
    publisher.stop().await;
    match worker {
        Some(worker) if outcome.is_ok() => Ok(worker.stop().await?),
        _ => outcome,
    }
}

/// Starts the surfaces, and the making of the reference page, which is there a moment later.
fn start(installation: &Installation) -> Result<(Serving, Publisher), Failure> {
    let settings = &installation.settings;
    let bound = Bound::to(&HttpSettings { bind: settings.http.bind, admin_bind: settings.http.admin_bind })?;
    let gateway = GatewaySettings { dialect: settings.apih.dialect.0, auth: settings.auth() };
    let gateway = Gateway::new(installation.database.clone(), gateway)
        .map_err(|error| Failure::failed(format!("no randomness: {error}")))?;
    let public_url = settings.public_url(bound.address()?);
    let publisher = publish::start(publish::Source {
        database: installation.database.clone(),
        connect: installation.connect.clone(),
        rules: installation::rules(settings),
        facts: reference::facts(settings, public_url.clone()),
    })?;
    let page = Data::new(publisher.published.clone());
    let iv = ApiSettings { allowed_networks: settings.iv.allowed_networks.clone(), public_url, auth: settings.auth() };
    let iv = Data::new(Api::new(installation.database.clone(), gateway.verifier().clone(), iv));
    let metrics = Metrics::new().map_err(|error| Failure::failed(error.to_string()))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = settings.http.workers.map_or(cores, |workers| usize::from(workers.get()));
    let callbacks = Arc::new(Callbacks::new(installation.database.live.clone(), &settings.drivers));
    let public = move |config: &mut ServiceConfig| {
        config.app_data(iv.clone()).configure(iv_json::http::routes);
        config.app_data(page.clone()).configure(apidoc::http::routes);
        Callbacks::routes(&callbacks, config);
    };
    Ok((serve(Arc::new(gateway), Arc::new(metrics), bound, workers, public)?, publisher))
}

/// Says where everything is, and with the demo's data how to try it.
fn greet(out: &mut impl Write, serving: &Serving, settings: &Settings, demo: bool) -> io::Result<()> {
    let url = settings.public_url(serving.address);
    writeln!(out, "Vartai serves.")?;
    writeln!(out, "  reseller gateway  {url}/apih.php")?;
    writeln!(out, "  account, servers  {url}/json.php")?;
    writeln!(out, "  reference         {url}/apidoc.php")?;
    writeln!(out, "  health, metrics   http://{}/readyz, /metrics", serving.admin_address)?;
    writeln!(out, "  test access       login=test pass=test")?;
    if demo {
        writeln!(out, "  demo customer     login=demo apikey=demo-key (or pass=demo-password)")?;
        writeln!(out, "Order a server:")?;
        writeln!(
            out,
            "  curl '{url}/apih.php' -d command=createOrder -d login=demo -d apikey=demo-key -d vid=vds -d tarifid=10 \
             -d period=1 -d addons=20 -d json=1"
        )?;
    }
    writeln!(out, "Ctrl-C stops.")?;
    out.flush()
}
