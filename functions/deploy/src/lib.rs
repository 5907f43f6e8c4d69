//! longshore-deploy
