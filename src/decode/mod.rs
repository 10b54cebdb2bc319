//! From octets to what they say: link and IP headers ([`packet`]), DNS messages ([`dns`]).
//!
//! Uses [`crate::capture`]'s frame, [`crate::host`] and [`crate::time`]. Promise: whatever
//! the input, nothing here panics or allocates, and what is done is in proportion to its length;
//! what is returned borrows from the input.

#![forbid(unsafe_code)]

pub mod dns;
pub mod link;
pub mod malformed;
pub mod observation;
pub mod packet;
pub mod reader;
