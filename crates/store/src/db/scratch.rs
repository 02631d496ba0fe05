//! Scratch realms: a live and a test realm once more, empty, for what is run to be shown and thrown away
//! (`docs/adr/0010-reference-page.md`).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use diesel::{QueryableByName, sql_types};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::time;

use super::{
    ConnectSettings, Database, Error, RealmKind, Rules,
    grants::grants,
    migrate::{make_realm, make_role, owner},
};
use crate::seal::Keyring;

/// Connections of a scratch realm, at the most: one asks, one works.
const CONNECTIONS: usize = 4;
/// How often a lock on the catalogue is asked for before the schemas are left to whoever sweeps next.
const TRIES: u32 = 20;
/// A lock on the catalogue makes every order wait behind it, so it is not waited for longer.
const PATIENCE: &str = "set lock_timeout to 100";
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// A live and a test realm of this process's own, with the catalogue in force and nothing else in them.
///
/// Nothing in them reaches the installation's realms: their role has rights in scratch schemas alone. Nothing reaches a
/// hypervisor: in the scratch live realm the role can't queue a task, and the scratch test realm has, as any test realm,
/// the simulated hypervisor only. What is sealed in them is sealed with a key that nobody keeps.
pub struct Scratch {
    /// The realms.
    pub database: Database,
    name: String,
    /// Holds an advisory lock for as long as the process lives: who can have the lock may sweep.
    guard: AsyncPgConnection,
}

/// The role that works in scratch realms.
pub(super) fn role(prefix: &str) -> String {
    format!("{prefix}_scratch")
}

fn schema(name: &str, kind: RealmKind) -> String {
    format!("{name}_{}", kind.schema())
}

impl Scratch {
    /// Sweeps the scratch realms of processes that are gone, and makes new ones. Needs a multi-threaded runtime.
    ///
    /// # Errors
    /// [`Error`] when the owner can't make schemas and roles, or the database doesn't answer.
    pub async fn create(settings: &ConnectSettings, rules: Rules) -> Result<Self, Error> {
        let mut guard = owner(settings, "catalogue").await?;
        sweep(&mut guard).await?;
        let name = new_name("scratch_")?;
        guard.batch_execute(&format!("select pg_advisory_lock({})", key(&name))).await?;
        let role = role(&settings.role_prefix);
        let password = settings.auth.password(&role);
        let verifier = password.map(|p| postgres_protocol::password::scram_sha_256(p.as_bytes()));
        guard.batch_execute(&make_role(&role, verifier.as_deref())).await?;
        for kind in RealmKind::ALL {
            let schema = schema(&name, kind);
            make_realm(settings, &schema).await?;
            guard.batch_execute(&grants(kind, &schema, &role)).await?;
        }
        let live = schema(&name, RealmKind::Live);
        guard.batch_execute(&format!("revoke insert, update on {live}.task from \"{role}\"")).await?;
        let keys = Keyring::generate().and_then(|text| Keyring::parse(&text)).map_err(Error::corrupt)?;
        let at = |kind: RealmKind| (schema(&name, kind), role.clone());
        let database = Database::open_at(settings, CONNECTIONS, Arc::new(keys), rules, at, true)?;
        Ok(Self { database, name, guard })
    }

    /// What its schemas' names begin with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Drops it with all that is in it. Dropping the value instead leaves that to the next [`Scratch::create`].
    ///
    /// # Errors
    /// [`Error`]; what is left then is swept later.
    pub async fn remove(self) -> Result<(), Error> {
        let Self { database, name, mut guard } = self;
        drop(database);
        remove(&mut guard, &name).await
    }
}

/// What it begins with, and 16 hex digits.
pub(super) fn new_name(prefix: &str) -> Result<String, Error> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|error| Error::Failed(error.to_string()))?;
    Ok(random.iter().fold(prefix.to_owned(), |name, byte| format!("{name}{byte:02x}")))
}

/// The advisory lock of whoever uses it, as SQL.
pub(super) fn key(name: &str) -> String {
    format!("hashtextextended('{name}', 0)")
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = sql_types::Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Had {
    #[diesel(sql_type = sql_types::Bool)]
    had: bool,
}

pub(super) async fn names(guard: &mut AsyncPgConnection, sql: String) -> Result<Vec<String>, Error> {
    let rows: Vec<Named> = diesel::sql_query(sql).load(guard).await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

/// Removes the scratch realms that nobody holds.
async fn sweep(guard: &mut AsyncPgConnection) -> Result<(), Error> {
    let left = "select substr(nspname, 1, 24) as name from pg_namespace \
                where nspname ~ '^scratch_[0-9a-f]{16}_(live|test)$'";
    let left: BTreeSet<String> = names(guard, left.to_owned()).await?.into_iter().collect();
    for name in left {
        let Had { had } =
            diesel::sql_query(format!("select pg_try_advisory_lock({}) as had", key(&name))).get_result(guard).await?;
        if had {
            remove(guard, &name).await?;
            guard.batch_execute(&format!("select pg_advisory_unlock({})", key(&name))).await?;
            tracing::info!(name, "a scratch realm that was left behind is swept");
        }
    }
    Ok(())
}

async fn remove(guard: &mut AsyncPgConnection, name: &str) -> Result<(), Error> {
    for kind in RealmKind::ALL {
        remove_schema(guard, &schema(name, kind)).await?;
    }
    Ok(())
}

/// Drops a realm's schema, and keeps nobody waiting for long.
pub(super) async fn remove_schema(guard: &mut AsyncPgConnection, schema: &str) -> Result<(), Error> {
    let cut = format!(
        "select format('alter table %s drop constraint %I', c.conrelid::regclass, c.conname) as name \
             from pg_constraint c join pg_class t on t.oid = c.confrelid join pg_class o on o.oid = c.conrelid \
             where c.contype = 'f' and t.relnamespace = 'catalogue'::regnamespace \
             and o.relnamespace = to_regnamespace('{schema}')"
    );
    // To drop what refers to the catalogue locks the catalogue: each by itself, so that nobody waits for long.
    for statement in names(guard, cut).await? {
        patiently(guard, &statement).await?;
    }
    patiently(guard, &format!("drop schema if exists {schema} cascade")).await
}

/// Runs a statement that needs a lock which others need more.
async fn patiently(guard: &mut AsyncPgConnection, statement: &str) -> Result<(), Error> {
    guard.batch_execute(PATIENCE).await?;
    let mut tried = 1;
    loop {
        match guard.batch_execute(statement).await.map_err(Error::from) {
            Err(error) if error.is_conflict() && tried < TRIES => time::sleep(PAUSE).await,
            outcome => return outcome,
        }
        tried += 1;
    }
}
