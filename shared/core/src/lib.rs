//! longshore-core
