//! The life of one task: pull, start in order, watch, drain, stop, remove.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use local_protocol::now;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    ecs::Inner,
    engine::{EngineError, Network},
    health,
    launch::{Condition, Step, steps},
    logs,
    model::{Status, Stop, Task},
};

/// From PROVISIONING to STOPPED.
pub(crate) async fn run(ecs: Arc<Inner>, id: String) {
    let Some((signal, planned)) = ecs.look(&id, |task| (task.signal.clone(), steps(task, ecs.engine.label()))) else {
        return;
    };
    let mut watchers = JoinSet::new();
    let planned = planned.map_err(|reason| failed(format!("ResourceInitializationError: {reason}")));
    let ended = match &planned {
        Err(stop) => Err(stop.clone()),
        Ok(steps) => live(&ecs, &id, steps, &mut watchers, &signal).await,
    };
    if let Err(stop) = ended {
        ecs.state().stop_task(&id, stop.code, &stop.reason, now());
    }
    let steps = planned.unwrap_or_default();
    end(&ecs, &id, &steps, watchers).await;
}

fn failed(reason: String) -> Stop {
    Stop { code: "TaskFailedToStart", reason }
}

/// Ends well when the task is told to stop, else with the reason why it stops by itself. A container that is being started is
/// never left halfway: the engine's program is not interrupted then.
async fn live(
    ecs: &Arc<Inner>,
    id: &str,
    steps: &[Step],
    watchers: &mut JoinSet<()>,
    signal: &CancellationToken,
) -> Result<(), Stop> {
    signal.run_until_cancelled(pull(ecs, id, steps)).await.unwrap_or(Ok(()))?;
    for step in steps {
        for (needed, condition) in &step.waits {
            signal.run_until_cancelled(wait(ecs, id, needed, *condition)).await.unwrap_or(Ok(()))?;
        }
        if signal.is_cancelled() {
            return Ok(());
        }
        start(ecs, id, step, watchers).await?;
    }
    signal.run_until_cancelled(serve(ecs, id, watchers)).await.map_or(Ok(()), Err)
}

async fn pull(ecs: &Arc<Inner>, id: &str, steps: &[Step]) -> Result<(), Stop> {
    ecs.change(id, |task| {
        task.status = Status::Pending;
        task.pull_started = Some(now());
    });
    for step in steps {
        if let Err(error) = ecs.engine.pull(&step.launch.image).await {
            return Err(failed(format!("CannotPullContainerError: {}: {error}", step.launch.image)));
        }
        let digest = ecs.engine.digest(&step.launch.image).await;
        ecs.change(id, |task| task.container(&step.name).map(|container| container.digest = digest));
    }
    ecs.change(id, |task| task.pull_stopped = Some(now()));
    Ok(())
}

/// RUNNING, until the task ends by itself.
async fn serve(ecs: &Arc<Inner>, id: &str, watchers: &mut JoinSet<()>) -> Stop {
    let (service, grace) = ecs
        .look(id, |task| (task.service.is_some(), task.settings.get("healthCheckGracePeriodSeconds").cloned()))
        .unwrap_or_default();
    let timing = &ecs.settings.quick;
    if service {
        // A task that ends at once never was RUNNING, as far as its service is concerned.
        tokio::select! {
            ended = exit(ecs, id) => return ended,
            () = tokio::time::sleep(timing.settle) => {}
        }
    }
    ecs.change(id, |task| {
        task.status = Status::Running;
        task.started = Some(now());
    });
    if let Some(address) = ecs.look(id, |task| address(task, task.target.as_ref()?.1)).flatten() {
        let grace = Duration::from_secs(grace.and_then(|grace| grace.as_u64()).unwrap_or_default()).max(timing.grace);
        watchers.spawn(health::target(Arc::clone(ecs), id.to_owned(), address, grace));
    }
    exit(ecs, id).await
}

/// Waits until a container that another one depends on is as it should be.
async fn wait(ecs: &Arc<Inner>, id: &str, needed: &str, condition: Condition) -> Result<(), Stop> {
    use crate::model::Health;
    let outcome = ecs.until(id, |task| {
        let container = task.containers.iter().find(|container| container.name == needed)?;
        let ended = container.status == Status::Stopped;
        match condition {
            Condition::Start => (container.status >= Status::Running).then_some(true),
            Condition::Healthy if ended || container.health == Health::Unhealthy => Some(false),
            Condition::Healthy => (container.health == Health::Healthy || !container.checked).then_some(true),
            Condition::Complete => ended.then_some(true),
            Condition::Success => ended.then_some(container.exit_code == Some(0)),
        }
    });
    match outcome.await {
        Some(false) => Err(failed(format!("Task failed to start: dependency {needed} did not become {condition:?}"))),
        Some(true) | None => Ok(()),
    }
}

