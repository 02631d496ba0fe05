//! `vartai serve`: the public surfaces, with a worker in the same process if asked for.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use actix_web::web::{Data, ServiceConfig};
use apidoc::publish::{self, Publisher};
use clap::Args;
use gateway_http::{
    Gateway, GatewaySettings,
    http::{
        Bound, Given, HttpSettings, Serving, Sharing,
        payments::{self, Callback},
        serve,
    },
    metrics::Metrics,
};
use iv_json::{Api, ApiSettings};
use listenfd::ListenFd;
use pg_cluster::Revivals;
use prometheus::IntCounter;
use provisioner::Provisioner;
use store::customers;
use tokio::time;

use crate::{
    callbacks::Callbacks,
    failure::Failure,
    installation::{self, Access, Installation, Migrations},
    reference,
    settings::Settings,
    signals::Stop,
    worker,
};

/// Arguments of `vartai serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Do the work of `vartai worker` in the same process, too
    #[arg(long)]
    pub with_worker: bool,
}

/// Requests that are under way when the process is asked a second time to stop have so long to end.
const HURRY: Duration = Duration::from_secs(1);

/// What the process was started with, beside its settings.
pub struct Start {
    /// Sockets that a supervisor listens on.
    pub sockets: ListenFd,
    /// The log's count of what it lost.
    pub lost_lines: IntCounter,
}

/// Serves until asked to stop.
///
/// # Errors
/// The installation can't be opened, or the sockets not be had.
pub async fn run(settings: Settings, access: Access, arguments: ServeArguments, start: Start) -> Result<(), Failure> {
    let Start { sockets, lost_lines } = start;
    let stop = Stop::listen()?;
    // Before anything else is started, which would inherit them.
    let given = given(sockets)?;
    installation::with(settings, access, Migrations::Expect, async |installation| {
        let demo = installation.database.live.read(async |connection| customers::demo_exists(connection).await).await?;
        if demo {
            keep_demo_private(given.address()?.unwrap_or(installation.settings.http.bind))?;
        }
        let metrics = metrics(&installation.settings)?;
        metrics.show(lost_lines).map_err(Failure::failed)?;
        let metrics = Arc::new(metrics);
        let reported = metrics.clone();
        let report = tokio::spawn(async move { reported.report_unreached().await });
        let (serving, publisher) = start_surfaces(&installation, metrics, given)?;
        let worker = match arguments.with_worker {
            true => Some(worker::start(&installation)?),
            false => None,
        };
        greet(greeting(&serving, &installation.settings, demo));
        let served = serve_until_stopped(&installation.settings, &stop, serving, publisher, worker).await;
        report.abort();
        served
    })
    .await
}

/// The sockets that a supervisor listens on: the public one, then the private one.
fn given(mut sockets: ListenFd) -> Result<Given, Failure> {
    if sockets.len() > 2 {
        return Err(Failure::failed("LISTEN_FDS: there are two sockets at the most, the public and the private one"));
    }
    let mut take = |at| sockets.take_tcp_listener(at).map_err(|why| Failure::failed(format!("LISTEN_FDS: {why}")));
    Ok(Given { public: take(0)?, admin: take(1)? })
}

/// The demo's passwords are public: while its customers are there, nobody from outside may come in (CONTRACT 5).
fn keep_demo_private(bind: SocketAddr) -> Result<(), Failure> {
    if bind.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "the database has customers of the demo, whose passwords are public, and http.bind is {bind}: bind a loopback \
         address, or use another database"
    )))
}

/// Returns once all has ended. While it ends, the worker takes no new task, and requests are answered until nothing
/// else is under way: a task may take long, and nobody else may be there to answer.
async fn serve_until_stopped(
    settings: &Settings,
    stop: &Stop,
    serving: Serving,
    publisher: Publisher,
    mut worker: Option<Provisioner>,
) -> Result<(), Failure> {
    let outcome = match &mut worker {
        None => {
            stop.asked().await;
            Ok(())
        }
        Some(worker) => worker::until_asked(stop, worker).await,
    };
    tracing::info!("stopping: requests and tasks under way are brought to their end");
    serving.leave();
    let grace = async {
        tokio::select! {
            () = time::sleep(Duration::from_secs(settings.http.drain_seconds.into())) => {}
            () = stop.hurried() => {}
        }
    };
    let draining = async {
        match worker {
            Some(worker) if outcome.is_ok() => Ok(worker.stop_hurried_by(stop.hurried()).await?),
            _ => outcome,
        }
    };
    let ((), outcome) = tokio::join!(grace, draining);
    tokio::select! {
        () = serving.stop() => {}
        () = async { stop.hurried().await; time::sleep(HURRY).await; } => {
            tracing::warn!("requests are left unanswered");
        }
    }
    publisher.stop().await;
    outcome
}

