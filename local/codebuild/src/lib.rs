//! local-codebuild
