//! local-slack
