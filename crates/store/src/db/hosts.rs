//! Which server is spoken to: of the hosts of a URL the first that takes writes, whatever becomes of the others.

use std::{
    future::Future,
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{net, time};
use tokio_postgres::{
    Config,
    config::{Host, TargetSessionAttrs},
};

/// The next host is tried so long after the one before, if that has not failed by then.
const STAGGER: Duration = Duration::from_millis(250);

/// One server that a URL names.
#[derive(Clone)]
pub(super) struct Target {
    /// As people write it: `db1:5432`.
    pub(super) name: String,
    config: Config,
    /// What is to be resolved before it can be reached.
    resolves: Option<(String, u16)>,
}

impl Target {
    /// The servers of a URL, in its order.
    pub(super) fn all(url: &Config) -> Vec<Self> {
        let (hosts, addresses, ports) = (url.get_hosts(), url.get_hostaddrs(), url.get_ports());
        let port = |at: usize| ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432);
        let many = hosts.len().max(addresses.len());
        let one = |at: usize| {
            let (port, mut config) = (port(at), without_hosts(url));
            config.port(port);
            let mut name = addresses.get(at).map(ToString::to_string).unwrap_or_default();
            let mut resolves = None;
            match hosts.get(at) {
                Some(Host::Tcp(host)) => {
                    config.host(host);
                    name.clone_from(host);
                    resolves = addresses.get(at).is_none().then(|| (host.clone(), port));
                }
                Some(Host::Unix(socket)) => {
                    config.host_path(socket);
                    name = socket.display().to_string();
                }
                None => {}
            }
            if let Some(address) = addresses.get(at) {
                config.hostaddr(*address);
            }
            Self { name: format!("{name}:{port}"), config, resolves }
        };
        (0..many).map(one).collect()
    }

    /// How to reach it: a way for each address that its name has.
    pub(super) async fn ways(&self) -> Result<Vec<Config>, String> {
        let Some((host, port)) = &self.resolves else { return Ok(vec![self.config.clone()]) };
        let found = net::lookup_host((host.as_str(), *port)).await;
        let found = found.map_err(|error| format!("its name can't be resolved: {error}"))?;
        let ways: Vec<Config> = found.map(|address| self.at(address)).collect();
        match ways.is_empty() {
            true => Err("its name has no address".to_owned()),
            false => Ok(ways),
        }
    }

    fn at(&self, address: std::net::SocketAddr) -> Config {
        let mut config = self.config.clone();
        config.hostaddr(address.ip());
        config
    }
}

/// Which host was connected to last: it is tried first.
#[derive(Debug, Default)]
pub struct Preferred {
    /// One more than its place; 0 before there was any.
    place: AtomicUsize,
    moves: AtomicUsize,
}

impl Preferred {
    /// The places of `many` hosts in the order in which they are to be tried.
    pub(super) fn order(&self, many: usize) -> Vec<usize> {
        let first = self.place.load(Ordering::Relaxed).saturating_sub(1);
        (0..many).filter_map(|nth| (first + nth).checked_rem(many)).collect()
    }

