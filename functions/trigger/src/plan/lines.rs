//! The lines of branches and tags that a delivery's releases have their places in.

use longshore_aws::store::{KeptLine, Store, StoreError};
use longshore_core::{config, line::Line, push::Reference};

/// The lines that are looked at in one go: each is read once.
#[derive(Default)]
pub(crate) struct Lines(Vec<Looked>);

/// A line as it was read, and as it is to be.
struct Looked {
    /// Folded.
    repository: String,
    reference: Reference,
    before: Line,
    kept: KeptLine,
}

impl Lines {
    /// The position of a line, which is read when it is asked for first.
    pub(crate) async fn of(
        &mut self,
        store: &Store,
        repository: &str,
        reference: &Reference,
    ) -> Result<usize, StoreError> {
        let repository = config::fold(repository);
        let known = self.0.iter().position(|one| one.repository == repository && one.reference == *reference);
        if let Some(known) = known {
            return Ok(known);
        }
        let kept = store.line(&repository, reference).await?;
        self.0.push(Looked { repository, reference: reference.clone(), before: kept.line.clone(), kept });
        Ok(self.0.len() - 1)
    }

    /// The line at a position, to be changed.
    pub(super) fn line(&mut self, at: usize) -> &mut Line {
        &mut self.0[at].kept.line
    }

    /// The line at a position.
    pub(crate) fn get(&self, at: usize) -> &Line {
        &self.0[at].kept.line
    }

    /// Those that are to be written.
    pub(super) fn moved(self) -> Vec<KeptLine> {
        self.0.into_iter().filter(|one| one.kept.line != one.before).map(|one| one.kept).collect()
    }
}
