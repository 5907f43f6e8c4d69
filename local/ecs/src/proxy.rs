//! The load balancer of a service: a port of loopback that stays the same over deployments.
//!
//! Each HTTP request goes to a target of its own: the proxy adds `Connection: close` to the request it forwards, so that no
//! connection outlives the answer and a draining target is left after it. What is not HTTP/1.1, or asks for an upgrade, is
//! forwarded as it is. A target that refuses the connection is passed over, before it has been sent anything.

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
    targets: Mutex<Vec<Target>>,
    turn: Mutex<usize>,
    closing: CancellationToken,
}

#[derive(Debug, Clone)]
struct Target {
    task: String,
    address: SocketAddr,
    /// How many connections it serves.
    busy: watch::Sender<usize>,
    serving: bool,
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
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let proxy = Arc::new(Self {
            address: listener.local_addr()?,
            targets: Mutex::default(),
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

    /// Makes a task a target, or one that gets no new requests; true when that is news.
    pub fn set(&self, task: &str, address: SocketAddr, serving: bool) -> bool {
        let mut targets = self.targets();
        if let Some(target) = targets.iter_mut().find(|target| target.task == task) {
            return std::mem::replace(&mut target.serving, serving) != serving;
        }
        if serving {
            targets.push(Target { task: task.into(), address, busy: watch::Sender::new(0), serving });
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
        let serving: Vec<&Target> =
            targets.iter().filter(|target| target.serving && !passed.contains(&target.task)).collect();
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
mod tests {
    use super::*;

    fn text(request: &[u8]) -> String {
        let head = request.windows(4).position(|window| window == b"\r\n\r\n");
        String::from_utf8(single(request.to_vec(), head)).expect("text")
    }

    #[test]
    fn a_request_closes_its_connection() {
        let request = text(b"POST /a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\nbody");
        assert_eq!(request, "POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nbody");
    }

    #[test]
    fn an_upgrade_and_other_protocols_pass_unchanged() {
        let upgrade = "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        assert_eq!(text(upgrade.as_bytes()), upgrade);
        assert_eq!(text(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert!(!is_http(b"\x16\x03\x01"));
    }

    #[tokio::test]
    async fn a_drained_target_waits_for_its_requests() {
        let proxy = Proxy::start().await.expect("a port");
        let address = "127.0.0.1:9".parse().expect("an address");
        assert!(proxy.set("a", address, true));
        assert!(!proxy.set("a", address, true));
        let place = proxy.place(&[]).expect("a target");
        let other = Arc::clone(&proxy);
        let draining = tokio::spawn(async move { other.drain("a", Duration::from_secs(30)).await });
        tokio::task::yield_now().await;
        assert!(!draining.is_finished());
        assert!(proxy.place(&[]).is_none());
        drop(place);
        draining.await.expect("drained");
    }
}
