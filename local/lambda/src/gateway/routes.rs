//! Which route takes a request.
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>.

use std::cmp::Reverse;

use serde_json::{Map, Value};

use crate::template::Route;

/// The routes, the most specific first.
pub(super) struct Table(Vec<(Pattern, Route)>);

struct Pattern {
    /// `None` is `ANY`.
    method: Option<String>,
    /// `None` is `$default`.
    segments: Option<Vec<Segment>>,
}

/// In the order of preference.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(String),
    /// `{name}`
    One(String),
    /// `{name+}`
    Rest(String),
}

impl Table {
    pub fn new(routes: Vec<Route>) -> Self {
        let mut table: Vec<_> = routes.into_iter().map(|route| (pattern(&route.key), route)).collect();
        table.sort_by_key(|(pattern, _)| {
            let kinds =
                pattern.segments.as_ref().map(|segments| segments.iter().map(Segment::rank).collect::<Vec<_>>());
            (kinds.is_none(), kinds, Reverse(pattern.method.is_some()))
        });
        Self(table)
    }

    /// The route and its path parameters.
    pub fn find(&self, method: &str, path: &str) -> Option<(&Route, Map<String, Value>)> {
        self.0.iter().find_map(|(pattern, route)| {
            let ours = pattern.method.as_ref().is_none_or(|wanted| wanted == method);
            let parameters =
                pattern.segments.as_ref().map_or_else(|| Some(Map::new()), |segments| matches(segments, path));
            ours.then_some(route).zip(parameters)
        })
    }
}

impl Segment {
    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::One(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

fn pattern(key: &str) -> Pattern {
    let Some((method, path)) = key.split_once(' ') else {
        return Pattern { method: None, segments: None };
    };
    let segments = path.trim_start_matches('/').split('/').map(|text| {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Segment::Rest(name.to_owned()),
                None => Segment::One(name.to_owned()),
            },
            None => Segment::Literal(text.to_owned()),
        }
    });
    let method = (method != "ANY").then(|| method.to_owned());
    Pattern { method, segments: Some(segments.collect()) }
}

fn matches(segments: &[Segment], path: &str) -> Option<Map<String, Value>> {
    let mut parameters = Map::new();
    let mut rest = Some(path.strip_prefix('/').unwrap_or(path));
    for segment in segments {
        let text = rest?;
        let (first, tail) = text.split_once('/').map_or((text, None), |(first, tail)| (first, Some(tail)));
        match segment {
            Segment::Literal(wanted) if wanted == first => {}
            Segment::Literal(_) => return None,
            Segment::One(_) if first.is_empty() => return None,
            Segment::One(name) => {
                parameters.insert(name.clone(), first.into());
            }
            Segment::Rest(name) => {
                parameters.insert(name.clone(), text.into());
                return (!text.is_empty()).then_some(parameters);
            }
        }
        rest = tail;
    }
    rest.is_none().then_some(parameters)
}
