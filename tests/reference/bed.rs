//! The page beside both surfaces, as `vartai serve` has them.

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use apidoc::{
    model::{Facts, Model},
    publish::{Pages, Published, Source, make},
};
use gateway_http::{
    faults::Dialect,
    http::{Serving, serve},
    metrics::Metrics,
};
use testkit::TestDb;
use tokio::task::LocalSet;

use crate::{
    iv::bed::{api_on, settings},
    support::{App, free_ports},
};

/// Both surfaces and the page, on HTTP.
pub struct Desk {
    pub app: App,
    pub serving: Serving,
    pub published: Published,
    pub source: Source,
}

impl Desk {
    /// The page is not there yet.
    pub async fn unwritten() -> Self {
        let app = App::new().await;
        let bound = free_ports();
        let public_url = format!("http://{}", bound.address().unwrap());
        let published = Published::default();
        let (api, page) = (api_on(&app, app.db.database.clone(), settings()), Data::new(published.clone()));
        let public = move |config: &mut ServiceConfig| {
            config.app_data(api.clone()).configure(iv_json::http::routes);
            config.app_data(page.clone()).configure(apidoc::http::routes);
        };
        let metrics = Arc::new(Metrics::new().unwrap());
        let serving = serve(app.gateway.clone(), metrics, bound, 2, public).unwrap();
        let source = Source {
            database: app.db.database.clone(),
            connect: app.db.settings.clone(),
            rules: TestDb::rules(),
            facts: facts(public_url),
        };
        Self { app, serving, published, source }
    }

    /// The page is there.
    pub async fn new() -> Self {
        let desk = Self::unwritten().await;
        desk.published.publish(Pages::of(&desk.model().await));
        desk
    }

    /// What the page is made of, examples and all.
    pub async fn model(&self) -> Model {
        LocalSet::new().run_until(make(&self.source)).await.unwrap().0
    }
}

pub fn facts(public_url: String) -> Facts {
    Facts {
        company: "Debesų prieglauda, UAB".to_owned(),
        public_url,
        dialect: Dialect::Friendhosting,
        hide_unknown_logins: false,
        zone: "Europe/Vilnius".to_owned(),
        gross: true,
        login_failures: 20,
        address_failures: 60,
        keep_secrets_days: 7,
        email: Some("api@example.lt".to_owned()),
    }
}
