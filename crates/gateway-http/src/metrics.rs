//! Counts and durations of requests, for the private port.

use std::time::Duration;

use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};

/// The gateway's metrics.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl Metrics {
    /// A registry with the gateway's metrics.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = Opts::new("vartai_requests_total", "Answered requests, by surface, command and code.");
        let requests = IntCounterVec::new(requests, &["surface", "command", "code"])?;
        let seconds = HistogramOpts::new("vartai_request_seconds", "Time to answer, by surface and command.")
            .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        let seconds = HistogramVec::new(seconds, &["surface", "command"])?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { registry, requests, seconds })
    }

    /// Counts an answered request. `command` is one of a known list, so that labels are bounded.
    pub fn answered(&self, surface: &str, command: &str, code: u16, took: Duration) {
        self.requests.with_label_values(&[surface, command, &code.to_string()]).inc();
        self.seconds.with_label_values(&[surface, command]).observe(took.as_secs_f64());
    }

    /// All metrics, as Prometheus reads them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "metrics can't be written");
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}
