//! The lifecycle stages of a deployment that shifts traffic, a pure function: where it is and what is seen in, where it goes
//! next out. Blue is the revision that serves, green the one that is to.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-blue-green.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-linear.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html>.

/// All traffic, in tenths of a percent.
pub const ALL: u16 = 1000;

/// A lifecycle stage, in the order in which they come. `PreProductionTrafficShift` is only stopped at where a hook is there: AWS
/// lists it as a stage of hooks, and not among the values of `lifecycleStage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Revisions of a deployment that was broken off are scaled down.
    ReconcileService,
    /// Green has no tasks yet.
    PreScaleUp,
    /// Green gets its tasks.
    ScaleUp,
    /// Green has its tasks, and no traffic.
    PostScaleUp,
    /// Green gets the test traffic.
    TestTrafficShift,
    /// Green has the test traffic.
    PostTestTrafficShift,
    /// Before each step of production traffic.
    PreProductionTrafficShift,
    /// Green gets production traffic, step by step.
    ProductionTrafficShift,
    /// Green has all traffic.
    PostProductionTrafficShift,
    /// Both run, for the case that it has to go back.
    BakeTime,
    /// Blue is scaled down.
    CleanUp,
}

impl Stage {
    /// Every stage, in order.
    pub const EVERY: [Self; 11] = [
        Self::ReconcileService,
        Self::PreScaleUp,
        Self::ScaleUp,
        Self::PostScaleUp,
        Self::TestTrafficShift,
        Self::PostTestTrafficShift,
        Self::PreProductionTrafficShift,
        Self::ProductionTrafficShift,
        Self::PostProductionTrafficShift,
        Self::BakeTime,
        Self::CleanUp,
    ];

    /// AWS's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::ScaleUp => "SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Self::BakeTime => "BAKE_TIME",
            Self::CleanUp => "CLEAN_UP",
        }
    }

    /// Whether a `PAUSE` hook may be there.
    pub fn pausable(self) -> bool {
        match self {
            Self::ReconcileService
            | Self::PreScaleUp
            | Self::PostScaleUp
            | Self::PostTestTrafficShift
            | Self::PreProductionTrafficShift
            | Self::PostProductionTrafficShift => true,
            Self::ScaleUp | Self::TestTrafficShift | Self::ProductionTrafficShift | Self::BakeTime | Self::CleanUp => {
                false
            }
        }
    }
}

/// How traffic is to be shifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Course {
    /// Green's production traffic after each step, in tenths of a percent, rising; the last is [`ALL`].
    pub steps: Vec<u16>,
    /// Minutes between two steps.
    pub pause: u32,
    /// Minutes of bake time.
    pub bake: u32,
    /// A hook is configured for `PRE_PRODUCTION_TRAFFIC_SHIFT`.
    pub asks: bool,
}

/// How long things take, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// A minute of bake time, or between two steps.
    pub minute: f64,
    /// The shortest stage.
    pub stage: f64,
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Its stage.
    pub stage: Stage,
    /// Since when.
    pub since: f64,
    /// Which step of production traffic is taken, or was last.
    pub step: usize,
    /// It rolls back.
    pub back: bool,
}

impl Progress {
    /// A deployment begins. `stray`: there are other revisions than blue and green.
    pub fn begin(stray: bool, now: f64) -> Self {
        let stage = if stray { Stage::ReconcileService } else { Stage::PreScaleUp };
        Self { stage, since: now, step: 0, back: false }
    }

    /// A rollback begins. `ready`: blue has its tasks.
    pub fn roll_back(ready: bool, now: f64) -> Self {
        let stage = if ready { Stage::ProductionTrafficShift } else { Stage::ScaleUp };
        Self { stage, since: now, step: 0, back: true }
    }
}

/// What a stage looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// A hook waits for someone.
    pub held: bool,
    /// The revision that gets the traffic, green or in a rollback blue, has all its tasks, and they serve.
    pub ready: bool,
    /// Which revisions have tasks that serve.
    pub company: Company,
}

