//! Counts and durations of requests, for the private port.

use std::time::Duration;

use domain::customers::CustomerId;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
    core::{Collector, Desc},
    proto::MetricFamily,
};
use store::{db::Condition, tasks::WaitingFor};
use tokio::time;

/// How often the log says how many requests found no database.
const REPORT_EVERY: Duration = Duration::from_mins(1);

/// The gateway's metrics.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    unreached: IntCounterVec,
    database: IntGaugeVec,
    unknown_fields: IntCounterVec,
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
        let unreached =
            Opts::new("vartai_requests_without_database_total", "Requests that found no database, by surface.");
        let unreached = IntCounterVec::new(unreached, &["surface"])?;
        registry.register(Box::new(unreached.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        let database = Opts::new("vartai_database", "1 for the condition that the database is in, 0 for the others.");
        let database = IntGaugeVec::new(database, &["condition"])?;
        registry.register(Box::new(database.clone()))?;
        let help = "Requests with a field that their command does not know, by surface and customer.";
        let unknown_fields =
            IntCounterVec::new(Opts::new("vartai_unknown_fields_total", help), &["surface", "customer"])?;
        registry.register(Box::new(unknown_fields.clone()))?;
        Ok(Self { registry, requests, seconds, unreached, database, unknown_fields })
    }

    /// Shows what another part of the process counts, too.
    ///
    /// # Errors
    /// When its name is taken.
    pub fn show(&self, counts: impl Collector + 'static) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(counts))
    }

    /// Tells the condition that the database is in.
    pub fn database_is(&self, condition: &Condition) {
        for name in Condition::NAMES {
            self.database.with_label_values(&[name]).set(i64::from(name == condition.name()));
        }
    }

    /// Counts an answered request. `command` is one of a known list, so that labels are bounded.
    pub fn answered(&self, surface: &str, command: &str, code: u16, took: Duration) {
        self.requests.with_label_values(&[surface, command, &code.to_string()]).inc();
        self.seconds.with_label_values(&[surface, command]).observe(took.as_secs_f64());
    }

    /// Counts a request that found no database.
    pub fn unreached(&self, surface: &str) {
        self.unreached.with_label_values(&[surface]).inc();
    }

    /// Counts a request of a customer's with a field that its command doesn't know.
    pub fn unknown_fields(&self, surface: &str, customer: CustomerId) {
        self.unknown_fields.with_label_values(&[surface, &customer.0.to_string()]).inc();
    }

    /// Says in the log once a minute how many requests found no database, if any did: none of them says so itself.
    pub async fn report_unreached(&self) {
        let mut told = 0;
        loop {
            time::sleep(REPORT_EVERY).await;
            let found = ["apih", "json"].map(|surface| self.unreached.with_label_values(&[surface]).get());
            let all: u64 = found.iter().sum();
            if all > told {
                tracing::warn!(requests = all - told, "requests found no database in the last minute");
            }
            told = all;
        }
    }

    /// A further counter, whose number is asked for when metrics are.
    ///
    /// # Errors
    /// When another metric has its name.
    pub fn count(
        &self,
        name: &str,
        help: &str,
        number: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<(), prometheus::Error> {
        let empty = IntCounter::new(name, help)?;
        let asked = Asked { empty, name: name.to_owned(), help: help.to_owned(), number: Box::new(number) };
        self.registry.register(Box::new(asked))
    }

    /// All metrics, as Prometheus reads them.
    #[must_use]
    pub fn text(&self) -> String {
        written(&self.registry)
    }
}

fn written(registry: &Registry) -> String {
    let mut out = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&registry.gather(), &mut out) {
        tracing::error!(%error, "metrics can't be written");
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The hypervisors that tasks wait for, by realm, as Prometheus reads them. Drivers' names are the configuration's.
#[must_use]
pub(crate) fn waiting(of: &[(&str, WaitingFor)]) -> String {
    let gauges = || {
        let registry = Registry::new();
        let labels = ["realm", "driver"];
        let tasks = Opts::new("vartai_tasks_waiting", "Tasks that wait for a hypervisor that can't be asked.");
        let tasks = IntGaugeVec::new(tasks, &labels)?;
        let seconds = Opts::new("vartai_tasks_waiting_seconds", "For how long the first of them has waited.");
        let seconds = IntGaugeVec::new(seconds, &labels)?;
        registry.register(Box::new(tasks.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        for (realm, of) in of {
            tasks.with_label_values(&[*realm, of.driver.as_str()]).set(of.tasks);
            seconds.with_label_values(&[*realm, of.driver.as_str()]).set(of.seconds);
        }
        Ok::<_, prometheus::Error>(registry)
    };
    match gauges() {
        Ok(registry) => written(&registry),
        Err(error) => {
            tracing::error!(%error, "metrics can't be written");
            String::new()
        }
    }
}

/// A counter whose number is somebody else's.
struct Asked {
    /// Describes it.
    empty: IntCounter,
    name: String,
    help: String,
    number: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Collector for Asked {
    fn desc(&self) -> Vec<&Desc> {
        self.empty.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(counter) = IntCounter::new(&self.name, &self.help) else { return Vec::new() };
        counter.inc_by((self.number)());
        counter.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use store::tasks::WaitingFor;

    use super::{Metrics, waiting};

    #[test]
    fn each_hypervisor_that_is_waited_for_is_told() {
        let (class, why) = ("unavailable".to_owned(), "it can't be reached".to_owned());
        let of = WaitingFor { driver: "pve".to_owned(), tasks: 8, seconds: 420, class, why };
        let text = waiting(&[("live", of)]);
        assert!(text.contains("vartai_tasks_waiting{driver=\"pve\",realm=\"live\"} 8\n"), "{text}");
        assert!(text.contains("vartai_tasks_waiting_seconds{driver=\"pve\",realm=\"live\"} 420\n"), "{text}");
        assert_eq!(waiting(&[]), "");
    }

    #[test]
    fn a_counter_that_is_asked_tells_its_number_of_the_moment_once_a_name() {
        let metrics = Metrics::new().unwrap();
        let number = Arc::new(AtomicU64::new(3));
        let asked = number.clone();
        metrics.count("test_total", "For this test.", move || asked.load(Ordering::Relaxed)).unwrap();
        assert!(metrics.text().contains("# TYPE test_total counter\ntest_total 3\n"), "{}", metrics.text());
        number.store(1, Ordering::Relaxed);
        assert!(metrics.text().contains("test_total 1\n"), "{}", metrics.text());
        metrics.count("test_total", "For this test.", || 0).unwrap_err();
    }
}
