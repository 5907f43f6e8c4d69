//! A run: everything that can happen next happens in an order that chance decides, first with faults, then without, until nothing is
//! open.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use longshore_core::{
    image::Digest,
    release::{Fact, Image, OpenFor, ReleaseId},
};

use crate::{
    checks,
    deploy::Deploy,
    nature::{self, Report},
    people,
    plan::{Broken, Kind, Plan},
    runtime::{Caller, Invocation, Shared},
    trigger::Trigger,
    world::{Event, World},
};

/// In the end, after so many minutes at most nothing is open.
const MINUTES: usize = 400;

/// How many steps of invocations there are to one of anything else.
const POLLS: usize = 5;

/// How a run ended.
#[derive(Default)]
pub struct Run {
    pub violation: Option<String>,
    pub reached: BTreeSet<&'static str>,
    pub trace: Vec<String>,
}

struct Schedule {
    world: Shared,
    invocations: Vec<Invocation>,
    made: u32,
    /// Which pushes are to be delivered yet; a delivery that has no answer comes again.
    deliveries: Vec<usize>,
    broken: Option<Broken>,
}

/// Runs one schedule.
pub fn run(seed: u64, kind: Kind, broken: Option<Broken>, traced: bool) -> Run {
    let world = World::new(seed, |chance| Plan::new(kind, broken, chance), traced);
    let (turns, pushes) = (world.plan.turns, world.plan.pushes);
    let world = Rc::new(RefCell::new(world));
    let deliveries = (1..=pushes).collect();
    let mut schedule = Schedule { world: world.clone(), invocations: Vec::new(), made: 0, deliveries, broken };
    for _ in 0..turns {
        schedule.turn();
        if world.borrow().violation.is_some() {
            break;
        }
    }
    if world.borrow().violation.is_none() {
        schedule.calm();
    }
    schedule.world.borrow_mut().calm = true;
    drop(schedule);
    let mut world = world.borrow_mut();
    let reached = std::mem::take(&mut world.reached);
    Run { violation: world.violation.take(), reached, trace: world.trace.take().unwrap_or_default() }
}

impl Schedule {
    /// Something happens.
    fn turn(&mut self) {
        let what = self.world.borrow_mut().chance.below(100);
        match what {
            0..60 => {
                for _ in 0..POLLS {
                    self.poll();
                }
            }
            60..67 => self.event(),
            67..70 => self.tick(),
            70..72 => self.deliver(),
            72..78 => self.build(),
            78..89 => nature::ecs(&mut self.world.borrow_mut()),
            89..93 => people::act(&mut self.world.borrow_mut()),
            93..96 => self.wait(60_000),
            _ => self.wait(3_000),
        }
        self.wait(120);
    }

    /// Time passes: Lambda ends what takes too long, and what was on its way arrives, each at its time.
    fn wait(&mut self, millis: i64) {
        let until = {
            let world = &mut *self.world.borrow_mut();
            world.now + world.chance.millis(millis)
        };
        loop {
            // It is ended once the world is free: what it sent goes on its way then.
            let _over;
            let world = &mut *self.world.borrow_mut();
            let arrives = (0..world.on_their_way.len()).min_by_key(|position| world.on_their_way[*position].0);
            let arrives = arrives.map(|position| (world.on_their_way[position].0, position));
            let ends = (0..self.invocations.len()).min_by_key(|position| self.invocations[*position].began);
            let ends = ends.map(|position| (self.invocations[position].began + Invocation::LIFE, position));
            match (ends, arrives) {
                (Some((at, position)), arrives) if at <= until && arrives.is_none_or(|(other, _)| at <= other) => {
                    world.now = at;
                    let over = self.invocations.swap_remove(position);
                    world.say(|| format!("{} ({}) runs for too long", over.name, over.number));
                    _over = over;
                }
                (_, Some((at, position))) if at <= until => {
                    world.now = at;
                    let (_, effect) = world.on_their_way.swap_remove(position);
                    world.say(|| "what was on its way arrives".to_owned());
                    effect(world);
                }
                _ => {
                    world.now = until;
                    return;
                }
            }
        }
    }

    /// An invocation does its next step, or dies.
    fn poll(&mut self) {
        if self.invocations.is_empty() {
            return;
        }
        let (position, dies) = {
            let world = &mut *self.world.borrow_mut();
            (world.chance.below(self.invocations.len()), world.is_unlucky(world.plan.deaths))
        };
        if dies {
            let dead = self.invocations.swap_remove(position);
            self.world.borrow_mut().say(|| format!("{} ({}) dies", dead.name, dead.number));
            return;
        }
        if self.invocations[position].poll() {
            self.invocations.swap_remove(position);
        }
    }

