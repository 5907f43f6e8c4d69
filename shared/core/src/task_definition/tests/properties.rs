//! Whatever AWS comes up with, and wherever it puts it, survives.

use proptest::{prelude::*, sample::Index};

use super::*;

/// JSON of any kind, a few levels deep.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z$. ]{1,8}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every object in a value, as JSON pointers.
fn objects(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.push(at.to_owned());
            for (name, value) in members {
                objects(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(elements) => {
            for (position, value) in elements.iter().enumerate() {
                objects(value, &format!("{at}/{position}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #[test]
    fn members_that_do_not_exist_yet_survive_at_every_level(
        inserted in prop::collection::vec((any::<Index>(), "future[A-Za-z]{0,6}", any_json()), 1..6),
    ) {
        let mut base = described();
        for (place, name, value) in inserted {
            let mut places = Vec::new();
            objects(&base["taskDefinition"], "", &mut places);
            let place = place.get(&places);
            let object = base["taskDefinition"].pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
            object.insert(name, value);
        }
        // As it comes over the wire, and as it goes back.
        let base = read(base.to_string().as_bytes()).expect("nothing is lost");
        let revision = revise(&base, matching(IMAGE), &[]).expect("a revision");
        let sent = read(revision.request.to_string().as_bytes()).expect("nothing is lost");

        let mut expected = base["taskDefinition"].clone();
        expected.as_object_mut().expect("an object").retain(|member, _| !READ_ONLY.contains(&member.as_str()));
        expected["containerDefinitions"][0]["image"] = IMAGE.into();
        expected["tags"] = base["tags"].clone();
        prop_assert_eq!(&sent, &expected);

        let answer = registered(&sent);
        prop_assert_eq!(is_faithful(&sent, &answer), Ok(()));
        prop_assert!(is_revision(&answer, &sent));
        let paths: Vec<String> = diff(&again(&base).expect("a request"), &sent).into_iter().map(|change| change.path).collect();
        prop_assert_eq!(paths, ["containerDefinitions[web].image"]);
    }
}
