//! What the service remembers: projects, builds, and the tokens of recent requests.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Instant,
};

use crate::{build::Build, input::Members, project::Project};

/// The service's memory.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) projects: BTreeMap<String, Project>,
    /// In the order of their starts.
    builds: Vec<Arc<Build>>,
    by_id: HashMap<String, Arc<Build>>,
    /// The number of a project's last build; a project that is created again goes on counting.
    numbers: HashMap<String, u64>,
    tokens: HashMap<String, Token>,
    closed: bool,
}

/// A request that may come again.
#[derive(Debug)]
struct Token {
    request: Members,
    build: Arc<Build>,
    expires: Instant,
}

/// What a token says about a request.
pub(crate) enum Seen {
    /// It is new.
    Never,
    /// This very request came before, and started this build.
    Same(Arc<Build>),
    /// The token came before, with another request.
    Other,
}

impl Store {
    /// No build starts any more, and those under way are stopped.
    pub(crate) fn close(&mut self) {
        self.closed = true;
        for build in &self.builds {
            build.stop.cancel();
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// A build by its id or its ARN.
    pub(crate) fn build(&self, id: &str) -> Option<Arc<Build>> {
        let id = match id.split_once(":build/") {
            Some((arn, id)) if arn.starts_with("arn:") => id,
            _ => id,
        };
        self.by_id.get(id).cloned()
    }

    pub(crate) fn insert(&mut self, build: Arc<Build>) {
        self.by_id.insert(build.order.id(), Arc::clone(&build));
        self.builds.push(build);
    }

    /// All builds, or a project's, in the order of their starts.
    pub(crate) fn builds(&self, project: Option<&str>) -> impl DoubleEndedIterator<Item = &Arc<Build>> {
        self.builds.iter().filter(move |build| project.is_none_or(|project| build.order.project == project))
    }

    /// The number of the project's next build.
    pub(crate) fn number(&mut self, project: &str) -> u64 {
        let number = self.numbers.entry(project.to_owned()).or_default();
        *number += 1;
        *number
    }

    /// Whether a request with this token came before.
    pub(crate) fn seen(&mut self, token: &str, request: &Members) -> Seen {
        let now = Instant::now();
        self.tokens.retain(|_, token| token.expires > now);
        match self.tokens.get(token) {
            None => Seen::Never,
            Some(token) if token.request == *request => Seen::Same(Arc::clone(&token.build)),
            Some(_) => Seen::Other,
        }
    }

    /// Remembers the token until `expires`.
    pub(crate) fn remember(&mut self, token: String, request: Members, build: Arc<Build>, expires: Instant) {
        self.tokens.insert(token, Token { request, build, expires });
    }
}
