//! Health: container checks as docker performs them, target checks as a load balancer does.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use crate::{
    ecs::Inner,
    launch::Check,
    model::{Health, Status},
};

/// Checks a container until it ends: healthy at the first success; unhealthy after `retries` failures in a row, of which
/// those in the start period do not count. Source: <https://docs.docker.com/reference/dockerfile/#healthcheck>.
pub(crate) async fn container(ecs: Arc<Inner>, task: String, name: String, runtime: String, check: Check) {
    let second = ecs.settings.quick.second;
    let interval = (second * check.interval).max(Duration::from_millis(100));
    // A slow machine must not make a short timeout fail: the time that a check may take is not shortened.
    let patience = Duration::from_secs(u64::from(check.timeout));
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        sleep(interval).await;
        let passed = ecs.engine.check(&runtime, &check.words, patience).await;
        let health = if passed {
            failures = 0;
            Some(Health::Healthy)
        } else {
            failures += u32::from(begun.elapsed() >= second * check.start_period);
            (failures >= check.retries).then_some(Health::Unhealthy)
        };
        let ended = ecs.change(&task, |task| {
            let container = task.container(&name)?;
            if container.status == Status::Stopped {
                return None;
            }
            container.health = health.unwrap_or(container.health);
            Some(())
        });
        if ended.flatten().is_none() {
            return;
        }
    }
}

/// Why a target failed its load balancer's check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It answered with this status.
    Code(u16),
    /// It did not answer in time.
    Timeout,
    /// It refused or broke the connection, or said nothing.
    Broken,
}

/// Checks a target until its future is dropped: healthy after one success, unhealthy after two failures. Within the grace
/// period the load balancer calls it unhealthy already, and its service does not yet. The load balancer is told by the caller
/// of `change`, from the task's state.
pub(crate) async fn target(ecs: Arc<Inner>, task: String, address: SocketAddr, grace: Duration) {
    let timing = &ecs.settings.quick;
    let interval = (timing.second * 5).max(Duration::from_millis(100));
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        let answer = check(address, Duration::from_secs(5)).await;
        failures = if answer.is_ok() { 0 } else { failures + 1 };
        let Some(seen) = ecs.look(&task, |task| (task.target_health, task.target_failure.clone())) else { return };
        let patient = seen.0 != Health::Healthy && begun.elapsed() < grace;
        let found = match answer {
            Ok(()) => (Health::Healthy, None),
            Err(_) if failures < 2 => seen.clone(),
            Err(failure) if patient => (seen.0, Some(failure)),
            Err(failure) => (Health::Unhealthy, Some(failure)),
        };
        if found != seen {
            ecs.change(&task, |task| (task.target_health, task.target_failure) = found);
        }
        sleep(if failures > 0 { interval.min(Duration::from_millis(250)) } else { interval }).await;
    }
}

/// Whether something serves there: an HTTP answer below 500 to `GET /`, or another protocol's words.
async fn check(address: SocketAddr, patience: Duration) -> Result<(), Failure> {
    timeout(patience, answer(address)).await.unwrap_or(Err(Failure::Timeout))
}

async fn answer(address: SocketAddr) -> Result<(), Failure> {
    let broken = |_: std::io::Error| Failure::Broken;
    let mut stream = TcpStream::connect(address).await.map_err(broken)?;
    let request =
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.map_err(broken)?;
    let mut start = [0; 12];
    let mut read = 0;
    while read < start.len() {
        match stream.read(&mut start[read..]).await.map_err(broken)? {
            0 => break,
            more => read += more,
        }
    }
    let start = std::str::from_utf8(&start[..read]).unwrap_or("?");
    match start.strip_prefix("HTTP/").map(|rest| rest.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok())) {
        Some(Some(code)) if code < 500 => Ok(()),
        Some(Some(code)) => Err(Failure::Code(code)),
        Some(None) => Err(Failure::Broken),
        None if start.is_empty() => Err(Failure::Broken),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What a check finds where every connection gets these bytes.
    async fn checked(bytes: &'static [u8]) -> Result<(), Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 512];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes).await;
        });
        let found = check(address, Duration::from_secs(30)).await;
        serving.await.expect("an end");
        found
    }

    #[tokio::test]
    async fn a_target_is_checked_as_a_load_balancer_does() {
        assert_eq!(checked(b"HTTP/1.1 404 Not Found\r\n\r\n").await, Ok(()));
        assert_eq!(checked(b"SSH-2.0-OpenSSH_9.2\r\n").await, Ok(()));
        assert_eq!(checked(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await, Err(Failure::Code(503)));
        assert_eq!(checked(b"HTTP/1.1 what").await, Err(Failure::Broken));
        assert_eq!(checked(b"").await, Err(Failure::Broken));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let silent = listener.local_addr().expect("an address");
        assert_eq!(check(silent, Duration::from_millis(50)).await, Err(Failure::Timeout));
        drop(listener);
        assert_eq!(check(silent, Duration::from_secs(30)).await, Err(Failure::Broken));
    }
}
