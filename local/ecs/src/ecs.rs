//! The stand-in itself: its state behind a lock, its scheduler's loop, its proxies, and how it ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State as Shared},
    http::StatusCode,
    routing::get,
};
use local_protocol::{Events, now};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Settings, balancing,
    engine::Engine,
    logs::{self, LogStream},
    model::{Key, Service, State, Task},
    proxy::Proxy,
    runner,
};

/// The ECS stand-in. Its scheduler runs until [`Ecs::shutdown`].
#[derive(Debug)]
pub struct Ecs {
    inner: Arc<Inner>,
}

/// The load balancer of a service: its listener for production, and that for tests where there is a rule for it.
#[derive(Debug, Clone)]
struct Front {
    production: Arc<Proxy>,
    test: Option<Arc<Proxy>>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub settings: Settings,
    pub engine: Engine,
    state: Mutex<State>,
    /// Counts changes; whoever waits for something looks again at each.
    changes: watch::Sender<u64>,
    fronts: Mutex<BTreeMap<Key, Front>>,
    pub closing: CancellationToken,
    runners: TaskTracker,
}

impl Ecs {
    /// Starts the scheduler; must be called within a tokio runtime.
    pub fn new(settings: Settings, engine: Engine, events: Events) -> Arc<Self> {
        let inner = Arc::new(Inner {
            settings,
            engine,
            state: Mutex::new(State::new(events)),
            changes: watch::Sender::new(0),
            fronts: Mutex::default(),
            closing: CancellationToken::new(),
            runners: TaskTracker::new(),
        });
        tokio::spawn(schedule(Arc::clone(&inner)));
        Arc::new(Self { inner })
    }

    /// AWS JSON at `POST /`, and a task's log at `GET /tasks/{id}/log`.
    pub fn router(self: &Arc<Self>) -> Router {
        let log = Router::new().route("/tasks/{id}/log", get(log)).with_state(Arc::clone(&self.inner));
        local_protocol::router(Arc::clone(&self.inner)).merge(log)
    }

    /// Elastic Load Balancing's Query protocol at `POST /`, with the one action `DescribeTargetHealth`. An address of its own,
    /// as the services of AWS have.
    pub fn balancing_router(self: &Arc<Self>) -> Router {
        balancing::router(Arc::clone(&self.inner))
    }

    /// Address (`http://127.0.0.1:PORT`) of the load balancer stand-in of a service, once it has one.
    pub fn address(&self, cluster: &str, service: &str) -> Option<String> {
        let proxy = self.inner.proxy(&(cluster.into(), service.into()))?;
        Some(format!("http://{}", proxy.address))
    }

    /// Address of its test listener, where its load balancer has a `testListenerRule`: what is asked there reaches the revision
    /// that is being deployed, from the lifecycle stage TEST_TRAFFIC_SHIFT on.
    pub fn test_address(&self, cluster: &str, service: &str) -> Option<String> {
        let proxy = self.inner.front(&(cluster.into(), service.into()))?.test?;
        Some(format!("http://{}", proxy.address))
    }

    /// The URL of a task's log.
    pub fn log_url(&self, task: &str) -> String {
        format!("{}/tasks/{}/log", self.inner.settings.url.trim_end_matches('/'), crate::model::short(task))
    }

    /// What CloudWatch Logs has of a container whose log driver is `awslogs`: while the container runs, after it ended, and
    /// after the task was forgotten.
    pub async fn log_stream(&self, group: &str, stream: &str) -> LogStream {
        self.inner.log_stream(group, stream).await
    }

    /// Stops and removes all containers, closes the listeners.
    pub async fn shutdown(&self) {
        let inner = &self.inner;
        inner.closing.cancel();
        for front in inner.fronts().values() {
            front.production.close();
            if let Some(test) = &front.test {
                test.close();
            }
        }
        for task in inner.state().tasks.values() {
            task.signal.cancel();
        }
        inner.runners.close();
        // A runner that hangs must not keep the stack from going down: what it leaves is removed by its label.
        let _ = tokio::time::timeout(Duration::from_secs(30), inner.runners.wait()).await;
        inner.engine.remove_all().await;
    }
}

