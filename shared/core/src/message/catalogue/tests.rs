use std::collections::BTreeSet;

use super::*;

#[test]
fn every_message_in_every_state_is_as_it_was() {
    for sample in all() {
        insta::with_settings!({description => sample.title, omit_expression => true, prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(sample.name, sample.text());
        });
    }
}

#[test]
fn names_are_unique_and_every_state_has_one() {
    let all = all();
    let names: BTreeSet<_> = all.iter().map(|sample| sample.name).collect();
    assert_eq!(names.len(), all.len());
    let states: BTreeSet<_> = all.iter().map(|sample| sample.release.state.word()).collect();
    let expected = [
        "building",
        "built",
        "cancelled",
        "deploying",
        "failed",
        "live",
        "requested",
        "rolled_back",
        "superseded",
        "waiting",
    ];
    assert_eq!(states, BTreeSet::from(expected));
}
