//! Why a deployment failed, as far as ECS knows.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use longshore_core::release::{StoppedTask, Why};

use super::{Call, Event, Services, Task};
use crate::aws::done;

/// For how long after its end ECS still speaks of a deployment.
const AFTERWARDS: SignedDuration = SignedDuration::from_mins(1);

/// From when to when a deployment was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Span {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

impl Services {
    /// What ECS says about a deployment that did not come up: the service's events while it was under way, and the tasks of its
    /// revision that stopped, with those tasks, by which a log is found. Nothing about target groups and logs, which others know.
    ///
    /// `deployments` are the ARNs of service deployments, or ids such as `ecs-svc/123` of those of before; where ECS knows none of
    /// them any more, the newest events are told. A task is known for about an hour after it stopped.
    pub async fn why(
        &self,
        cluster: &str,
        service: &str,
        task_definition: &str,
        deployments: &[&str],
    ) -> anyhow::Result<Call<(Why, Vec<Task>)>> {
        let found = done!(self.found(cluster, service).await?);
        let mut spans = Vec::new();
        for arn in deployments.iter().filter(|id| id.starts_with("arn:")) {
            let standing = done!(self.standing(arn).await?);
            spans.push(Span { from: standing.created, to: standing.finished });
        }
        let known = found.deployments().iter().map(super::Deployment::of);
        let ours = known.filter(|known| deployments.contains(&known.id.as_str()));
        spans.extend(ours.map(|known| Span { from: known.created, to: None }));
        let events: Vec<_> = found.events().iter().map(Event::of).collect();
        let tasks = newest(done!(self.stopped_tasks(cluster, service, task_definition).await?));
        let why = Why::new(within(&events, Span::over(&spans)), tasks.iter().map(stopped).collect(), vec![], vec![]);
        Ok(Call::Done((why, tasks)))
    }
}

impl Span {
    /// From the first beginning to the last end, if all have ended.
    fn over(spans: &[Self]) -> Self {
        let ends: Option<Vec<_>> = spans.iter().map(|span| span.to).collect();
        Self {
            from: spans.iter().filter_map(|span| span.from).min(),
            to: ends.and_then(|ends| ends.into_iter().max()).map(|end| end + AFTERWARDS),
        }
    }

    fn has(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to)
    }
}

/// The events of a span, as ECS orders them: newest first.
fn within(events: &[Event], span: Span) -> Vec<String> {
    let ours = events.iter().filter(|event| event.at.is_some_and(|at| span.has(at)));
    ours.map(|event| event.message.clone()).take(10).collect()
}

/// The five that say most: those that failed before those that were only taken away, and the newest of each.
fn newest(mut tasks: Vec<Task>) -> Vec<Task> {
    let taken_away =
        |task: &Task| task.reason.as_deref().is_some_and(|reason| reason.starts_with("Scaling activity initiated by"));
    tasks.sort_by_key(|task| (taken_away(task), Reverse(task.stopped), task.arn.clone()));
    tasks.truncate(5);
    tasks
}

fn stopped(task: &Task) -> StoppedTask {
    let containers = task.containers.iter();
    let containers = containers.map(|one| (one.name.clone(), one.exit_code, one.reason.clone())).collect();
    StoppedTask::new(task.id(), &task.told(), containers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn the_events_of_other_deployments_are_left_out() {
        let event = |second, message: &str| Event { at: at(second), message: message.to_owned() };
        let events = [event(500, "the next one"), event(110, "its end"), event(100, "its start"), event(50, "before")];
        let span = Span::over(&[Span { from: at(90), to: at(120) }]);
        assert_eq!(within(&events, span), ["its end", "its start"]);
        assert_eq!(within(&events, Span::over(&[Span { from: at(90), to: None }])).len(), 3, "it has not ended");
        assert_eq!(within(&events, Span::over(&[])).len(), 4, "nobody knows when it was");
    }

    #[test]
    fn tasks_that_failed_come_before_those_that_were_taken_away() {
        let task = |id: &str, second, reason: &str| Task {
            arn: format!("arn:aws:ecs:eu-central-1:1:task/main/{id}"),
            task_definition: "web:2".into(),
            status: "STOPPED".into(),
            stop_code: None,
            reason: Some(reason.into()),
            stopped: at(second),
            containers: Vec::new(),
        };
        let scaling = "Scaling activity initiated by (deployment ecs-svc/1)";
        let failed = "Essential container in task exited";
        let mut tasks: Vec<_> = (0..9).map(|n| task(&format!("s{n}"), 100 + n, scaling)).collect();
        tasks.extend([task("f1", 10, failed), task("f2", 20, failed)]);
        let ids: Vec<_> = newest(tasks).iter().map(|task| task.id().to_owned()).collect();
        assert_eq!(ids, ["f2", "f1", "s8", "s7", "s6"]);
    }
}