/// Which revisions have tasks that serve, besides the one that gets the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Some that are neither blue nor green.
    Strays,
    /// The other one of blue and green.
    Pair,
    /// None.
    Alone,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// This stage, or the next step of it.
    Enter(Progress),
    /// The end.
    Done,
}

/// Where the deployment goes, if it may go on.
pub fn next(course: &Course, at: Progress, view: View, pace: Pace, now: f64) -> Option<Next> {
    let spent = now - at.since;
    if view.held || spent < pace.stage {
        return None;
    }
    let enter = |stage| Some(Next::Enter(Progress { stage, since: now, ..at }));
    let step = |step| {
        let stage = if course.asks { Stage::PreProductionTrafficShift } else { Stage::ProductionTrafficShift };
        Some(Next::Enter(Progress { stage, since: now, step, ..at }))
    };
    let minutes = |minutes: u32| f64::from(minutes) * pace.minute;
    match at.stage {
        Stage::ReconcileService if view.company != Company::Strays => enter(Stage::PreScaleUp),
        Stage::PreScaleUp => enter(Stage::ScaleUp),
        Stage::ScaleUp if view.ready && at.back => enter(Stage::ProductionTrafficShift),
        Stage::ScaleUp if view.ready => enter(Stage::PostScaleUp),
        Stage::PostScaleUp => enter(Stage::TestTrafficShift),
        Stage::TestTrafficShift if at.back => enter(Stage::CleanUp),
        Stage::TestTrafficShift => enter(Stage::PostTestTrafficShift),
        Stage::PostTestTrafficShift => step(0),
        Stage::PreProductionTrafficShift => enter(Stage::ProductionTrafficShift),
        Stage::ProductionTrafficShift if at.back => enter(Stage::TestTrafficShift),
        Stage::ProductionTrafficShift if at.step + 1 >= course.steps.len() => enter(Stage::PostProductionTrafficShift),
        Stage::ProductionTrafficShift if spent >= minutes(course.pause) => step(at.step + 1),
        Stage::PostProductionTrafficShift => enter(Stage::BakeTime),
        Stage::BakeTime if spent >= minutes(course.bake) => enter(Stage::CleanUp),
        Stage::CleanUp if view.company == Company::Alone => Some(Next::Done),
        Stage::ReconcileService | Stage::ScaleUp | Stage::ProductionTrafficShift | Stage::BakeTime | Stage::CleanUp => {
            None
        }
    }
}

/// What a stage makes of a revision; `None`: what it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Whether it has the service's tasks, or none.
    pub full: Option<bool>,
    /// Its production traffic, in tenths of a percent.
    pub production: Option<u16>,
    /// Its test traffic.
    pub test: Option<u16>,
}

/// Whose share is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The revision that served before.
    Blue,
    /// The revision that is deployed.
    Green,
    /// What a deployment that was broken off left.
    Stray,
}

/// What a revision has at this stage.
pub fn share(course: &Course, at: Progress, role: Role) -> Share {
    let all = |yes: bool| if yes { ALL } else { 0 };
    if at.back {
        let blue = role == Role::Blue;
        return Share {
            full: if blue { Some(true) } else { (at.stage == Stage::CleanUp).then_some(false) },
            production: (at.stage != Stage::ScaleUp).then_some(all(blue)),
            test: matches!(at.stage, Stage::TestTrafficShift | Stage::CleanUp).then_some(all(blue)),
        };
    }
    let taken = match at.stage {
        Stage::PreProductionTrafficShift => at.step.checked_sub(1).and_then(|before| course.steps.get(before)).copied(),
        Stage::ProductionTrafficShift => course.steps.get(at.step).copied(),
        stage => Some(all(stage > Stage::ProductionTrafficShift)),
    };
    let production = taken.unwrap_or_default();
    let test = all(at.stage >= Stage::TestTrafficShift);
    match role {
        Role::Green => Share { full: Some(at.stage >= Stage::ScaleUp), production: Some(production), test: Some(test) },
        Role::Blue => {
            Share { full: Some(at.stage < Stage::CleanUp), production: Some(ALL - production), test: Some(ALL - test) }
        }
        Role::Stray => Share { full: Some(false), production: Some(0), test: Some(0) },
    }
}

#[cfg(test)]
mod tests;
