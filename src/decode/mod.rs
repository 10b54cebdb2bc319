//! From octets to what they say: headers down to the innermost ([`packet`]), whole datagrams
//! of their fragments ([`fragment`]), DNS messages ([`dns`]), SMTP connections ([`smtp`]), the
//! beginnings of chat ([`irc`]), what TLS leaves in clear ([`tls`]) and who has which address on
//! a LAN ([`lan`]).
//!
//! Uses [`crate::capture`]'s frame, [`crate::host`] and [`crate::time`]. Promise: whatever
//! the input, nothing here panics, and what is done is in proportion to its length; what is
//! returned borrows from the input, and what is kept of fragments and connections is bounded.

#![forbid(unsafe_code)]

pub mod dns;
pub mod fragment;
mod ip;
pub mod irc;
pub mod lan;
pub mod link;
pub mod malformed;
pub mod observation;
pub mod packet;
pub mod reader;
pub mod smtp;
pub mod tcp;
pub mod tls;
mod tunnel;
pub mod wanted;