async fn start(ecs: &Arc<Inner>, id: &str, step: &Step, watchers: &mut JoinSet<()>) -> Result<(), Stop> {
    let name = &step.launch.name;
    let runtime = match ecs.engine.run(&step.launch).await {
        Ok(runtime) => runtime,
        Err(error) => {
            let kind = match error {
                EngineError::Failed { status: 125, .. } => "CannotCreateContainerError",
                _ => "CannotStartContainerError",
            };
            let reason = format!("{kind}: {error}");
            ecs.change(id, |task| {
                if let Some(container) = task.container(&step.name) {
                    container.reason = Some(reason.clone());
                    container.status = Status::Stopped;
                }
            });
            return Err(failed(reason));
        }
    };
    let ports = match &step.launch.network {
        Network::Own(ports) if !ports.is_empty() => ecs.engine.ports(name).await.unwrap_or_default(),
        _ => std::collections::BTreeMap::new(),
    };
    ecs.state().begin_stream(id, &step.name, &runtime, name);
    ecs.change(id, |task| {
        if let Some(container) = task.container(&step.name) {
            container.runtime = Some(runtime);
            container.status = Status::Running;
            container.bindings = ports.into_iter().collect();
        }
    });
    let (inner, task, container, engine_name) = (Arc::clone(ecs), id.to_owned(), step.name.clone(), name.clone());
    watchers.spawn(async move {
        let code = inner.engine.wait(&engine_name).await.ok();
        inner.change(&task, |task| {
            if let Some(container) = task.container(&container) {
                container.status = Status::Stopped;
                container.exit_code = code;
            }
        });
    });
    if let Some(check) = step.check.clone() {
        watchers.spawn(health::container(Arc::clone(ecs), id.to_owned(), step.name.clone(), name.clone(), check));
    }
    Ok(())
}

/// Waits until an essential container ended, or all did.
async fn exit(ecs: &Arc<Inner>, id: &str) -> Stop {
    let ended = ecs.until(id, |task| {
        let stopped = |container: &&crate::model::Container| container.status == Status::Stopped;
        let essential = task.containers.iter().filter(|container| container.essential).any(|c| stopped(&c));
        (essential || task.containers.iter().all(|c| stopped(&c))).then_some(())
    });
    ended.await;
    Stop { code: "EssentialContainerExited", reason: "Essential container in task exited".into() }
}

/// Drains, stops and removes; keeps the log; counts a failure of the service's task.
async fn end(ecs: &Arc<Inner>, id: &str, steps: &[Step], mut watchers: JoinSet<()>) {
    let closing = ecs.closing.is_cancelled();
    let timing = &ecs.settings.quick;
    let Some((service, balanced)) = ecs.look(id, |task| (task.service.clone(), task.target.is_some())) else { return };
    if let (Some(key), true, false) = (&service, balanced, closing) {
        ecs.change(id, |task| {
            if task.status == Status::Running {
                task.status = Status::Deactivating;
            }
        });
        if let Some(proxy) = ecs.proxy(key) {
            proxy.drain(id, timing.drain).await;
        }
    }
    ecs.change(id, |task| task.status = Status::Stopping);
    let running = |name: &str| {
        let status = ecs.look(id, |task| task.containers.iter().find(|c| c.name == name).map(|c| c.status));
        status.flatten() == Some(Status::Running)
    };
    for step in steps.iter().rev() {
        if !ecs.closing.is_cancelled() && running(&step.name) {
            let patience = Duration::from_secs(u64::from(step.stop_timeout)).min(timing.stop);
            ecs.engine.stop(&step.launch.name).await;
            let over = |task: &crate::model::Task| {
                let mut containers = task.containers.iter();
                containers.any(|c| c.name == step.name && c.status != Status::Running).then_some(())
            };
            let ended = ecs.until(id, over);
            tokio::select! {
                () = ecs.closing.cancelled() => {}
                _ = tokio::time::timeout(patience, ended) => {}
            }
            if running(&step.name) {
                ecs.engine.kill(&step.launch.name).await;
            }
        }
    }
    if !ecs.closing.is_cancelled() {
        let codes = ecs.until(id, |task| {
            task.containers.iter().all(|c| c.status == Status::Stopped || c.runtime.is_none()).then_some(())
        });
        let _ = tokio::time::timeout(Duration::from_secs(5), codes).await;
    }
    watchers.shutdown().await;
    let sources = ecs.look(id, |task| logs::sources(task, ecs.engine.label())).unwrap_or_default();
    ecs.keep_logs(&sources).await;
    let containers: Vec<String> = sources.into_iter().rev().map(|source| source.engine_name).collect();
    let volumes: Vec<String> = steps.iter().flat_map(|s| &s.launch.volumes).map(|v| v.name.clone()).collect();
    ecs.engine.remove(&containers, &volumes).await;
    ecs.change(id, |task| {
        for container in &mut task.containers {
            container.status = Status::Stopped;
        }
        task.status = Status::Stopped;
        task.stopped = Some(now());
    });
    let own = ecs.look(id, |task| task.stop.as_ref().is_some_and(|stop| stop.code != "ServiceSchedulerInitiated"));
    let user = ecs.look(id, |task| task.stop.as_ref().is_some_and(|stop| stop.code == "UserInitiated"));
    if service.is_some() && own == Some(true) && user == Some(false) {
        ecs.state().count_failure(id, timing, now());
    }
    ecs.changed();
}

/// Where a container port of a task can be reached.
pub(crate) fn address(task: &Task, port: u16) -> Option<SocketAddr> {
    let mut bindings = task.containers.iter().flat_map(|container| &container.bindings);
    bindings.find(|(inside, _)| *inside == port).map(|(_, address)| *address)
}
