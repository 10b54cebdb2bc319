//! RFC 5424 by RFC 6587, 5425 and 5426, and over a unix socket.

use super::{Arrivals, Place};
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Checks a message, and yields its JSON.
pub(crate) fn check(message: &[u8]) -> String {
    let message = std::str::from_utf8(message).unwrap();
    let mut words = message.splitn(8, ' ');
    let number = |json: &str| {
        let event: serde_json::Value = serde_json::from_str(json).unwrap();
        event["n"].as_u64().unwrap()
    };
    let head: Vec<_> = words.by_ref().take(7).collect();
    let json = words.next().unwrap();
    // local0, error; the time is the event's.
    let time = format!("2005-02-25T09:00:00.{:06}Z", number(json));
    assert_eq!(
        head,
        ["<131>1", &time, "north", "mxray", "-", "mxray.verdict", "-"]
    );
    json.to_owned()
}

/// Reads a frame by its octet count; `None` at the end, or where it is cut.
pub(crate) fn frame(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = Vec::new();
    reader.take(10).read_until(b' ', &mut length)?;
    if length.last() != Some(&b' ') {
        return Ok(None);
    }
    let digits = std::str::from_utf8(&length[..length.len() - 1]).unwrap();
    assert!(!digits.starts_with('0'), "{digits}");
    let mut message = vec![0; digits.parse().unwrap()];
    match reader.read_exact(&mut message) {
        Ok(()) => Ok(Some(message)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads messages to the end of a connection.
pub(crate) fn read_all(stream: impl Read, arrivals: &Arrivals) {
    let mut reader = BufReader::new(stream);
    while let Ok(Some(message)) = frame(&mut reader) {
        arrivals.add(&check(&message));
    }
}

/// A server that treats its connections, which are counted, by a function.
pub(crate) fn serve(treat: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (treat, count) = (Arc::new(treat), AtomicUsize::new(0));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (treat, count) = (Arc::clone(&treat), count.fetch_add(1, Ordering::SeqCst));
            thread::spawn(move || treat(count, stream));
        }
    });
    address
}

#[test]
fn over_tcp_all_arrive_once_and_in_order() {
    let place = Place::with(12_000);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |_, stream| read_all(stream, &seen));
    place.receiver(&format!("syslog+tcp://{address}"), "");
    let told = place.once(0);
    assert!(told.contains("12000 events delivered"), "{told}");
    arrivals.check_once(12_000);
}

#[test]
fn a_service_follows_the_log_over_segments_and_goes_on_where_it_was() {
    let mut place = Place::bounded(1 << 14);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |_, stream| read_all(stream, &seen));
    place.receiver(&format!("syslog+tcp://{address}"), "");
    let mut shipper = place.start();
    place.events(300);
    arrivals.wait(300);
    place.events(300);
    arrivals.wait(600);
    // What was sent is made sure of before it ends.
    let status = shipper.signal("-TERM");
    assert_eq!(status.code(), Some(0), "{}", place.read("told"));
    place.events(300);
    let told = place.once(0);
    assert!(told.contains("r: 300 events delivered"), "{told}");
    arrivals.check_once(900);
}

#[test]
fn a_connection_that_is_cut_in_a_batch_costs_no_event() {
    let place = Place::with(3000);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |count, stream| {
        if count >= 4 {
            return read_all(stream, &seen);
        }
        // Some of it is read; the rest lies in the kernel when the connection goes.
        let mut reader = BufReader::new(stream);
        for _ in 0..=count * 100 {
            match frame(&mut reader) {
                Ok(Some(message)) => seen.add(&check(&message)),
                _ => return,
            }
        }
    });
    place.receiver(&format!("syslog+tcp://{address}"), "");
    let told = place.once(0);
    assert!(told.contains("it is tried again"), "{told}");
    arrivals.check(3000);
}

#[test]
fn of_one_that_never_closes_its_side_nobody_knows_what_it_has() {
    let place = Place::with(10);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |_, stream| {
        read_all(&stream, &seen);
        std::mem::forget(stream);
    });
    place.impatient(&format!("syslog+tcp://{address}"));
    let told = place.once(1);
    for what in [
        "does not close the connection when we do; it is tried again",
        "nobody knows what it has read",
        "10 events were sent and are not known to have arrived",
        "r: 0 events delivered",
    ] {
        assert!(told.contains(what), "{what}: {told}");
    }
    // Three times, and once more.
    arrivals.wait(40);
    arrivals.check(10);
}

#[test]
fn so_it_is_found_out_whatever_the_size_of_a_batch() {
    let place = Place::with(300);
    let address = serve(|_, stream| {
        read_all(&stream, &Arrivals::default());
        std::mem::forget(stream);
    });
    place.receiver(&format!("syslog+tcp://{address}"), "batch-events = 60");
    let text = place.read("ship.toml").replace("'5s'", "'200ms'");
    place.write("ship.toml", &text);
    let told = place.once(1);
    assert!(told.contains("nobody knows what it has read"), "{told}");
}

