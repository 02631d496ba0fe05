//! Customers' own test realms: a schema each, with a role that has rights there and nowhere else
//! (`docs/adr/0027-own-test-realms.md`).

use std::{collections::BTreeSet, sync::Mutex};

use diesel::{QueryableByName, sql_types};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::{
    ConnectSettings, Connector, Error, Realm, RealmKind,
    grants::grants,
    migrate::{make_realm, owner},
    realm::Ground,
    scratch::{key, names, new_name, remove_schema},
};

/// Connections of an own realm, at the most: its customer's calls, and a worker's.
const CONNECTIONS: usize = 3;
/// So many own realms a process is connected to at once; the one that was asked for longest ago goes first.
const OPEN: usize = 8;
/// What schemas of own realms are called.
pub(super) const PATTERN: &str = "^own_[0-9a-f]{16}$";

/// The own realms that this process is connected to.
pub(super) struct OwnRealms {
    ground: Ground,
    /// The one that was asked for last comes last.
    open: Mutex<Vec<Realm>>,
    /// In a scratch realm its test realm stands for all of them.
    stand_in: Option<Realm>,
}

impl OwnRealms {
    pub(super) fn new(ground: Ground, stand_in: Option<Realm>) -> Self {
        Self { ground, open: Mutex::new(Vec::new()), stand_in: stand_in.map(Realm::into_own) }
    }

    /// The own realm of that name. Nothing is connected yet.
    pub(super) fn get(&self, name: &str) -> Result<Realm, Error> {
        if let Some(realm) = &self.stand_in {
            return Ok(realm.clone());
        }
        if !is_name(name) {
            return Err(Error::corrupt(format!("{name:?} is no own realm")));
        }
        let mut open = self.open.lock().map_err(|_| Error::Failed("own realms are not kept any more".into()))?;
        let realm = match open.iter().position(|realm| realm.schema() == name) {
            Some(at) => open.remove(at),
            None => self.connect(name)?,
        };
        if open.len() >= OPEN {
            open.remove(0);
        }
        open.push(realm.clone());
        Ok(realm)
    }

    fn connect(&self, name: &str) -> Result<Realm, Error> {
        let Ground { settings, runtime, .. } = &self.ground;
        let path = format!("{name}, catalogue, pg_temp");
        let login = login(&settings.role_prefix);
        let connector = Connector::new(settings, Some(&login), &path, runtime.clone());
        let connector = connector.becoming(&role(&settings.role_prefix, name));
        self.ground.realm(RealmKind::Test, name, &connector, CONNECTIONS).map(Realm::into_own)
    }

    pub(super) const fn settings(&self) -> &ConnectSettings {
        &self.ground.settings
    }

    /// Whether this is a scratch realm, in which there are none.
    pub(super) const fn is_scratch(&self) -> bool {
        self.stand_in.is_some()
    }
}

/// The role that logs in for own realms. It may become their roles and has no rights itself.
pub(super) fn login(prefix: &str) -> String {
    format!("{prefix}_own")
}

/// An own realm's role.
fn role(prefix: &str, name: &str) -> String {
    format!("{prefix}_{name}")
}

fn is_name(name: &str) -> bool {
    name.strip_prefix("own_")
        .is_some_and(|hex| hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
}

/// Whoever makes or takes out own realms does so alone, while this is there.
pub(crate) struct Hand {
    guard: AsyncPgConnection,
    settings: ConnectSettings,
}

#[derive(QueryableByName)]
struct Had {
    #[diesel(sql_type = sql_types::Bool)]
    had: bool,
}

impl Hand {
    /// Waits for whoever is at it, a minute at the most.
    ///
    /// # Errors
    /// [`Error`] when it takes too long, or the owner can't connect.
    pub async fn wait(settings: &ConnectSettings) -> Result<Self, Error> {
        let mut guard = owner(settings, "catalogue").await?;
        let lock = format!("select pg_advisory_lock({})", key("own realms"));
        guard.batch_execute(&format!("set statement_timeout to 0; set lock_timeout to 60000; {lock}")).await?;
        Ok(Self { guard, settings: settings.clone() })
    }

    /// `None` while somebody else is at it.
    ///
    /// # Errors
    /// [`Error`] when the owner can't connect.
    pub async fn try_now(settings: &ConnectSettings) -> Result<Option<Self>, Error> {
        let mut guard = owner(settings, "catalogue").await?;
        let query = format!("select pg_try_advisory_lock({}) as had", key("own realms"));
        let Had { had } = diesel::sql_query(query).get_result(&mut guard).await?;
        Ok(had.then(|| Self { guard, settings: settings.clone() }))
    }

    /// Makes a new one, with nothing in it. Returns its name.
    ///
    /// # Errors
    /// [`Error`]; what is left then is swept later.
    pub async fn make(&mut self) -> Result<String, Error> {
        let name = new_name("own_")?;
        make_realm(&self.settings, &name).await?;
        self.guard.batch_execute(&admit(&self.settings.role_prefix, &name)).await?;
        Ok(name)
    }

    /// Takes out the own realms that are not `known`. Returns how many.
    ///
    /// # Errors
    /// [`Error`]; what is left then goes the next time.
    pub async fn take_out_all_but(&mut self, known: &BTreeSet<String>) -> Result<usize, Error> {
        let left: Vec<String> =
            schemas(&mut self.guard).await?.into_iter().filter(|name| !known.contains(name)).collect();
        for name in &left {
            remove_schema(&mut self.guard, name).await?;
            let role = role(&self.settings.role_prefix, name);
            let forget = format!(
                "do $do$ begin if exists (select from pg_roles where rolname = '{role}') then \
                   revoke all on all tables in schema catalogue from \"{role}\"; \
                   revoke all on schema catalogue from \"{role}\"; drop role \"{role}\"; \
                 end if; end $do$"
            );
            self.guard.batch_execute(&forget).await?;
            tracing::info!(name, "a customer's own test realm is taken out");
        }
        Ok(left.len())
    }
}

/// The schemas of all own realms there are.
pub(super) async fn schemas(connection: &mut AsyncPgConnection) -> Result<Vec<String>, Error> {
    let query = format!("select nspname::text as name from pg_namespace where nspname ~ '{PATTERN}' order by 1");
    names(connection, query).await
}

/// Makes an own realm's role, if it isn't there, and grants it what a test realm's needs, in this realm alone.
pub(super) fn admit(prefix: &str, name: &str) -> String {
    let (role, login) = (role(prefix, name), login(prefix));
    format!(
        "do $do$ begin \
         if not exists (select from pg_roles where rolname = '{role}') then create role \"{role}\" nologin noinherit; end if; \
         end $do$; grant \"{role}\" to \"{login}\"; {}",
        grants(RealmKind::Test, name, &role)
    )
}
