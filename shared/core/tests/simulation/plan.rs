//! What a run is about: the pipeline and its environments, how often what fails, and which rule is broken on purpose.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use longshore_core::config::{
    Approval, Approver, Base, Before, Check, Config, Environment, Freeze, Pipeline, Plan as Into,
};

use crate::chance::Chance;

/// What the runs of one test are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pushes alone: every release goes in by itself.
    Automation,
    /// People approve, lock, override, go back, and ask by name.
    People,
    /// Besides, someone deploys by hand, past Longshore.
    Hands,
    /// Several environments, tasks, checks, freezes and pauses at once.
    Everything,
}

impl Kind {
    /// How many kinds there are.
    pub const ALL: u64 = 4;
}

/// A rule of the store, of AWS or of the functions that does not hold: the checks have to notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// An environment admits an older release after a newer one.
    Numbers,
    /// Records are saved onto whatever version is there.
    Versions,
    /// Several invocations hold an environment at once.
    Holds,
    /// Locks hold nobody.
    Locks,
    /// StartBuild knows no idempotency token.
    Tokens,
    /// RunTask knows no client token.
    RunTokens,
    /// A deployment that was stopped is taken for one that completed.
    LiveOnStopped,
    /// A deployment that completed is live, whatever the service runs by then.
    LiveUnlooked,
    /// A service is told again, where it was told already.
    UpdateAgain,
    /// Services go back to what they happened to run.
    BaseIsRunning,
    /// A release is finished without asking whether a newer one was admitted.
    FinishUnheld,
    /// Approvals are not waited for.
    Approvals,
    /// Ticks do nothing.
    Ticks,
}

/// A run.
pub struct Plan {
    pub kind: Kind,
    pub broken: Option<Broken>,
    pub pipeline: Pipeline,
    /// How many pushes there are.
    pub pushes: usize,
    /// For how many turns things go wrong.
    pub turns: usize,
    /// In a hundred.
    pub lost_requests: usize,
    pub lost_answers: usize,
    pub deaths: usize,
    pub lost_events: usize,
    pub doubled_events: usize,
    pub failing_builds: usize,
    pub failing_deployments: usize,
    pub failing_tasks: usize,
    pub wrong_answers: usize,
    pub refusals: usize,
    pub pauses: bool,
    pub same_image: usize,
}

const PIPELINE: &str = "[[pipeline]]\nname = \"web\"\nrepository = \"github.com/acme/web\"\nbranches = [\"main\"]\n\
    project = \"web-build\"\nimage = \"web\"\n";

impl Plan {
    pub fn new(kind: Kind, broken: Option<Broken>, chance: &mut Chance) -> Self {
        let mut pipeline = Config::read(PIPELINE).expect("a configuration").pipelines()[0].clone();
        pipeline.supersede = chance.percent(60);
        pipeline.start_within = SignedDuration::from_mins(if chance.percent(30) { 2 } else { 30 });
        let several = kind == Kind::Everything || chance.percent(30);
        let names = if several { ["staging", "production"].as_slice() } else { &["production"] };
        pipeline.environments = names.iter().map(|name| environment(name, kind, chance)).collect();
        let calm = chance.percent(20);
        let mut often = |most: usize| if calm { 0 } else { chance.below(most + 1) };
        let (lost_requests, lost_answers, deaths) = (often(8), often(8), often(4));
        let (lost_events, doubled_events) = (often(60), often(30));
        let (failing_builds, failing_deployments) = (often(20), often(45));
        let (failing_tasks, wrong_answers, refusals) = (often(25), often(40), often(4));
        // At some times hardly anything gets through.
        let worse = if chance.percent(15) { 4 } else { 1 };
        let (lost_requests, lost_answers, deaths) = (lost_requests * worse, lost_answers * worse, deaths * worse);
        Self {
            kind,
            broken,
            pipeline,
            pushes: 2 + chance.below(5),
            turns: 200 + chance.below(1600),
            lost_requests,
            lost_answers,
            deaths,
            lost_events,
            doubled_events,
            failing_builds,
            failing_deployments,
            failing_tasks,
            wrong_answers,
            refusals,
            pauses: matches!(kind, Kind::People | Kind::Everything) && chance.percent(40),
            same_image: if chance.percent(30) { 40 } else { 0 },
        }
    }
}

fn environment(name: &str, kind: Kind, chance: &mut Chance) -> Environment {
    let services: Vec<String> =
        ["web", "worker", "mail"].iter().take(1 + chance.below(3)).map(|service| (*service).to_owned()).collect();
    let people = kind != Kind::Automation;
    let mut plan = Into { images: BTreeMap::new(), base: Base::Running, ..Into::of(name.to_owned()) };
    plan.in_order = chance.percent(50);
    plan.force = chance.percent(10);
    plan.timeout = SignedDuration::from_mins([3, 10, 60][chance.below(3)]);
    if chance.percent(20) {
        plan.scheduled = vec![format!("{name}-nightly")];
    }
    if chance.percent(30) {
        let before = |command: &str| Before {
            run: services[0].clone(),
            container: None,
            command: vec![command.to_owned()],
            timeout: SignedDuration::from_mins(3),
        };
        plan.before = ["./migrate", "./warm"].into_iter().take(1 + chance.below(2)).map(before).collect();
    }
    if chance.percent(30) {
        let lasts = SignedDuration::from_secs(30);
        plan.check = Some(Check { url: "https://web.example".to_owned(), expect: 200, lasts });
    }
    if people && chance.percent(40) {
        let expires = SignedDuration::from_mins([5, 60][chance.below(2)]);
        plan.approval = Some(Approval { by: vec![Approver::Group("managers".into())], not_author: false, expires });
    }
    if people && chance.percent(15) {
        let lasts = SignedDuration::from_mins(10);
        plan.freeze = vec![Freeze { cron: "0 * * * *".to_owned(), lasts, zone: "UTC".to_owned() }];
    }
    Environment { name: name.to_owned(), services, allow: Vec::new(), plan }
}
