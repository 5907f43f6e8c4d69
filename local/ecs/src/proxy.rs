//! The load balancer of a service: a port of loopback that stays the same over deployments.
//!
//! Each HTTP request goes to a target of its own: the proxy adds `Connection: close` to the request it forwards, so that no
//! connection outlives the answer and a draining target is left after it. What is not HTTP/1.1, or asks for an upgrade, is
//! forwarded as it is. A target that refuses the connection is passed over, before it has been sent anything. Where
//! deployments have weights, requests are divided by them, evenly: of ten in a row, one goes where a weight is 10 %.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// The most that a request's head may have.
const HEAD: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Proxy {
    pub address: SocketAddr,
    /// Listeners of one load balancer share them.
    targets: Arc<Mutex<Vec<Target>>>,
    weights: Mutex<Option<Vec<Part>>>,
    turn: Mutex<usize>,
    closing: CancellationToken,
}

#[derive(Debug, Clone)]
struct Target {
    task: String,
    deployment: String,
    address: SocketAddr,
    /// How many connections it serves.
    busy: watch::Sender<usize>,
    serving: bool,
}

/// A deployment's part of the traffic, and what it is owed of it.
#[derive(Debug, Clone)]
struct Part {
    deployment: String,
    weight: i64,
    owed: i64,
}

/// A connection's place at a target.
struct Place(Target);

impl Place {
    fn new(target: Target) -> Self {
        target.busy.send_modify(|count| *count += 1);
        Self(target)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.busy.send_modify(|count| *count -= 1);
    }
}

impl Proxy {
    pub async fn start() -> std::io::Result<Arc<Self>> {
        Self::listen(Arc::default()).await
    }

    /// Another listener with the same targets.
    pub async fn beside(&self) -> std::io::Result<Arc<Self>> {
        Self::listen(Arc::clone(&self.targets)).await
    }

    async fn listen(targets: Arc<Mutex<Vec<Target>>>) -> std::io::Result<Arc<Self>> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let proxy = Arc::new(Self {
            address: listener.local_addr()?,
            targets,
            weights: Mutex::default(),
            turn: Mutex::default(),
            closing: CancellationToken::new(),
        });
        tokio::spawn(accept(Arc::clone(&proxy), listener));
        Ok(proxy)
    }

    pub fn close(&self) {
        self.closing.cancel();
    }

    fn targets(&self) -> std::sync::MutexGuard<'_, Vec<Target>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Divides new requests among deployments by these weights; `None`: each target gets the same.
    pub fn weigh(&self, wanted: Option<Vec<(String, u16)>>) {
        let mut weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |part: &Part| (part.deployment.clone(), part.weight);
        let old: Option<Vec<_>> = weights.as_ref().map(|weights| weights.iter().map(told).collect());
        let wanted: Option<Vec<_>> =
            wanted.map(|list| list.into_iter().map(|(deployment, weight)| (deployment, i64::from(weight))).collect());
        if old != wanted {
            let fresh = |(deployment, weight)| Part { deployment, weight, owed: 0 };
            *weights = wanted.map(|list| list.into_iter().map(fresh).collect());
        }
    }

    /// Makes a task a target, or one that gets no new requests; true when that is news.
    pub fn set(&self, task: &str, deployment: &str, address: SocketAddr, serving: bool) -> bool {
        let mut targets = self.targets();
        if let Some(target) = targets.iter_mut().find(|target| target.task == task) {
            return std::mem::replace(&mut target.serving, serving) != serving;
        }
        if serving {
            let deployment = deployment.into();
            targets.push(Target { task: task.into(), deployment, address, busy: watch::Sender::new(0), serving });
        }
        serving
    }

    /// Takes a task off, waits for the requests that it still answers, at most `patience`, and forgets it.
    pub async fn drain(&self, task: &str, patience: Duration) {
        let found = {
            let mut targets = self.targets();
            let place = targets.iter().position(|target| target.task == task);
            place.map(|place| targets.remove(place))
        };
        if let Some(target) = found {
            let mut busy = target.busy.subscribe();
            if timeout(patience, busy.wait_for(|count| *count == 0)).await.is_err() {
                tracing::debug!(task, "the deregistration delay is over, requests are cut off");
            }
        }
    }

    /// The targets that serve, beginning with the one whose turn it is; the place is taken before the lock is given back, so
    /// that draining cannot miss it.
    fn place(&self, passed: &[String]) -> Option<Place> {
        let targets = self.targets();
        let mut serving: Vec<&Target> =
            targets.iter().filter(|target| target.serving && !passed.contains(&target.task)).collect();
        if let Some(weights) = self.weights.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let chosen = due(weights, |deployment| serving.iter().any(|target| target.deployment == deployment))?;
            serving.retain(|target| target.deployment == chosen);
        }
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        *turn = turn.wrapping_add(1);
        let chosen = serving.get(*turn % serving.len().max(1))?;
        Some(Place::new((*chosen).clone()))
    }

    async fn connect(&self) -> Option<(Place, TcpStream)> {
        let deadline = Instant::now() + Duration::from_secs(2);
        let mut passed = Vec::new();
        loop {
            match self.place(&passed) {
                Some(place) => match timeout(Duration::from_secs(1), TcpStream::connect(place.0.address)).await {
                    Ok(Ok(stream)) => return Some((place, stream)),
                    _ => passed.push(place.0.task.clone()),
                },
                // Every target refused: the one that was just replaced may have a successor in a moment.
                None if !passed.is_empty() && Instant::now() < deadline => {
                    passed.clear();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                None => return None,
            }
        }
    }
}

