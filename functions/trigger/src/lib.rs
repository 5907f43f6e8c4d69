//! longshore-trigger
