//! local-ecs