/// Whose turn it is, of the deployments that can serve: the one that is owed most. Each turn owes each its weight, and takes
/// from the chosen one what was given to all.
fn due(parts: &mut [Part], serves: impl Fn(&str) -> bool) -> Option<String> {
    let mut given = 0;
    let mut able: Vec<&mut Part> =
        parts.iter_mut().filter(|part| part.weight > 0 && serves(&part.deployment)).collect();
    for part in &mut able {
        part.owed += part.weight;
        given += part.weight;
    }
    let chosen = able.into_iter().max_by_key(|part| part.owed)?;
    chosen.owed -= given;
    Some(chosen.deployment.clone())
}

async fn accept(proxy: Arc<Proxy>, listener: TcpListener) {
    loop {
        tokio::select! {
            () = proxy.closing.cancelled() => return,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let proxy = Arc::clone(&proxy);
                tokio::spawn(async move {
                    tokio::select! {
                        () = proxy.closing.cancelled() => {}
                        _ = forward(&proxy, stream) => {}
                    }
                });
            }
        }
    }
}

async fn forward(proxy: &Proxy, mut client: TcpStream) -> std::io::Result<()> {
    let mut start = Vec::new();
    let head = loop {
        let before = start.len();
        start.resize(before + 8192, 0);
        let read = client.read(&mut start[before..]).await?;
        start.truncate(before + read);
        if read == 0 && start.is_empty() {
            return Ok(());
        }
        if let Some(end) = start.windows(4).position(|window| window == b"\r\n\r\n") {
            break Some(end);
        }
        if read == 0 || start.len() > HEAD || !is_http(&start) {
            break None;
        }
    };
    let Some((place, mut target)) = proxy.connect().await else {
        if is_http(&start) {
            let answer = b"HTTP/1.1 503 Service Unavailable\r\nServer: awselb/2.0\r\nConnection: close\r\n\
                           Content-Type: text/plain\r\nContent-Length: 28\r\n\r\n503 no target is registered\n";
            client.write_all(answer).await?;
            client.shutdown().await?;
        }
        return Ok(());
    };
    target.write_all(&single(start, head)).await?;
    tokio::io::copy_bidirectional(&mut client, &mut target).await?;
    drop(place);
    Ok(())
}

/// Whether the bytes begin as an HTTP/1 request does.
fn is_http(start: &[u8]) -> bool {
    let line = start.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    !method.is_empty() && method.len() <= 10 && method.iter().all(u8::is_ascii_uppercase) && !line.starts_with(b"PRI ")
}

/// The request with `Connection: close` in place of what it says about its connection.
fn single(start: Vec<u8>, head: Option<usize>) -> Vec<u8> {
    let Some(end) = head.filter(|_| is_http(&start)) else { return start };
    let Ok(text) = std::str::from_utf8(&start[..end]) else { return start };
    let name = |line: &str| line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
    if text.lines().any(|line| name(line) == "upgrade") {
        return start;
    }
    let mut request = String::with_capacity(end + 32);
    for line in text.split("\r\n").filter(|line| !matches!(name(line).as_str(), "connection" | "keep-alive")) {
        request.push_str(line);
        request.push_str("\r\n");
    }
    request.push_str("Connection: close");
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(&start[end..]);
    bytes
}

#[cfg(test)]
mod tests;
