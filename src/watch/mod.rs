//! A running sensor, watched by its status socket: for Prometheus ([`metrics`], [`http`]) and for
//! people ([`top`]).
//!
//! Processes of their own that ask and draw; what reads packets answers once and opens nothing.

#![forbid(unsafe_code)]

pub mod http;
pub mod metrics;
pub mod status;
pub mod top;
