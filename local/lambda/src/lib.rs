//! local-lambda
