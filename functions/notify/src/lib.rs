//! longshore-notify