    fn invoke<F: Future<Output = ()> + 'static>(&mut self, name: &str, work: impl FnOnce(Caller) -> F) {
        self.made += 1;
        self.world.borrow_mut().say(|| format!("{name} ({}) begins", self.made));
        let future = work(Caller::new(&self.world));
        self.invocations.push(Invocation::new(&self.world, self.made, name.to_owned(), future));
    }

    fn tick(&mut self) {
        if self.broken == Some(Broken::Ticks) {
            return;
        }
        let (builds, deployments) = {
            let table = &self.world.borrow().table;
            (table.open(OpenFor::Build), table.open(OpenFor::Deployment))
        };
        let broken = self.broken;
        let all = builds.into_iter().chain(deployments.iter().cloned()).collect();
        self.invoke("trigger's tick", |caller| async move { Trigger::new(caller, broken).look_after_all(all).await });
        self.deploy("deploy's tick", deployments);
    }

    fn deploy(&mut self, name: &str, releases: Vec<ReleaseId>) {
        let broken = self.broken;
        self.invoke(name, |caller| async move {
            Deploy::new(caller, broken).advance_all(releases).await;
        });
    }

    /// An event that is due arrives.
    fn event(&mut self) {
        let event = {
            let world = &mut *self.world.borrow_mut();
            let due: Vec<usize> = (0..world.events.len()).filter(|at| world.events[*at].0 <= world.now).collect();
            let Some(at) = world.chance.of(&due).copied() else { return };
            world.events.swap_remove(at).1
        };
        let broken = self.broken;
        match event {
            Event::Build(id) => self.invoke("a build's end", |caller| async move {
                Trigger::new(caller, broken).look_after(&id).await.ok();
            }),
            Event::Changed(id) => self.invoke("a release's change", |caller| async move {
                Trigger::new(caller, broken).ended(&id).await.ok();
            }),
            Event::Task(id) => self.deploy("a task's end", vec![id]),
            Event::Asked(id) => self.deploy("a person's wish", vec![id]),
            Event::Service(key) => {
                let concerned = {
                    let table = &self.world.borrow().table;
                    let environment = key.split('/').next().unwrap_or_default();
                    let goes_there = |id: &ReleaseId| {
                        let release = table.releases.get(id);
                        release.is_some_and(|release| release.deployments.iter().any(|d| d.environment == environment))
                    };
                    table.open(OpenFor::Deployment).into_iter().filter(goes_there).collect()
                };
                self.deploy("a service's event", concerned);
            }
        }
    }

    /// A push is told: one of the next two, so that they may change places on the way.
    fn deliver(&mut self) {
        // Not all at once: some are pushed when others are live.
        if self.deliveries.is_empty() || self.world.borrow_mut().is_unlucky(60) {
            return;
        }
        let position = {
            let world = &mut *self.world.borrow_mut();
            let next = usize::from(self.deliveries.len() > 1 && world.is_unlucky(15));
            let again = world.is_unlucky(20);
            if again { self.deliveries[next] } else { self.deliveries.remove(next) }
        };
        let broken = self.broken;
        let world = self.world.clone();
        // Where the provider has no answer it delivers again, in the end.
        self.invoke(&format!("push {position}"), |caller| async move {
            let trigger = Trigger::new(caller, broken);
            if trigger.deliver(position).await.is_err() {
                world.borrow_mut().say(|| format!("push {position} has no answer"));
            }
        });
    }

    /// A build goes on.
    fn build(&mut self) {
        let report = nature::build(&mut self.world.borrow_mut());
        let Some(Report { release, build, digest }) = report else { return };
        let broken = self.broken;
        self.invoke("a build's image", |caller| async move {
            let deploy = Deploy::new(caller.clone(), broken);
            let id = release.clone();
            let Ok(Some(known)) = caller.call(move |world| world.table.releases.get(&id).cloned()).await else {
                return;
            };
            let digest = Digest::parse(&format!("sha256:{}", digest.to_string().repeat(64))).expect("a digest");
            let image = Image::new("r.example/web", digest);
            if deploy.apply(known, Fact::ImageReported(image)).await.is_ok() {
                // From here on `curl` has its answer, unless it gets lost.
                caller.call(move |world| world.codebuild.builds[build].reported = true).await.ok();
                deploy.advance(&release).await.ok();
            }
        });
    }

    /// The faults stop, and ticks come each minute.
    fn calm(&mut self) {
        {
            let world = &mut *self.world.borrow_mut();
            world.calm = true;
            people::settle(world);
        }
        while !self.deliveries.is_empty() {
            self.deliver();
        }
        for minute in 0..MINUTES {
            self.finish_work();
            let over = {
                let world = &mut *self.world.borrow_mut();
                let open = world.table.releases.values().any(|release| !release.is_closed());
                let moving =
                    world.ecs.services.values_mut().any(|service| service.under_way().is_some_and(|d| !d.hangs));
                world.violation.is_some() || !open && !moving
            };
            if over {
                break;
            }
            self.wait(if minute < 100 { 120_000 } else { 1_200_000 });
            self.tick();
            for _ in 0..6 {
                self.build();
                nature::ecs(&mut self.world.borrow_mut());
            }
            if self.world.borrow_mut().chance.percent(20) {
                people::answer(&mut self.world.borrow_mut());
            }
        }
        if self.world.borrow().violation.is_none() {
            checks::over(&mut self.world.borrow_mut());
        }
    }

    /// All invocations come to their end.
    fn finish_work(&mut self) {
        let mut steps = 0_u32;
        while !self.invocations.is_empty() && self.world.borrow().violation.is_none() {
            self.poll();
            self.wait(20);
            steps += 1;
            if steps > 200_000 {
                self.world.borrow_mut().wrong("the invocations do not come to an end".to_owned());
            }
        }
    }
}
