//! longshore-local
