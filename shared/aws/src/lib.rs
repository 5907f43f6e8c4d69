//! longshore-aws
