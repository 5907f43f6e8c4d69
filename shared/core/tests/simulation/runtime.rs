//! Invocations of the functions, one poll after the other: every call to the world is one atomic step, before and after which others
//! have theirs. An invocation dies by being dropped; what it had sent by then may still have its effect.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use jiff::{SignedDuration, Timestamp};

use crate::world::World;

/// The world, which all invocations share.
pub type Shared = Rc<RefCell<World>>;

/// A call had no answer. Whether it had an effect is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// By how many milliseconds a machine's clock is off at most.
const SKEW: i64 = 400;
/// For how long a call that was sent may stay on its way after its sender died: shorter than a hold lasts longer than a function.
const ON_ITS_WAY: i64 = 10_000;

/// What an invocation calls the world by.
#[derive(Clone)]
pub struct Caller {
    world: Shared,
    /// When the invocation began.
    pub began: Timestamp,
    /// How far its machine's clock is off.
    skew: SignedDuration,
}

impl Caller {
    pub fn new(world: &Shared) -> Self {
        let skew = {
            let world = &mut *world.borrow_mut();
            world.chance.millis(2 * SKEW) - SignedDuration::from_millis(SKEW)
        };
        let began = world.borrow().now + skew;
        Self { world: world.clone(), began, skew }
    }

    /// The time by its machine's clock.
    pub fn now(&self) -> Timestamp {
        self.world.borrow().now + self.skew
    }

    /// Asks, or changes something, in one atomic step. Its request or its answer may get lost.
    pub async fn call<T: 'static>(&self, effect: impl FnOnce(&mut World) -> T + 'static) -> Result<T, Lost> {
        let mut sent = Sent { world: &self.world, effect: Some(effect) };
        turn().await;
        let effect = sent.effect.take();
        drop(sent);
        let (answer, lost) = {
            let world = &mut *self.world.borrow_mut();
            let Some(effect) = effect else { return Err(Lost) };
            if world.is_unlucky(world.plan.lost_requests) {
                // Its sender waits no longer, and it may come all the same.
                if world.chance.percent(40) {
                    let at = world.now + world.chance.millis(ON_ITS_WAY);
                    world.on_their_way.push((at, Box::new(|world| drop(effect(world)))));
                }
                return Err(Lost);
            }
            let answer = effect(world);
            (answer, world.is_unlucky(world.plan.lost_answers))
        };
        turn().await;
        if lost { Err(Lost) } else { Ok(answer) }
    }

    /// A name that nobody else has.
    pub fn name(&self) -> u64 {
        self.world.borrow_mut().next_name()
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        self.world.borrow_mut().say(what);
    }

    pub async fn sleep(&self, time: SignedDuration) {
        let until = self.now() + time;
        poll_fn(|_| if self.now() >= until { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

/// A request on its way.
struct Sent<'w, T, F: FnOnce(&mut World) -> T + 'static> {
    world: &'w Shared,
    effect: Option<F>,
}

impl<T, F: FnOnce(&mut World) -> T + 'static> Drop for Sent<'_, T, F> {
    fn drop(&mut self) {
        if let Some(effect) = self.effect.take()
            && let Ok(mut world) = self.world.try_borrow_mut()
            && world.chance.percent(50)
        {
            let at = world.now + world.chance.millis(ON_ITS_WAY);
            world.on_their_way.push((at, Box::new(|world| drop(effect(world)))));
        }
    }
}

/// Lets others have their turn.
async fn turn() {
    let mut first = true;
    poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) }).await;
}

/// An invocation that runs.
pub struct Invocation {
    pub number: u32,
    pub name: String,
    pub began: Timestamp,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

impl Invocation {
    /// Lambda ends it after this time, wherever it is.
    pub const LIFE: SignedDuration = SignedDuration::from_secs(25);

    pub fn new(world: &Shared, number: u32, name: String, future: impl Future<Output = ()> + 'static) -> Self {
        Self { number, name, began: world.borrow().now, future: Box::pin(future) }
    }

    /// Lets it do its next step; whether it ended with it.
    pub fn poll(&mut self) -> bool {
        self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }
}
