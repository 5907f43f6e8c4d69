//! The numbers of a delivery's releases.

use std::collections::{BTreeSet, HashMap};

use longshore_aws::store::{Store, StoreError};

/// Numbers that were drawn for a delivery and are good for another decision on it.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    drawn: HashMap<String, BTreeSet<u64>>,
    used: HashMap<String, BTreeSet<u64>>,
}

impl Numbers {
    /// Another decision: what was drawn is unused again. Where a number was drawn before, others have probably used larger ones since,
    /// and so another is drawn now: not between the reading of a line and its writing, where every call lets others be first.
    pub(super) async fn again(&mut self, store: &Store) -> Result<(), StoreError> {
        self.used.clear();
        for (pipeline, drawn) in &mut self.drawn {
            drawn.insert(store.next_number(pipeline).await?);
        }
        Ok(())
    }

    /// A number of a pipeline that is larger than `above`.
    pub(super) async fn next(&mut self, store: &Store, pipeline: &str, above: u64) -> Result<u64, StoreError> {
        let used = self.used.entry(pipeline.to_owned()).or_default();
        let drawn = self.drawn.entry(pipeline.to_owned()).or_default();
        loop {
            if let Some(&number) = drawn.difference(used).find(|number| **number > above) {
                used.insert(number);
                return Ok(number);
            }
            drawn.insert(store.next_number(pipeline).await?);
        }
    }
}
