//! Delivery: the events of a log ([`crate::eventlog`]) to receivers that people have anyhow.
//!
//! Each receiver has a [`Worker`] with a thread, a place in the log and a pace of its own, so that
//! one that is slow or down holds up no other, and nothing here holds up the capture, which is
//! another process. What is on its way is at most a batch; all else waits in the log.
//!
//! **At least once.** A place in the log is kept ([`State`]) when everything before it is known to
//! have arrived: by the answer, over HTTP; by the receiver's closing, over a stream of syslog. What
//! a receiver refuses is set aside ([`Aside`]) with its reason. **In order**: a later batch never
//! overtakes an earlier one.
//!
//! Reasons are in `docs/decisions/0020-event-log-and-shipping.md`.

#![forbid(unsafe_code)]

mod aside;
mod backoff;
mod batch;
mod bulk;
mod connection;
mod event;
mod hec;
mod http;
mod probe;
mod receiver;
mod settings;
mod state;
mod stream;
mod syslog;
mod tls;
mod unconfirmed;
mod worker;

pub use aside::Aside;
pub use event::Event;
pub use receiver::{Arrived, Failure, Fate, Receiver};
pub use settings::{
    BatchBounds, Credentials, Destination, Endpoint, Retry, Secret, Settings, TlsFiles,
};
pub use state::{State, StateError};
pub use tls::TlsError;
pub use worker::{Delivered, Run, StartError, Worker};

/// A receiver, ready to be connected to.
pub fn receiver(settings: &Settings) -> Result<Box<dyn Receiver>, TlsError> {
    Ok(match &settings.to {
        Destination::SyslogUnix(path) => Box::new(syslog::Datagrams::unix(path)),
        Destination::SyslogUdp(to) => Box::new(syslog::Datagrams::udp(to)),
        Destination::SyslogTcp(to) => Box::new(stream::Stream::new(to, None)),
        Destination::SyslogTls(to) => {
            let tls = tls::client(&settings.tls)?;
            Box::new(stream::Stream::new(to, Some(tls)))
        }
        Destination::Bulk(url) => {
            let http = http::Http::new(&format!("{url}/_bulk"), settings)?;
            Box::new(bulk::Bulk::new(http, &settings.index))
        }
        Destination::Hec(url) => {
            let http = http::Http::new(&format!("{url}/services/collector/event"), settings)?;
            Box::new(hec::Hec::new(http, settings.hec_index.as_deref()))
        }
    })
}
