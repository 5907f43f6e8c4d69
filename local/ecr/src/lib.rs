//! local-ecr
