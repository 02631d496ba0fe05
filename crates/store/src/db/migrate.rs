//! Bringing a database up to date: the catalogue's schema, each realm's, and the realms' roles.

use diesel::{
    QueryableByName,
    migration::{Migration, MigrationSource},
    pg::Pg,
    sql_types,
};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::{ConnectSettings, Connector, Error, RealmKind, grants::grants, own, scratch};

const CATALOGUE: EmbeddedMigrations = embed_migrations!("../../migrations/catalogue");
const REALM: EmbeddedMigrations = embed_migrations!("../../migrations/realm");

/// What a migration did: schema and migration, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MigrationReport(pub Vec<String>);

/// The schemas with what makes them: customers' own realms, too.
async fn parts(settings: &ConnectSettings) -> Result<Vec<(String, EmbeddedMigrations)>, Error> {
    let mut connection = owner(settings, "catalogue").await?;
    let realms = RealmKind::ALL.map(|kind| kind.schema().to_owned()).into_iter();
    let realms = realms.chain(own::schemas(&mut connection).await?);
    Ok([("catalogue".to_owned(), CATALOGUE)].into_iter().chain(realms.map(|realm| (realm, REALM))).collect())
}

/// The roles that log in: those of the realms, of scratch realms and of customers' own.
#[must_use]
pub fn roles(prefix: &str) -> Vec<String> {
    RealmKind::ALL.iter().map(|kind| kind.role(prefix)).chain([scratch::role(prefix), own::login(prefix)]).collect()
}

/// Names what [`migrate`] makes: all migrations and grants of this program. Two programs with the same fingerprint make
/// the same schemas, so that a database made by one can be copied for the other.
#[must_use]
pub fn migrations_fingerprint() -> String {
    let mut hash = Sha256::new();
    hash.update(env!("MIGRATIONS_FINGERPRINT"));
    for kind in RealmKind::ALL {
        hash.update(make_role("role", None));
        hash.update(grants(kind, kind.schema(), "role"));
    }
    hash.update(own::admit("role", "own"));
    hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// Runs what has not been run, as the owner, one process at a time. Needs a multi-threaded runtime.
///
/// # Errors
/// [`Error`] with the migration that failed; those before it stay.
pub async fn migrate(settings: &ConnectSettings) -> Result<MigrationReport, Error> {
    let mut report = MigrationReport::default();
    for (schema, migrations) in parts(settings).await? {
        let mut connection = owner(settings, &schema).await?;
        let prepare = format!(
            "set statement_timeout to 0; set lock_timeout to 0; select pg_advisory_lock({LOCK}); \
             create schema if not exists {schema}"
        );
        connection.batch_execute(&prepare).await?;
        let ran = run(connection, schema, migrations).await?;
        report.0.extend(ran);
    }
    grant_roles(settings).await?;
    Ok(report)
}

/// Makes another realm's schema. Nobody else knows it yet, so nobody is waited for.
pub(super) async fn make_realm(settings: &ConnectSettings, schema: &str) -> Result<(), Error> {
    let mut connection = owner(settings, schema).await?;
    connection.batch_execute(&format!("create schema {schema}")).await?;
    run(connection, schema.to_owned(), REALM).await.map(|_| ())
}

/// Serialises migrations; any number will do.
pub(super) const LOCK: i64 = 7_261_727_461;

/// A connection of the owner's, with a schema's search path.
pub(crate) async fn owner(settings: &ConnectSettings, schema: &str) -> Result<AsyncPgConnection, Error> {
    let path = match schema {
        "catalogue" => "catalogue, pg_temp".to_owned(),
        realm => format!("{realm}, catalogue, pg_temp"),
    };
    let connector = Connector::new(settings, None, &path, Handle::current());
    Ok(connector.connect().await?)
}

async fn run(
    connection: AsyncPgConnection,
    schema: String,
    migrations: EmbeddedMigrations,
) -> Result<Vec<String>, Error> {
    let ran = tokio::task::spawn_blocking(move || {
        let mut harness = AsyncMigrationHarness::new(connection);
        harness
            .run_pending_migrations(migrations)
            .map(|versions| versions.iter().map(|v| format!("{schema} {v}")).collect())
            .map_err(|error| Error::Failed(format!("migration of {schema}: {error}")))
    });
    ran.await.map_err(|error| Error::Failed(error.to_string()))?
}

/// Which migrations have not been run. It looks and changes nothing, so that it disturbs no [`migrate`] elsewhere.
///
/// # Errors
/// [`Error`] when the database can't be asked.
pub async fn pending_migrations(settings: &ConnectSettings) -> Result<Vec<String>, Error> {
    let mut connection = owner(settings, "catalogue").await?;
    let mut pending = Vec::new();
    for (schema, migrations) in parts(settings).await? {
        let done = versions(&mut connection, &schema).await?;
        let all = MigrationSource::<Pg>::migrations(&migrations)
            .map_err(|error| Error::Failed(format!("migrations of {schema}: {error}")))?;
        let undone = all.iter().map(|m| m.name()).filter(|name| !done.contains(&name.version().to_string()));
        let mut undone: Vec<String> = undone.map(|name| format!("{schema} {name}")).collect();
        undone.sort_unstable();
        pending.append(&mut undone);
    }
    Ok(pending)
}

#[derive(QueryableByName)]
struct History {
    #[diesel(sql_type = sql_types::Bool)]
    begun: bool,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = sql_types::Text)]
    version: String,
}

