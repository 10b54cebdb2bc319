//! Owners of convicted hosts are told by mail: `mxray notify`.
//!
//! ```text
//! events ──▶ pick ──▶ digest ──▶ compose ──▶ send
//!            cases    per owner   words       SMTP
//! ```
//!
//! A process of its own, since it opens connections, and what reads packets does not. It reads
//! events as they are written, as any other consumer does, and knows of a host what they say.
//! What was told is kept in a file ([`state`]), so that a restart tells nothing twice.

#![forbid(unsafe_code)]

pub mod compose;
pub mod digest;
pub mod events;
pub mod pick;
pub mod send;
pub mod state;
