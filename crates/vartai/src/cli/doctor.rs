//! `vartai doctor`: what is wrong with this installation, and what to do about it.

mod archive;
mod checks;
mod content;

use pg_cluster::Cluster;
use serde_json::{Value, json};

use super::report::Report;
use crate::{
    existence,
    failure::Failure,
    installation::{Access, as_owner, at_database},
    settings::Settings,
    signals::interruptible,
};

/// What was looked at, and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    what: String,
    /// What to do about it, where something is wrong.
    advice: Option<String>,
}

/// All that was looked at.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn well(&mut self, what: impl Into<String>) {
        self.0.push(Finding { what: what.into(), advice: None });
    }

    fn wrong(&mut self, what: impl Into<String>, advice: impl Into<String>) {
        self.0.push(Finding { what: what.into(), advice: Some(advice.into()) });
    }
}

/// Looks at everything. What can't be looked at because of what was found before is left out.
pub async fn run(settings: Settings, access: Access) -> Result<Report, Failure> {
    let mut findings = Findings::default();
    findings.well("the configuration can be read");
    checks::sockets(&settings, &mut findings);
    checks::vat(&settings, &mut findings);
    let asked = async {
        checks::drivers(&settings, &mut findings).await;
        Ok(())
    };
    interruptible(asked).await?;
    let private = settings.database.url.is_none();
    if private && !Cluster::exists(&settings.data_dir)? {
        let advice = "name its configuration with --config or VARTAI_CONFIG, or its directory with VARTAI_DATA_DIR; \
                      `vartai migrate` makes a new one, VARTAI_DATABASE__URL names one elsewhere";
        findings.wrong(existence::missing(&settings), advice);
        return Ok(told(findings));
    }
    let looked = at_database(&settings, access, async |owner| {
        interruptible(async {
            let connect = as_owner(&settings, owner.clone(), access.presence);
            checks::database(&settings, owner, &mut findings).await;
            archive::archive(&settings, &connect, &mut findings).await;
            Ok(())
        })
        .await
    });
    if let Err(why) = looked.await {
        findings.wrong("the private PostgreSQL can't be had", why.to_string());
    }
    if private {
        checks::revivals(&settings, &mut findings);
    }
    Ok(told(findings))
}

fn told(findings: Findings) -> Report {
    let Findings(all) = findings;
    let wrong = all.iter().filter(|finding| finding.advice.is_some()).count();
    let mut text = String::new();
    for Finding { what, advice } in &all {
        match advice {
            None => text.push_str(&format!("ok     {what}\n")),
            Some(advice) => text.push_str(&format!("WRONG  {what}\n       → {advice}\n")),
        }
    }
    let json: Vec<Value> =
        all.iter().map(|f| json!({ "ok": f.advice.is_none(), "what": f.what, "advice": f.advice })).collect();
    let report = Report::new(text, json!({ "ok": wrong == 0, "findings": json }));
    match wrong {
        0 => report,
        1 => report.with_problem("something is wrong with this installation".to_owned()),
        more => report.with_problem(format!("{more} things are wrong with this installation")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Findings, told};

    #[test]
    fn one_thing_wrong_makes_it_all_wrong() {
        let mut findings = Findings::default();
        findings.well("a");
        let report = told(Findings(findings.0.clone()));
        let (json, problem) = report.parts();
        assert!(json["ok"] == true && problem.is_none());
        findings.wrong("b", "do c");
        let report = told(findings);
        let (json, problem) = report.parts();
        assert_eq!(json["ok"], false);
        assert_eq!(json["findings"][1]["advice"], "do c");
        assert_eq!(problem, Some("something is wrong with this installation"));
    }
}
