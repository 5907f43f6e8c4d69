//! Waiting for a condition, with a deadline.

use std::time::Duration;

use tokio::time::{interval, timeout};

/// What takes longer has hung.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks.
const PACE: Duration = Duration::from_millis(40);

/// Looks again and again until there is something.
///
/// # Panics
///
/// After two minutes, with `what` was waited for.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut pace = interval(PACE);
    let found = async {
        loop {
            pace.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    within(what, found).await
}

/// Waits for a future.
///
/// # Panics
///
/// After two minutes, with `what` was waited for.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(found) = timeout(PATIENCE, future).await else { panic!("{what}: not within {} s", PATIENCE.as_secs()) };
    found
}