impl Inner {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn fronts(&self) -> MutexGuard<'_, BTreeMap<Key, Front>> {
        self.fronts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn front(&self, key: &Key) -> Option<Front> {
        self.fronts().get(key).cloned()
    }

    pub fn proxy(&self, key: &Key) -> Option<Arc<Proxy>> {
        self.front(key).map(|front| front.production)
    }

    /// Gives a service its load balancer, which keeps its ports from then on; one for tests where they are asked for.
    pub async fn balance(&self, key: &Key, tested: bool) -> std::io::Result<()> {
        let front = match self.front(key) {
            Some(front) => front,
            None => Front { production: Proxy::start().await?, test: None },
        };
        let test = if tested && front.test.is_none() { Some(front.production.beside().await?) } else { None };
        let mut fronts = self.fronts();
        let known = fronts.entry(key.clone()).or_insert(front);
        if known.test.is_none() {
            known.test = test;
        }
        Ok(())
    }

    /// Tells a service's load balancer how its traffic is divided.
    pub fn weigh(&self, service: &Service) {
        let Some(front) = self.front(&service.key) else { return };
        let (production, tests) = match service.weights() {
            Some([production, tests]) => (Some(production), Some(tests)),
            None => (None, None),
        };
        front.production.weigh(production);
        if let Some(test) = &front.test {
            test.weigh(tests);
        }
    }

    /// What a task says of itself.
    pub fn look<R>(&self, id: &str, read: impl FnOnce(&Task) -> R) -> Option<R> {
        self.state().tasks.get(id).map(read)
    }

    /// Changes a task; tells the load balancer and the event's listeners when that matters to them.
    pub fn change<R>(&self, id: &str, write: impl FnOnce(&mut Task) -> R) -> Option<R> {
        let time = now();
        let mut state = self.state();
        let task = state.tasks.get_mut(id)?;
        let summary = |task: &Task| {
            let containers: Vec<_> = task.containers.iter().map(|c| (c.status, c.health, c.exit_code)).collect();
            (task.status, task.stop.is_some(), task.health(), containers)
        };
        let before = summary(task);
        let result = write(task);
        let serves = task.serves();
        if !serves {
            task.healthy_since = None;
        } else if task.healthy_since.is_none() {
            task.healthy_since = Some(time);
        }
        let news = summary(task) != before;
        if news {
            task.version += 1;
        }
        let task = task.clone();
        if let (Some(key), Some((_, port, group))) = (&task.service, &task.target)
            && let Some(proxy) = self.proxy(key)
            && let Some(address) = runner::address(&task, *port)
            && proxy.set(id, task.started_by.as_deref().unwrap_or_default(), address, serves)
            && let Some(service) = state.services.get_mut(key)
        {
            let verb = if serves { "registered" } else { "deregistered" };
            service.note(&format!("{verb} 1 targets in (target-group {group})"), time);
        }
        if news {
            state.task_event(&task, time);
        }
        drop(state);
        self.changed();
        Some(result)
    }

    /// Waits until a task answers; `None` when it is gone.
    pub async fn until<R>(&self, id: &str, mut read: impl FnMut(&Task) -> Option<R>) -> Option<R> {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(found) = self.look(id, &mut read)? {
                return Some(found);
            }
            changes.changed().await.ok()?;
        }
    }

    /// Begins with tasks that were just made.
    pub fn start(self: &Arc<Self>, tasks: Vec<String>) {
        for id in tasks {
            self.runners.spawn(runner::run(Arc::clone(self), id));
        }
    }
}

async fn schedule(inner: Arc<Inner>) {
    let mut changes = inner.changes.subscribe();
    loop {
        changes.mark_unchanged();
        if inner.step() {
            continue;
        }
        tokio::select! {
            () = inner.closing.cancelled() => return,
            _ = changes.changed() => {}
            () = tokio::time::sleep(inner.settings.quick.tick) => {}
        }
    }
}

async fn log(Shared(inner): Shared<Arc<Inner>>, Path(id): Path<String>) -> Result<String, (StatusCode, String)> {
    match inner.look(&id, |task| logs::sources(task, inner.engine.label())) {
        Some(sources) => Ok(inner.task_log(&sources).await),
        None => Err((StatusCode::NOT_FOUND, "there is no such task\n".into())),
    }
}
