//! What [`super::latest`] shares between threads, by names that `tests/loom` gives to its models
//! of the same.

pub(super) use std::sync::atomic::{AtomicU64, Ordering};
pub(super) use std::sync::{Mutex, PoisonError};