/// The versions that a schema's own history names; none where it has no history yet. The search path would find
/// another schema's.
async fn versions(connection: &mut AsyncPgConnection, schema: &str) -> Result<Vec<String>, Error> {
    let history = format!("{schema}.__diesel_schema_migrations");
    let is_there = format!("select to_regclass('{history}') is not null as begun");
    let History { begun } = diesel::sql_query(is_there).get_result(connection).await?;
    if !begun {
        return Ok(Vec::new());
    }
    let found: Vec<Version> =
        diesel::sql_query(format!("select version::text as version from {history}")).load(connection).await?;
    Ok(found.into_iter().map(|row| row.version).collect())
}

/// Makes the realms' roles and grants each what it needs in its own realm, and nothing in another.
///
/// # Errors
/// [`Error`] when the owner may not create roles.
pub async fn grant_roles(settings: &ConnectSettings) -> Result<(), Error> {
    let mut connection = owner(settings, "catalogue").await?;
    // Others may be at it for longer than a request would wait.
    connection.batch_execute("set statement_timeout to 0; set lock_timeout to 0").await?;
    for kind in RealmKind::ALL {
        let role = kind.role(&settings.role_prefix);
        let password = settings.auth.password(&role);
        // Only the verifier goes over the wire, so that no log of the server's can hold the password.
        let verifier = password.map(|p| postgres_protocol::password::scram_sha_256(p.as_bytes()));
        connection.batch_execute(&make_role(&role, verifier.as_deref())).await?;
        connection.batch_execute(&grants(kind, kind.schema(), &role)).await?;
    }
    let login = own::login(&settings.role_prefix);
    let password = settings.auth.password(&login);
    let verifier = password.map(|p| postgres_protocol::password::scram_sha_256(p.as_bytes()));
    connection.batch_execute(&make_role(&login, verifier.as_deref())).await?;
    for name in own::schemas(&mut connection).await? {
        connection.batch_execute(&own::admit(&settings.role_prefix, &name)).await?;
    }
    Ok(())
}

/// Makes a role, or gives one that is there its password anew.
pub(super) fn make_role(role: &str, verifier: Option<&str>) -> String {
    let password = verifier.map(|v| format!(" password '{v}'")).unwrap_or_default();
    format!(
        "begin; select pg_advisory_xact_lock({LOCK}); \
         do $do$ begin \
         if not exists (select from pg_roles where rolname = '{role}') then create role \"{role}\"; end if; \
         end $do$; \
         alter role \"{role}\" login noinherit{password}; \
         {speaks_english}; \
         commit",
        speaks_english = own_language(role),
    )
}

/// Lets a role choose the language of the server's words, where the owner may let it (a superuser, from PostgreSQL 15).
fn own_language(role: &str) -> String {
    format!(
        "do $do$ begin execute 'grant set on parameter lc_messages to \"{role}\"'; \
         exception when insufficient_privilege or syntax_error then null; end $do$"
    )
}