#[test]
fn what_is_missing_is_told_once_however_often_the_rest_is_sent() {
    let mut place = Place::bounded(1 << 14);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |count, stream| {
        read_all(&stream, &seen);
        // Two that do not close, behind the first.
        if count == 1 || count == 2 {
            std::mem::forget(stream);
        }
    });
    place.impatient(&format!("syslog+tcp://{address}"));
    place.events(10);
    place.once(0);
    for _ in 0..30 {
        place.events(10);
    }
    place.log.write_all(b"no event\n").unwrap();
    place.events(10);
    let segments = place.segments("log");
    assert!(segments.len() > 3, "{segments:?}");
    std::fs::remove_file(place.path(&format!("{}.ndjson", segments[1]))).unwrap();
    let told = place.once(1);
    assert!(told.contains("does not close the connection"), "{told}");
    assert_eq!(told.matches("left the log").count(), 1, "{told}");
    let aside = place.read("log/ship/r.refused.ndjson");
    assert_eq!(aside.lines().count(), 1, "{aside}");
    let last = told.lines().last().unwrap();
    assert!(
        last.contains(" 1 refused") && !last.contains(" 0 lost"),
        "{told}"
    );
}

#[test]
fn one_that_takes_connections_and_reads_nothing_has_got_nothing() {
    let mut place = Place::with(10);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    place.impatient(&format!("syslog+tcp://{address}"));
    let mut shipper = place.start();
    place.wait_told("nobody knows what it has read");
    place.events(10);
    // It goes, and whatever its kernel holds goes with it.
    let arrivals = Arrivals::default();
    listener.set_nonblocking(true).unwrap();
    while let Ok((stream, _)) = listener.accept() {
        drop(stream);
    }
    listener.set_nonblocking(false).unwrap();
    let seen = arrivals.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            read_all(stream, &seen);
        }
    });
    arrivals.wait(20);
    let status = shipper.signal("-TERM");
    assert_eq!(status.code(), Some(0), "{}", place.read("told"));
    arrivals.check(20);
}

#[test]
fn one_that_is_slow_gets_all_and_in_order() {
    let place = Place::with(1500);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |_, stream| {
        // All of it would take longer than it is waited for.
        let mut reader = BufReader::new(stream);
        while let Ok(Some(message)) = frame(&mut reader) {
            seen.add(&check(&message));
            thread::sleep(Duration::from_millis(2));
        }
    });
    place.receiver(&format!("syslog+tcp://{address}"), "");
    let text = place.read("ship.toml").replace("'5s'", "'2s'");
    place.write("ship.toml", &text);
    let told = place.once(0);
    assert!(told.contains("r: 1500 events delivered"), "{told}");
    arrivals.check(1500);
}

#[test]
fn told_to_end_it_ends_though_an_octet_comes_now_and_then() {
    let place = Place::with(10);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let address = serve(move |_, mut stream| {
        read_all(&stream, &seen);
        // Until it is gone.
        while io::Write::write_all(&mut stream, b"x").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    place.impatient(&format!("syslog+tcp://{address}"));
    let mut shipper = place.start();
    arrivals.wait(10);
    // It ends at all: whoever talks for ever is not listened to for ever.
    let status = shipper.signal("-TERM");
    assert_eq!(status.code(), Some(0), "{}", place.read("told"));
}

#[test]
fn one_that_is_down_is_waited_for() {
    let place = Place::with(10);
    // A port that nobody listens on, and then somebody.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    place.receiver(&format!("syslog+tcp://{address}"), "");
    let mut shipper = place.start();
    place.wait_told("Connection refused");
    let arrivals = Arrivals::default();
    let listener = TcpListener::bind(address).unwrap();
    // Ended while it waits for the receiver's farewell, or before.
    let (stream, _) = listener.accept().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| read_all(stream, &arrivals));
        arrivals.wait(10);
        shipper.signal("-TERM");
    });
    arrivals.check_once(10);
    assert!(
        place.read("told").contains("it takes events again"),
        "{}",
        place.read("told")
    );
}

#[test]
fn one_that_is_slow_or_down_does_not_hold_up_another() {
    let place = Place::with(100);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    let good = serve(move |_, stream| read_all(stream, &seen));
    // Takes connections and reads nothing.
    let stuck = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = stuck.local_addr().unwrap();
    place.receiver(
        &format!("syslog+tcp://{good}"),
        &format!("[[receiver]]\nto = 'syslog+tcp://{url}'"),
    );
    let mut shipper = place.start();
    arrivals.wait(100);
    shipper.signal("-KILL");
    arrivals.check_once(100);
}

#[test]
fn datagrams() {
    let place = Place::with(50);
    let socket = UnixDatagram::bind(place.path("log.sock")).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let unix_url = format!("syslog+unix://{}", place.path("log.sock").display());
    let udp_url = format!("syslog+udp://{}", udp.local_addr().unwrap());
    let (over_unix, over_udp) = (Arrivals::default(), Arrivals::default());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut octets = [0; 8192];
            for _ in 0..50 {
                let length = socket.recv(&mut octets).unwrap();
                over_unix.add(&check(&octets[..length]));
            }
        });
        scope.spawn(|| {
            let mut octets = [0; 8192];
            for _ in 0..50 {
                let length = udp.recv(&mut octets).unwrap();
                over_udp.add(&check(&octets[..length]));
            }
        });
        let line = format!("ship --log log --to {unix_url} --to {udp_url} --once");
        let output = place.mxray(&line).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    });
    over_unix.check_once(50);
    over_udp.check_once(50);
}
