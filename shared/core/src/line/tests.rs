use proptest::prelude::*;

use super::*;
use crate::push::{Actor, Head, Reference};

fn commit(name: usize) -> String {
    format!("{name:040x}")
}

/// When deliveries arrive, if nothing is said of it.
fn now() -> Timestamp {
    Timestamp::from_second(1_900_000_000).expect("a time")
}

/// The push that took the branch from one commit to the next.
fn push(before: usize, after: usize) -> Push {
    Push {
        reference: Reference::branch("main").expect("a branch"),
        cause: Cause::Push,
        before: Some(commit(before)),
        after: Some(commit(after)),
        created: false,
        forced: false,
        at: None,
        head: Head::default(),
        actor: Actor::default(),
        files: None,
        brought: Vec::new(),
        base: None,
    }
}

fn at(mut push: Push, second: i64) -> Push {
    push.at = Timestamp::from_second(1_800_000_000 + second).ok();
    push
}

fn merge(after: usize) -> Push {
    Push { cause: Cause::Merge, before: None, ..push(0, after) }
}

/// A pipeline `web`, as trigger does it: which release is of which commit, and what became of it.
struct World {
    line: Line,
    now: Timestamp,
    number: u64,
    /// Commit of each release by its number, and whether it was superseded.
    releases: Vec<(String, bool)>,
}

impl Default for World {
    fn default() -> Self {
        Self { line: Line::default(), now: now(), number: 0, releases: Vec::new() }
    }
}

impl World {
    fn release(&mut self, of: &str, superseded: bool) -> Placed {
        self.number += 1;
        self.releases.push((of.to_owned(), superseded));
        let id = ReleaseId::parse(&format!("01JD0000000000000000{:06}", self.number)).expect("an id");
        Placed { release: id, pipeline: "web".into(), number: self.number, late: superseded }
    }

    fn supersede(&mut self, placed: &Placed) {
        self.releases[usize::try_from(placed.number).expect("a number") - 1].1 = true;
    }

    fn arrives(&mut self, push: &Push) {
        self.arrives_for(push, true);
    }

    /// A push that starts the pipeline, or not.
    fn arrives_for(&mut self, push: &Push, starts: bool) {
        let position = self.line.place(push, self.now).expect("a place");
        if starts && self.line.release(position, "web").is_none() {
            let late = self.line.is_late(position, "web");
            let own = self.release(push.after.as_deref().expect("a commit"), late);
            self.line.started(position, own);
        }
        for newest in self.line.overtaken() {
            self.supersede(&newest);
            let commit = self.releases[usize::try_from(newest.number).expect("a number") - 1].0.clone();
            let again = self.release(&commit, false);
            self.line.replaced(&newest.release, &again);
        }
        let older: Vec<_> = self.line.older("web").cloned().collect();
        for older in &older {
            self.supersede(older);
        }
        assert_eq!(self.line.overtaken(), []);
    }

    /// The commits that are not superseded.
    fn live(&self) -> Vec<&str> {
        self.releases.iter().filter(|(_, superseded)| !superseded).map(|(commit, _)| commit.as_str()).collect()
    }
}

fn live(pushes: &[Push]) -> Vec<String> {
    let mut world = World::default();
    for push in pushes {
        world.arrives(push);
    }
    world.live().into_iter().map(str::to_owned).collect()
}

#[test]
fn pushes_that_arrive_in_order_supersede_each_other() {
    assert_eq!(live(&[push(0, 1), push(1, 2), push(2, 3)]), [commit(3)]);
}

#[test]
fn pushes_that_arrive_in_reverse_are_late_from_the_beginning() {
    let mut world = World::default();
    for push in [push(2, 3), push(1, 2), push(0, 1)] {
        world.arrives(&push);
    }
    assert_eq!(world.live(), [commit(3)]);
    assert_eq!(world.number, 3, "nothing was released twice");
}

#[test]
fn a_push_whose_neighbour_is_missing_is_placed_by_the_providers_time() {
    assert_eq!(live(&[at(push(2, 3), 3), at(push(0, 1), 1)]), [commit(3)]);
    assert_eq!(live(&[at(push(0, 1), 1), at(push(2, 3), 3)]), [commit(3)]);
    assert_eq!(
        live(&[push(2, 3), push(0, 1)]),
        [commit(1)],
        "without times the one that arrives last is presumed newest"
    );
}