/// Starts the surfaces, and the making of the reference page, which is there a moment later.
fn start_surfaces(
    installation: &Installation,
    metrics: Arc<Metrics>,
    given: Given,
) -> Result<(Serving, Publisher), Failure> {
    let settings = &installation.settings;
    let sharing = if settings.http.share_port { Sharing::Shared } else { Sharing::Alone };
    let http = HttpSettings { bind: settings.http.bind, admin_bind: settings.http.admin_bind, sharing };
    let bound = Bound::to(&http, given)?;
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
    let iv = Data::new(Api::new(installation.database.clone(), gateway.protection().clone(), iv));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = settings.http.workers.map_or(cores, |workers| usize::from(workers.get()));
    let callbacks = Arc::new(Callbacks::new(installation.database.live.clone(), &settings.drivers));
    let callback = settings.payments.callback_secret.as_ref().map(|secret| {
        let (database, window_seconds) = (installation.database.clone(), settings.payments.callback_window_seconds);
        Arc::new(Callback { database, secret: secret.secret(), window_seconds })
    });
    let public = move |config: &mut ServiceConfig| {
        config.app_data(iv.clone()).configure(iv_json::http::routes);
        config.app_data(page.clone()).configure(apidoc::http::routes);
        if let Some(callback) = callback.clone() {
            payments::routes(config, callback);
        }
        Callbacks::routes(&callbacks, config);
    };
    Ok((serve(Arc::new(gateway), metrics, bound, workers, public)?, publisher))
}

/// The metrics, with those of a private PostgreSQL.
fn metrics(settings: &Settings) -> Result<Metrics, Failure> {
    let metrics = Metrics::new().map_err(Failure::failed)?;
    if settings.database.url.is_none() {
        let data_dir = settings.data_dir.clone();
        let restarts = move || Revivals::read(&data_dir).ok().flatten().map_or(0, |revivals| revivals.count);
        let help = "Times that the private PostgreSQL died and was brought back, since it was last started in order.";
        metrics.count("vartai_private_postgres_restarts_total", help, restarts).map_err(Failure::failed)?;
    }
    Ok(metrics)
}

/// Where everything is, and with the demo's data how to try it.
fn greeting(serving: &Serving, settings: &Settings, demo: bool) -> String {
    let (url, admin) = (settings.public_url(serving.address), serving.admin_address);
    let mut text = format!(
        "Vartai serves.\n  reseller gateway  {url}/apih.php\n  account, servers  {url}/json.php\n  reference         \
         {url}/apidoc.php\n  health, metrics   http://{admin}/readyz, /metrics\n  test access       login=test pass=test\n"
    );
    if demo {
        // A string takes whatever is written.
        let _written = write!(
            text,
            "  demo customer     login=demo apikey=demo-key (or pass=demo-password)\nOrder a server:\n  curl \
             '{url}/apih.php' -d command=createOrder -d login=demo -d apikey=demo-key -d vid=vds -d tarifid=10 -d \
             period=1 -d addons=20 -d json=1\n"
        );
    }
    text.push_str("Ctrl-C stops.\n");
    text
}

/// Puts it on stdout. That nobody reads it, or nothing can be written there, is no reason not to serve.
fn greet(greeting: String) {
    let greet = move || {
        let mut stdout = io::stdout();
        if let Err(why) = stdout.write_all(greeting.as_bytes()).and_then(|()| stdout.flush()) {
            tracing::warn!(%why, "the greeting can't be written");
        }
    };
    if let Err(why) = std::thread::Builder::new().name("greeting".into()).spawn(greet) {
        tracing::warn!(%why, "the greeting can't be written");
    }
}
