//! Each instance, and how its connections are doing, as the API and the WebSocket show it.

use std::sync::Arc;
use std::time::SystemTime;

use crosspatch_core::Condition;
use serde::Serialize;

use crate::answer::millis;
use crate::notices::NumberedNotice;

use crate::show::StatusSnapshot;
use crate::site::WebSite;

#[derive(Serialize)]
pub(crate) struct InstanceJson {
    pub(crate) name: Arc<str>,
    pub(crate) backend: &'static str,
    #[serde(flatten)]
    pub(crate) condition: ConditionJson,
    pub(crate) links: Vec<LinkJson>,
    inputs: usize,
    outputs: usize,
    notice: Option<Arc<NumberedNotice>>,
}

#[derive(Serialize)]
pub(crate) struct LinkJson {
    pub(crate) name: String,
    description: String,
    #[serde(flatten)]
    pub(crate) condition: ConditionJson,
}

#[derive(Serialize)]
pub(crate) struct ConditionJson {
    pub(crate) condition: &'static str,
    reason: Option<String>,
    since: Option<u64>,
}

/// The instances of the plan, with what the sessions have answered.
pub(crate) fn describe_instances(site: &WebSite, report: &StatusSnapshot) -> Vec<InstanceJson> {
    let plan = site.show.plan();
    let counts = site.channel_counts(&plan);
    let mut notices = site.notices().last_by_instance();
    // A report of the plan before names other instances.
    let mut answers = report.instances.iter().peekable();
    let instances = plan.instances().iter().zip(counts.iter()).map(|(planned, &[inputs, outputs])| {
        let answer = match answers.next_if(|(name, _)| *name == planned.name) {
            Some((_, status)) => Some(status),
            None => report.instances.iter().find(|(name, _)| *name == planned.name).map(|(_, status)| status),
        };
        let condition = |condition| ConditionJson::new(condition, report);
        let links = answer.map_or(&[][..], |status| &status.links).iter();
        InstanceJson {
            name: planned.name.clone(),
            backend: planned.backend.name,
            condition: condition(answer.map_or(Condition::Starting, |status| status.condition())),
            links: links
                .map(|link| LinkJson {
                    name: link.name.clone(),
                    description: link.description.clone(),
                    condition: condition(link.condition.clone()),
                })
                .collect(),
            inputs,
            outputs,
            notice: notices.remove(&*planned.name),
        }
    });
    instances.collect()
}

impl ConditionJson {
    fn new(condition: Condition, report: &StatusSnapshot) -> Self {
        let now = SystemTime::now();
        let since = condition.since().map(|since| {
            // Rounded, so that the same time looks the same in each report.
            millis(now - report.now.since(since)).next_multiple_of(100)
        });
        let (condition, reason) = match condition {
            Condition::Starting => ("starting", None),
            Condition::Working => ("working", None),
            Condition::Waiting { reason, .. } => ("waiting", Some(reason)),
            Condition::Failing { reason, .. } => ("failing", Some(reason)),
        };
        Self { condition, reason, since }
    }
}
