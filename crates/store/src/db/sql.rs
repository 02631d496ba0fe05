//! Queries in SQL that PostgreSQL parses once a connection.

use std::{borrow::Cow, marker::PhantomData};

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{HasSqlType, Untyped},
};

/// A query in SQL, whose statement the connection keeps prepared. [`diesel::sql_query`] has it parsed and planned anew each
/// time, at the price of another round trip.
///
/// What is kept is kept as long as the connection: the texts must be few. Values are bound and never part of the text.
pub(crate) fn sql(text: impl Into<Cow<'static, str>>) -> Sql {
    Sql(text.into())
}

/// A query in SQL: see [`sql`].
pub(crate) struct Sql(Cow<'static, str>);

/// A query with a value for its next parameter, of the type `T` in SQL.
pub(crate) struct Bound<Q, V, T> {
    query: Q,
    value: V,
    of_type: PhantomData<T>,
}

impl Sql {
    /// The value of its first parameter.
    pub(crate) fn bind<T, V>(self, value: V) -> Bound<Self, V, T> {
        Bound { query: self, value, of_type: PhantomData }
    }
}

impl<Q, V, T> Bound<Q, V, T> {
    /// The value of its next parameter.
    pub(crate) fn bind<U, W>(self, value: W) -> Bound<Self, W, U> {
        Bound { query: self, value, of_type: PhantomData }
    }
}

impl Query for Sql {
    type SqlType = Untyped;
}

impl<Q, V, T> Query for Bound<Q, V, T> {
    type SqlType = Untyped;
}

// Two texts are of one Rust type, so the statement's key is its text.
impl QueryId for Sql {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, V, T> QueryId for Bound<Q, V, T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Sql {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(&self.0);
        Ok(())
    }
}

impl<Q, V, T> QueryFragment<Pg> for Bound<Q, V, T>
where
    Q: QueryFragment<Pg>,
    V: ToSql<T, Pg>,
    Pg: HasSqlType<T>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_bind_param_value_only(&self.value)
    }
}
