//! What is sent, and in which order.

use longshore_local::hook;
use longshore_tests::{Push, commit, config};

/// How many repositories there are, each with one pipeline and one branch.
const REPOSITORIES: usize = 20;

/// A push, and the delivery that tells it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The pipeline that it starts.
    pub pipeline: String,
    /// Its repository, `host/owner/name`.
    pub repository: String,
    /// Which push of its branch it is; the first is 1, and each continues the one before.
    pub number: u8,
    /// Its delivery.
    pub delivery: hook::Delivery,
}

impl Planned {
    /// The commit that it leads to.
    pub fn commit(&self) -> String {
        commit(self.number)
    }
}

/// The whole of what is sent.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The pushes.
    pub pushes: Vec<Planned>,
    /// Which of them is sent when: each once, and some again.
    pub queue: Vec<usize>,
}

impl Plan {
    /// So many deliveries, a tenth of them sent before: of these every other at once with the first, the rest a third of the run later,
    /// or at its end. Repositories take turns, and the pushes of each are in order.
    pub fn new(deliveries: usize) -> Self {
        let again = deliveries / 10;
        let once = deliveries - again;
        let mut queue: Vec<_> = (0..once).map(|push| (push, 0, push)).collect();
        queue.extend((0..again).map(|number| {
            let push = number * once / again;
            if number % 2 == 0 { (push, 1, push) } else { (push + once / 3, 1, push) }
        }));
        queue.sort_unstable();
        let queue = queue.into_iter().map(|(_, _, push)| push).collect();
        Self { pushes: (0..once).map(planned).collect(), queue }
    }

    /// The configuration that the pushes are of.
    pub fn config(&self) -> String {
        let mut names: Vec<_> = self.pushes.iter().map(|push| (&*push.pipeline, &*push.repository, "")).collect();
        names.sort_unstable();
        names.dedup();
        config(&names)
    }
}

fn planned(position: usize) -> Planned {
    let name = format!("app-{:02}", position % REPOSITORIES + 1);
    let number = u8::try_from(position / REPOSITORIES + 1).expect("no more than 5,000 deliveries");
    let repository = format!("acme/{name}");
    let push = Push { repository: &repository, branch: "main", before: number - 1, after: number, files: &[] };
    Planned { delivery: push.delivery(), repository: format!("github.com/{repository}"), pipeline: name, number }
}
