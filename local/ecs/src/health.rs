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

/// Checks a target until its future is dropped: healthy after one success, unhealthy after two failures once the grace
/// period is over. The load balancer is told by the caller of `change`, from the task's state.
pub(crate) async fn target(ecs: Arc<Inner>, task: String, address: SocketAddr, grace: Duration) {
    let timing = &ecs.settings.quick;
    let interval = (timing.second * 5).max(Duration::from_millis(100));
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        let health = if answers(address, Duration::from_secs(5)).await {
            failures = 0;
            Some(Health::Healthy)
        } else {
            failures += 1;
            let seen = ecs.look(&task, |task| task.target_health).unwrap_or(Health::Unknown);
            let patient = seen != Health::Healthy && begun.elapsed() < grace;
            (failures >= 2 && !patient).then_some(Health::Unhealthy)
        };
        if let Some(health) = health {
            ecs.change(&task, |task| task.target_health = health);
        }
        sleep(if failures > 0 { interval.min(Duration::from_millis(250)) } else { interval }).await;
    }
}

/// Whether something serves there: an HTTP answer below 500 to `GET /`, or another protocol's words.
async fn answers(address: SocketAddr, patience: Duration) -> bool {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request =
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.ok()?;
        let mut start = [0; 12];
        let mut read = 0;
        while read < start.len() {
            match stream.read(&mut start[read..]).await.ok()? {
                0 => break,
                more => read += more,
            }
        }
        let start = std::str::from_utf8(&start[..read]).unwrap_or("?");
        match start.strip_prefix("HTTP/") {
            Some(rest) => rest.split(' ').nth(1)?.parse().ok().filter(|status: &u16| *status < 500).map(drop),
            None if start.is_empty() => None,
            None => Some(()),
        }
    };
    timeout(patience, exchange).await.ok().flatten().is_some()
}
