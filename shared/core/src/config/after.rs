//! Which pipelines wait for which: names that exist, no cycles, and an order in which whoever is waited for comes first.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{Pipeline, Problem, fold, read::Read};
use crate::{push::Cause, text};

/// Fills in every pipeline's `after`, reports what is wrong with them, and gives the order.
pub(super) fn order(pipelines: &mut [Read], mut problem: impl FnMut(Problem)) -> Vec<usize> {
    let upstreams = resolve(pipelines, &mut problem);
    of_one_cause(pipelines, &upstreams, &mut problem);
    let Sorted { order, cycles } = sort(&upstreams);
    for cycle in &cycles {
        problem(in_a_cycle(pipelines, cycle));
    }
    if cycles.is_empty() {
        branches_of_their_own(pipelines, &upstreams, &order, &mut problem);
    }
    for read in pipelines {
        read.pipeline.after = read.after.iter().map(|(name, _)| name.clone()).collect();
    }
    order
}

/// The position of each name in each `after`; names that are wrong are reported and dropped.
fn resolve(pipelines: &mut [Read], problem: &mut impl FnMut(Problem)) -> Vec<Vec<usize>> {
    let mut positions: HashMap<String, usize> = HashMap::new();
    for (position, read) in pipelines.iter().enumerate() {
        positions.entry(read.pipeline.name.clone()).or_insert(position);
    }
    let mut upstreams = Vec::new();
    for read in pipelines {
        let mut found = Vec::new();
        let mut variables: HashMap<String, String> = HashMap::new();
        read.after.retain(|(name, span)| {
            let variable = Pipeline::upstream_variable(name);
            let (message, help) = match (positions.get(name), variables.get(&variable)) {
                (None, _) => {
                    let near =
                        text::nearest(name, positions.keys().map(String::as_str).filter(|name| !name.is_empty()));
                    (format!("no pipeline is named \"{name}\""), near.map(|near| format!("did you mean \"{near}\"?")))
                }
                (Some(_), Some(earlier)) if earlier == name => (format!("`after` names \"{name}\" twice"), None),
                (Some(_), Some(earlier)) => (
                    format!("\"{earlier}\" and \"{name}\" would both be {variable} in the build"),
                    Some("name one of the two pipelines differently".to_owned()),
                ),
                (Some(&position), None) => {
                    variables.insert(variable, name.clone());
                    found.push(position);
                    return true;
                }
            };
            problem(Problem { span: span.clone(), message, help });
            false
        });
        upstreams.push(found);
    }
    upstreams
}

/// Of one repository, a pipeline that takes pushes and one that takes merges are never started by the same move: neither would ever wait for the
/// other.
fn of_one_cause(pipelines: &[Read], upstreams: &[Vec<usize>], problem: &mut impl FnMut(Problem)) {
    for (read, upstreams) in pipelines.iter().zip(upstreams) {
        let Read { pipeline, after, .. } = read;
        for (&upstream, (name, span)) in upstreams.iter().zip(after) {
            let upstream = &pipelines[upstream].pipeline;
            if upstream.on == pipeline.on || !upstream.is_of(&pipeline.repository) {
                continue;
            }
            let word = |cause| match cause {
                Cause::Push => "push",
                Cause::Merge => "merge",
            };
            let message = format!(
                "\"{name}\" has on = \"{}\" and this pipeline on = \"{}\": the same move never starts both, so this one would not wait",
                word(upstream.on),
                word(pipeline.on)
            );
            let help = "give both of them the same `on`".to_owned();
            problem(Problem { span: span.clone(), message, help: Some(help) });
        }
    }
}

struct Sorted {
    /// All positions, upstreams first.
    order: Vec<usize>,
    /// Each cycle once, from its first pipeline in the file, each followed by one that it waits for.
    cycles: BTreeSet<Vec<usize>>,
}

/// Goes through the graph depth first; a way back to where it came from is a cycle.
fn sort(upstreams: &[Vec<usize>]) -> Sorted {
    let mut sorted = Sorted { order: Vec::new(), cycles: BTreeSet::new() };
    let mut done = vec![false; upstreams.len()];
    for start in 0..upstreams.len() {
        // Where it is: positions, each with how many of its upstreams were looked at.
        let mut path: Vec<(usize, usize)> = if done[start] { Vec::new() } else { vec![(start, 0)] };
        while let Some((position, looked_at)) = path.last_mut() {
            let Some(&upstream) = upstreams[*position].get(*looked_at) else {
                done[*position] = true;
                sorted.order.push(*position);
                path.pop();
                continue;
            };
            *looked_at += 1;
            if let Some(from) = path.iter().position(|(earlier, _)| *earlier == upstream) {
                let mut cycle: Vec<usize> = path[from..].iter().map(|(position, _)| *position).collect();
                let first = cycle.iter().enumerate().min_by_key(|(_, position)| **position).map_or(0, |(at, _)| at);
                cycle.rotate_left(first);
                sorted.cycles.insert(cycle);
            } else if !done[upstream] {
                path.push((upstream, 0));
            }
        }
    }
    sorted
}

/// At the first pipeline of the cycle, where it names the second.
fn in_a_cycle(pipelines: &[Read], cycle: &[usize]) -> Problem {
    let first = &pipelines[cycle[0]];
    let name = |position: &usize| pipelines[*position].pipeline.name.clone();
    let second = cycle.get(1).map_or_else(|| first.pipeline.name.clone(), name);
    let span =
        first.after.iter().find(|(upstream, _)| *upstream == second).map_or(first.span.clone(), |(_, s)| s.clone());
    let names: Vec<String> = cycle.iter().chain(&cycle[..1]).map(name).collect();
    let message = format!("pipelines wait for each other in a cycle: {}", names.join(" → "));
    let help = match cycle {
        [_] => "a pipeline cannot wait for itself".to_owned(),
        _ => "take one of them out of another's `after`".to_owned(),
    };
    Problem { span, message, help: Some(help) }
}

/// Whatever a push to another repository can start needs a branch of its own to build.
fn branches_of_their_own(
    pipelines: &[Read],
    upstreams: &[Vec<usize>],
    order: &[usize],
    problem: &mut impl FnMut(Problem),
) {
    // The repositories whose pushes can start each pipeline, its own among them.
    let mut origins: Vec<HashSet<String>> = vec![HashSet::new(); pipelines.len()];
    for &position in order {
        let mut of_this = HashSet::from([fold(&pipelines[position].pipeline.repository)]);
        for &upstream in &upstreams[position] {
            of_this.extend(origins[upstream].iter().cloned());
        }
        origins[position] = of_this;
    }
    for (position, read) in pipelines.iter().enumerate() {
        let own = fold(&read.pipeline.repository);
        let elsewhere = |upstream: &&usize| origins[**upstream].iter().any(|origin| *origin != own);
        let Some(at) = upstreams[position].iter().position(|upstream| elsewhere(&upstream)) else { continue };
        if read.pipeline.own_branch().is_none() {
            let (name, span) = &read.after[at];
            let message =
                format!("a push to another repository starts \"{name}\", and which branch to build then is not said");
            let help = "name a branch without wildcards in `branches`".to_owned();
            problem(Problem { span: span.clone(), message, help: Some(help) });
        }
    }
}
