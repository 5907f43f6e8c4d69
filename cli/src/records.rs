//! Several releases' records at once.

use longshore_aws::store::{Listed, Store};
use longshore_core::release::Release;
use tokio::task::JoinSet;

/// How many are asked for at a time.
const AT_ONCE: usize = 16;

/// The records of listed releases, in their order. The list may know a release whose record is gone: it is left out.
pub async fn read(store: &Store, listed: &[Listed]) -> anyhow::Result<Vec<Release>> {
    let mut records = Vec::new();
    for some in listed.chunks(AT_ONCE) {
        let mut reading = JoinSet::new();
        for (position, listed) in some.iter().enumerate() {
            let (store, id) = (store.clone(), listed.id.clone());
            reading.spawn(async move { (position, store.release(&id).await) });
        }
        let mut read = Vec::new();
        while let Some(one) = reading.join_next().await {
            let (position, release) = one?;
            read.push((position, release?));
        }
        read.sort_by_key(|(position, _)| *position);
        records.extend(read.into_iter().filter_map(|(_, release)| release));
    }
    Ok(records)
}