#[test]
fn the_push_that_closes_a_gap_has_the_newest_commit_released_again() {
    let mut world = World::default();
    for push in [push(2, 3), push(0, 1), push(1, 2)] {
        world.arrives(&push);
    }
    assert_eq!(world.live(), [commit(3)]);
    assert_eq!(world.line.highest("web"), 4, "the fourth release is the first one's commit again");
    let of = |number: u64| ReleaseId::parse(&format!("01JD0000000000000000{number:06}")).expect("an id");
    let newer = |number| world.line.newer(&of(number), number, "web").map(|placed| placed.number);
    assert_eq!((newer(2), newer(4)), (Some(4), None));
    assert_eq!(newer(1), Some(4), "the line has it no longer");
}

#[test]
fn a_branch_that_goes_to_and_fro_is_followed() {
    assert_eq!(live(&[push(0, 1), push(1, 0), push(0, 1)]), [commit(1)]);
    assert_eq!(live(&[push(0, 1), push(1, 2), push(2, 1)]), [commit(1)]);
}

#[test]
fn the_same_push_told_twice_is_one() {
    let mut world = World::default();
    for push in [push(0, 1), push(1, 2), push(0, 1), push(1, 2)] {
        world.arrives(&push);
    }
    assert_eq!(world.number, 2);
    assert_eq!(world.live(), [commit(2)]);
}

#[test]
fn a_merge_and_its_push_are_one_whichever_comes_first() {
    for pushes in [[push(0, 1), merge(2), push(1, 2)], [push(0, 1), push(1, 2), merge(2)]] {
        let mut line = Line::default();
        let places: Vec<_> = pushes.iter().map(|push| line.place(push, now()).expect("a place")).collect();
        assert_eq!(places[1], places[2]);
        assert_eq!(line.0.len(), 2);
        assert_eq!(line.0[1].before, Some(commit(1)));
    }
}

#[test]
fn a_push_that_another_pipeline_ignored_is_no_newer_one() {
    let mut line = Line::default();
    line.place(&push(1, 2), now()).expect("a place");
    let position = line.place(&push(0, 1), now()).expect("a place");
    assert!(!line.is_late(position, "web"));
    assert_eq!((line.overtaken(), line.newest("web")), (vec![], None));
}

#[test]
fn a_line_remembers_its_latest_pushes() {
    let mut world = World::default();
    for number in 0..100 {
        world.arrives(&push(number, number + 1));
    }
    assert_eq!(world.line.0.len(), Line::LENGTH);
    assert_eq!(world.live(), [commit(100)]);
    let head = world.line.head().expect("a head");
    assert_eq!(world.line.at(head).0, commit(100));
}

#[test]
fn a_push_that_starts_nothing_still_puts_the_order_right() {
    let mut world = World::default();
    for (push, starts) in [(push(2, 3), true), (push(0, 1), true), (push(1, 2), false)] {
        world.arrives_for(&push, starts);
    }
    assert_eq!(world.live(), [commit(3)]);
}

#[test]
fn a_branch_goes_on_where_it_was_though_deliveries_are_lost_for_good() {
    let mut world = World::default();
    // The second to the fourth are lost, and the first is sent again: it is presumed newest.
    for push in [push(4, 5), push(0, 1)] {
        world.arrives(&push);
    }
    assert_eq!(world.live(), [commit(1)]);
    world.now += ASTRAY;
    world.arrives(&push(5, 6));
    assert_eq!(world.live(), [commit(6)]);
    world.arrives(&push(6, 7));
    assert_eq!(world.live(), [commit(7)]);
    for number in 1..4 {
        world.arrives(&push(number, number + 1));
    }
    assert_eq!(world.live(), [commit(7)], "they come after all, and change nothing");
}

#[test]
fn a_merge_that_comes_before_its_push_gets_its_place_by_it() {
    let mut world = World::default();
    let merged = at(merge(2), 2);
    for (push, starts) in [(&merged, false), (&push(0, 1), true), (&push(1, 2), true), (&push(2, 3), true)] {
        world.arrives_for(push, starts);
    }
    assert_eq!(world.live(), [commit(3)]);
}

#[test]
fn what_was_told_before_a_reset_is_not_new_when_it_is_told_again() {
    let mut world = World::default();
    for push in [at(push(0, 1), 1), at(push(1, 0), 2), at(push(1, 0), 2), at(push(0, 1), 1)] {
        world.arrives(&push);
    }
    assert_eq!((world.live(), world.number), (vec![commit(0).as_str()], 2));
    let made = at(Push { before: None, created: true, ..push(0, 1) }, 1);
    let mut world = World::default();
    world.arrives(&made);
    world.line.deleted(Some(&commit(1)), Timestamp::from_second(1_800_000_002).ok());
    world.arrives(&made);
    assert_eq!(world.number, 1, "nor before a deletion");
    world.arrives(&at(Push { before: None, created: true, ..push(0, 1) }, 3));
    world.line.deleted(Some(&commit(1)), Timestamp::from_second(1_800_000_002).ok());
    assert!(world.line.head().is_some(), "the deletion, told again, was before that");
}

