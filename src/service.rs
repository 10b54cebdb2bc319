//! What the service manager is told: ready, alive, reloading, stopping (`sd_notify(3)`).

use sd_notify::NotifyState;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// A connection to the service manager. Made before the process gives up making sockets.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
}

impl Notifier {
    /// Connected to the socket that the environment names (`NOTIFY_SOCKET`); `None` where
    /// nobody wants to be told.
    ///
    /// # Errors
    /// The socket cannot be reached.
    pub fn from_env() -> io::Result<Option<Self>> {
        env::var_os("NOTIFY_SOCKET")
            .filter(|name| !name.is_empty())
            .map(|name| Self::connect(&name))
            .transpose()
    }

    /// Connected to `name`: a path, or `@` and an abstract name.
    fn connect(name: &OsStr) -> io::Result<Self> {
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        // It must not stand still because nobody reads.
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Tells all of `states` at once.
    ///
    /// # Errors
    /// The manager is gone or does not read; a capture goes on all the same.
    pub fn notify(&self, states: &[NotifyState<'_>]) -> io::Result<()> {
        let lines: Vec<_> = states.iter().map(ToString::to_string).collect();
        self.socket.send(lines.join("\n").as_bytes()).map(|_| ())
    }
}

/// How often the service manager wants to hear [`NotifyState::Watchdog`], if it does: half of
/// the time after which it takes the process for dead.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|dead| dead / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &OsStr, manager: &UnixDatagram) -> String {
        let notifier = Notifier::connect(name).unwrap();
        let states = [NotifyState::Ready, NotifyState::Status("0.0% dropped")];
        notifier.notify(&states).unwrap();
        let mut text = [0; 100];
        let length = manager.recv(&mut text).unwrap();
        String::from_utf8(text[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_manager_is_told_by_path_or_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let text = "READY=1\nSTATUS=0.0% dropped";
        assert_eq!(told(path.as_os_str(), &manager), text);

        let name = format!("mxray-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        assert_eq!(told(OsStr::new(&format!("@{name}")), &manager), text);
    }
}
