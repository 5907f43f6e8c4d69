//! Several pieces of work at a time, within one invocation.

use std::sync::{Mutex, PoisonError};

use crate::ids;

/// The items in their order, beginning anywhere among them: those that are not come to in time are come to another time.
pub fn from_anywhere<T>(mut items: Vec<T>) -> Vec<T> {
    let first = ids::below(items.len());
    items.rotate_left(first);
    items
}

/// Does the work for each item, four at a time, and begins with them in their order. Who stops waiting stops all of it where it stands.
pub async fn each<T, F: Future<Output = ()>>(items: impl IntoIterator<Item = T>, work: impl Fn(T) -> F) {
    let items = Mutex::new(items.into_iter());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let one_after_the_other = async || {
        while let Some(item) = next() {
            work(item).await;
        }
    };
    tokio::join!(one_after_the_other(), one_after_the_other(), one_after_the_other(), one_after_the_other());
}

/// What the work makes of each item, in their order, as [`each`] does it; the first error there is among them.
pub async fn all<T, R, E, F: Future<Output = Result<R, E>>>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> F,
) -> Result<Vec<R>, E> {
    let made = Mutex::new(Vec::new());
    let one = async |(at, item)| {
        let result = work(item).await;
        made.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
    };
    Box::pin(each(items.into_iter().enumerate(), one)).await;
    let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    made.sort_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn four_are_worked_at_and_one_that_lasts_keeps_no_other_waiting() {
        let (at_work, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let (at_work, most, done) = (&at_work, &most, &done);
        let work = |item: usize| async move {
            most.fetch_max(at_work.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(if item == 0 { 3_600 } else { 1 })).await;
            at_work.fetch_sub(1, Ordering::Relaxed);
            done.fetch_add(1, Ordering::Relaxed);
        };
        let late = tokio::time::timeout(Duration::from_mins(1), each(0..20, work)).await;
        assert!(late.is_err(), "the first lasts for an hour");
        assert_eq!((most.load(Ordering::Relaxed), done.load(Ordering::Relaxed)), (4, 19));
    }
}