#[test]
fn the_newest_release_of_a_pipeline_is_remembered_however_many_pushes_start_none() {
    let mut world = World::default();
    world.arrives(&push(0, 1));
    for number in 1..40 {
        world.arrives_for(&push(number, number + 1), false);
    }
    assert_eq!(world.line.0.len(), Line::LENGTH);
    let of_web = world.line.newest("web").cloned().expect("a release");
    assert_eq!(of_web.number, 1);
    // Each of many pipelines has its own, within bounds.
    for number in 40..140 {
        let place = world.line.place(&push(number, number + 1), now()).expect("a place");
        let placed = Placed { pipeline: format!("p{number}"), ..of_web.clone() };
        world.line.started(place, placed);
    }
    assert_eq!(world.line.0.len(), Line::MOST);
}

#[test]
fn what_is_made_again_after_a_deletion_is_a_push_of_its_own() {
    let made = |after| Push { before: None, created: true, ..push(0, after) };
    let mut world = World::default();
    for (after, live) in [(1, 1), (2, 2), (1, 1), (1, 1)] {
        world.arrives(&made(after));
        assert_eq!(world.live(), [commit(live)]);
        let head = world.line.head().expect("a head");
        assert_eq!(world.line.at(head).0, commit(after));
        world.line.deleted(Some(&commit(after)), None);
        assert_eq!(world.line.head(), None);
    }
    assert_eq!(world.number, 4);
    // Nor does it come before what went on from the same commit back then.
    let mut world = World::default();
    world.arrives(&push(1, 2));
    world.line.deleted(None, None);
    world.arrives(&made(1));
    assert_eq!(world.live(), [commit(1)]);
}

#[test]
fn a_push_that_is_built_again_for_another_repository_keeps_its_place() {
    let mut world = World::default();
    world.arrives(&push(0, 1));
    for _ in 0..5 {
        let head = world.line.head().expect("a head");
        let again = world.release(&commit(1), false);
        world.line.started(head, again);
    }
    assert_eq!(world.line.older("web").map(|placed| placed.number).collect::<Vec<_>>(), [5]);
    assert_eq!((world.line.overtaken(), world.line.newest("web").map(|placed| placed.number)), (vec![], Some(6)));
    let newest = world.line.newest("web").cloned().expect("a release");
    assert_eq!(world.line.before(&newest.release, "web").next().map(|placed| placed.number), Some(5));
}

proptest! {
    #[test]
    fn the_newest_push_wins_in_whatever_order_deliveries_arrive(
        order in (1..9_usize).prop_flat_map(|length| Just((0..length).collect::<Vec<_>>()).prop_shuffle()),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        times in any::<bool>(),
    ) {
        let pushes: Vec<_> = order.iter().map(|&number| {
            let push = push(number, number + 1);
            if times { at(push, i64::try_from(number).expect("a second") / 3) } else { push }
        }).collect();
        let mut told = pushes.clone();
        told.extend(again.iter().map(|index| index.get(&pushes).clone()));
        prop_assert_eq!(live(&told), [commit(order.len())]);
    }

    #[test]
    fn the_newest_push_that_starts_something_wins_whatever_the_others_do(
        order in (1..9_usize).prop_flat_map(|length| Just((0..length).collect::<Vec<_>>()).prop_shuffle()),
        starts in prop::collection::vec(any::<bool>(), 9),
    ) {
        let mut world = World::default();
        for number in &order {
            world.arrives_for(&push(*number, number + 1), starts[*number]);
        }
        let newest = (0..order.len()).rev().find(|&number| starts[number]);
        let expected: Vec<_> = newest.into_iter().map(|number| commit(number + 1)).collect();
        prop_assert_eq!(world.live(), expected);
    }

    #[test]
    fn any_pushes_leave_one_live_release(edges in prop::collection::vec((0..5_usize, 0..5_usize), 1..40)) {
        let pushes: Vec<_> = edges.into_iter().map(|(before, after)| push(before, after)).collect();
        prop_assert_eq!(live(&pushes).len(), 1);
    }
}