    pub(super) fn is(&self, place: usize) {
        let before = self.place.swap(place + 1, Ordering::Relaxed);
        if before != 0 && before != place + 1 {
            self.moves.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often it was another than before: what is connected to the one before leads to no primary any more.
    pub(super) fn moves(&self) -> usize {
        self.moves.load(Ordering::Relaxed)
    }
}

/// All that a URL says but its hosts. Whether a server takes writes is seen to here, and not by the driver.
fn without_hosts(url: &Config) -> Config {
    let mut config = Config::new();
    config
        .ssl_mode(url.get_ssl_mode())
        .ssl_negotiation(url.get_ssl_negotiation())
        .channel_binding(url.get_channel_binding())
        .target_session_attrs(TargetSessionAttrs::Any)
        .keepalives(url.get_keepalives())
        .keepalives_idle(url.get_keepalives_idle());
    url.get_user().map(|user| config.user(user));
    url.get_password().map(|password| config.password(password));
    url.get_dbname().map(|dbname| config.dbname(dbname));
    url.get_options().map(|options| config.options(options));
    url.get_application_name().map(|name| config.application_name(name));
    url.get_connect_timeout().map(|timeout| config.connect_timeout(*timeout));
    url.get_tcp_user_timeout().map(|timeout| config.tcp_user_timeout(*timeout));
    url.get_keepalives_interval().map(|interval| config.keepalives_interval(interval));
    url.get_keepalives_retries().map(|retries| config.keepalives_retries(retries));
    config
}

/// Tries one after the other, each a moment after the one before or as soon as that has failed, and waits for the first
/// that succeeds. Returns which it was. The others are dropped.
///
/// # Errors
/// What each failed with, in their order.
pub(super) async fn first_of<T, E, F>(attempts: impl IntoIterator<Item = F>) -> Result<(usize, T), Vec<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut attempts = attempts.into_iter().enumerate().peekable();
    let mut running = pin!(FuturesUnordered::new());
    let mut failed = Vec::new();
    loop {
        if let Some((at, attempt)) = attempts.next() {
            running.push(async move { (at, attempt.await) });
        }
        tokio::select! {
            ended = running.next() => match ended {
                Some((at, Ok(made))) => return Ok((at, made)),
                Some((at, Err(why))) => failed.push((at, why)),
                None => {
                    failed.sort_by_key(|(at, _)| *at);
                    return Err(failed.into_iter().map(|(_, why)| why).collect());
                }
            },
            () = time::sleep(STAGGER), if attempts.peek().is_some() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::future::BoxFuture;
    use tokio::time::Instant;

    use super::*;

    fn names(url: &str) -> Vec<String> {
        Target::all(&url.parse().unwrap()).into_iter().map(|target| target.name).collect()
    }

    #[test]
    fn each_host_of_a_url_is_a_target_with_its_port() {
        assert_eq!(names("postgres://u@db1,db2/vartai"), ["db1:5432", "db2:5432"]);
        assert_eq!(names("postgres://u@db1:6000,db2:6001/vartai"), ["db1:6000", "db2:6001"]);
        assert_eq!(names("host=/run/pg,db2 port=5433 user=u"), ["/run/pg:5433", "db2:5433"]);
        assert_eq!(names("hostaddr=192.0.2.1,192.0.2.2 user=u"), ["192.0.2.1:5432", "192.0.2.2:5432"]);
        assert_eq!(names("host=db1 hostaddr=192.0.2.1 user=u"), ["db1:5432"]);
    }

    #[test]
    fn what_else_a_url_says_is_kept() {
        let url: Config = "postgres://u:p@db1,db2/books?sslmode=require&connect_timeout=3&keepalives_idle=7\
                           &tcp_user_timeout=9&application_name=a&options=-c%20geqo%3Doff"
            .parse()
            .unwrap();
        let all = Target::all(&url);
        let kept = &all[1].config;
        assert_eq!((kept.get_user(), kept.get_password()), (Some("u"), Some("p".as_bytes())));
        assert_eq!((kept.get_dbname(), kept.get_ssl_mode()), (Some("books"), url.get_ssl_mode()));
        assert_eq!(kept.get_connect_timeout(), Some(&Duration::from_secs(3)));
        assert_eq!(kept.get_keepalives_idle(), Duration::from_secs(7));
        assert_eq!(kept.get_tcp_user_timeout(), Some(&Duration::from_secs(9)));
        assert_eq!((kept.get_application_name(), kept.get_options()), (Some("a"), Some("-c geqo=off")));
        assert_eq!(kept.get_hosts(), [Host::Tcp("db2".to_owned())]);
    }

    type Attempt = BoxFuture<'static, Result<&'static str, &'static str>>;

    #[tokio::test]
    async fn who_is_silent_is_not_waited_for() {
        let attempts: [Attempt; 3] = [Box::pin(pending()), Box::pin(pending()), Box::pin(ready(Ok("third")))];
        let began = Instant::now();
        assert_eq!(first_of(attempts).await, Ok((2, "third")));
        assert!(began.elapsed() >= STAGGER * 2, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn who_fails_at_once_costs_no_time_and_is_told_of_in_order() {
        let slow = async {
            time::sleep(STAGGER * 3).await;
            Err("slow")
        };
        let attempts: [Attempt; 2] = [Box::pin(slow), Box::pin(ready(Err("refused")))];
        assert_eq!(first_of(attempts).await, Err(vec!["slow", "refused"]));
        let began = Instant::now();
        let attempts: [Attempt; 2] = [Box::pin(ready(Err("refused"))), Box::pin(ready(Ok("second")))];
        assert_eq!(first_of(attempts).await, Ok((1, "second")));
        assert!(began.elapsed() < STAGGER, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn no_host_at_all_is_a_failure_of_nobody() {
        let attempts: [Attempt; 0] = [];
        assert_eq!(first_of(attempts).await, Err(vec![]));
    }
}
