//! A sensor's totals in Prometheus' text format, version 0.0.4.
//!
//! Names follow its conventions: counters end in `_total`, each metric has its HELP and TYPE, and
//! what is one thing with several kinds has labels.

use super::status::{Kernel, Packets, Snapshot, Stats, Tcp};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

/// What the format is called.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Levels that hosts are told of by, also where there are none.
const LEVELS: [&str; 4] = ["notice", "suspected", "likely", "confirmed"];

/// The page for this answer of the sensor, or for none.
#[must_use]
pub fn page(answer: &io::Result<Snapshot>) -> String {
    let mut page = Page::default();
    let up = u64::from(answer.is_ok());
    page.gauge(
        "mxray_up",
        "Whether the sensor answered on its status socket.",
        up,
    );
    if let Ok(snapshot) = answer {
        page.sensor(snapshot);
    }
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn sensor(&mut self, snapshot: &Snapshot) {
        self.head("mxray_info", "The sensor's version.", "gauge");
        self.sample("mxray_info", &[("version", &snapshot.version)], 1);
        self.packets(&snapshot.stats.packets);
        if let Some(kernel) = snapshot.stats.kernel {
            self.kernel(kernel);
        }
        self.bounds(&snapshot.stats);
        self.hosts(snapshot);
        if let Some(at) = snapshot.stats_at {
            let name = "mxray_totals_timestamp_seconds";
            let help = "When these totals were taken, in seconds since 1970.";
            self.head(name, help, "gauge");
            let _ = writeln!(self.0, "{name} {}", at.second());
        }
    }

    fn packets(&mut self, packets: &Packets) {
        self.counter("mxray_packets_seen_total", "Packets read.", packets.seen);
        let name = "mxray_packets_total";
        self.head(name, "Packets read, by what became of them.", "counter");
        let sum = |of: &BTreeMap<String, u64>| of.values().sum::<u64>();
        for (outcome, number) in [
            ("decoded", packets.decoded),
            ("ignored", packets.ignored),
            ("filtered", packets.filtered),
            ("unsupported", sum(&packets.unsupported)),
            ("malformed", sum(&packets.malformed)),
            ("fragment_unfinished", packets.fragments_unfinished),
            ("shed", packets.shed),
        ] {
            self.sample(name, &[("outcome", outcome)], number);
        }
        for (name, help, reasons) in [
            (
                "mxray_packets_malformed_total",
                "Packets that were broken, by reason.",
                &packets.malformed,
            ),
            (
                "mxray_packets_unsupported_total",
                "Packets that were not decoded, by reason.",
                &packets.unsupported,
            ),
        ] {
            self.head(name, help, "counter");
            for (reason, number) in reasons {
                self.sample(name, &[("reason", reason)], *number);
            }
        }
    }

    fn kernel(&mut self, kernel: Kernel) {
        let Kernel {
            received,
            dropped,
            if_dropped,
        } = kernel;
        self.counters(&[
            (
                "mxray_kernel_received_total",
                "Packets that passed the kernel's filter, dropped ones among them.",
                received,
            ),
            (
                "mxray_kernel_dropped_total",
                "Packets that the kernel dropped for want of room.",
                dropped,
            ),
            (
                "mxray_interface_dropped_total",
                "Packets that the interface or its driver dropped.",
                if_dropped,
            ),
        ]);
    }

    /// What was lost of the traffic or left out, beside packets.
    fn bounds(&mut self, stats: &Stats) {
        let Tcp {
            connections,
            evicted,
            holes,
            octets_lost,
            shed,
        } = stats.tcp;
        self.counters(&[
            (
                "mxray_packets_truncated_total",
                "Packets that the snap length cut.",
                stats.truncated,
            ),
            (
                "mxray_datagrams_reassembled_total",
                "Datagrams put together from fragments.",
                stats.reassembled,
            ),
            (
                "mxray_packets_late_total",
                "Packets more than two seconds behind the newest.",
                stats.late,
            ),
            (
                "mxray_messages_duplicate_total",
                "Messages that the mirror port delivered twice.",
                stats.duplicates,
            ),
            (
                "mxray_observations_omitted_total",
                "Observations left out of judgement at a bound.",
                stats.observations_omitted,
            ),
            (
                "mxray_tcp_evicted_total",
                "Connections forgotten for others before they had ended.",
                evicted,
            ),
            (
                "mxray_tcp_holes_total",
                "Holes in connections, lost by the capture.",
                holes,
            ),
            (
                "mxray_tcp_lost_bytes_total",
                "Octets in these holes.",
                octets_lost,
            ),
            (
                "mxray_tcp_shed_total",
                "Times that waiting octets were given up for want of room.",
                shed,
            ),
            (
                "mxray_hosts_evicted_total",
                "Hosts that had to leave a full table.",
                stats.hosts.evicted,
            ),
            (
                "mxray_hosts_omitted_total",
                "Hosts left out of the host events.",
                stats.hosts.omitted,
            ),
        ]);
        self.gauge(
            "mxray_tcp_connections",
            "Connections in the tables.",
            connections,
        );
    }

    fn hosts(&mut self, snapshot: &Snapshot) {
        let tracked = snapshot.stats.hosts.tracked;
        self.gauge("mxray_hosts_tracked", "Hosts in the tables.", tracked);
        let name = "mxray_hosts";
        self.head(name, "Hosts under suspicion, by level.", "gauge");
        for level in LEVELS {
            let number = snapshot.levels.get(level).copied().unwrap_or_default();
            self.sample(name, &[("level", level)], number);
        }
    }

    fn counters(&mut self, all: &[(&str, &str, u64)]) {
        for (name, help, value) in all {
            self.counter(name, help, *value);
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "counter");
        self.sample(name, &[], value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, help, "gauge");
        self.sample(name, &[], value);
    }

    // Writing to a string cannot fail.
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", quoted(value)))
            .collect();
        let labels = match labels.join(",") {
            none if none.is_empty() => none,
            some => format!("{{{some}}}"),
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

/// A label's value as it stands between quotation marks.
fn quoted(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::snapshot;
    use super::*;

    #[test]
    fn a_sensor_that_answers() {
        let page = page(&Ok(snapshot()));
        for line in [
            "mxray_up 1",
            "mxray_info{version=\"0.1.0\"} 1",
            "mxray_packets_seen_total 1000",
            "mxray_packets_total{outcome=\"decoded\"} 900",
            "mxray_packets_total{outcome=\"shed\"} 25",
            "mxray_packets_malformed_total{reason=\"dns-\\\"name\\\"\"} 5",
            "mxray_kernel_dropped_total 100",
            "mxray_hosts{level=\"confirmed\"} 1",
            "mxray_hosts{level=\"suspected\"} 0",
            "mxray_hosts_tracked 11",
            "mxray_totals_timestamp_seconds 1767571320",
        ] {
            assert!(page.lines().any(|of| of == line), "{line}\n{page}");
        }
    }

    /// The outcomes are parts of what was seen, so that they can be added and divided.
    #[test]
    fn outcomes_add_up() {
        let page = page(&Ok(snapshot()));
        let outcomes = page
            .lines()
            .filter(|line| line.starts_with("mxray_packets_total{"));
        let sum: u64 = outcomes
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum();
        assert_eq!(sum, 1000);
    }

    #[test]
    fn every_metric_is_told_once_before_its_samples() {
        let page = page(&Ok(snapshot()));
        let mut told = Vec::new();
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(!told.contains(&name), "{name}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
                told.push(name);
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next();
                assert_eq!(name, told.last().copied());
            }
        }
    }

    #[test]
    fn a_sensor_that_does_not() {
        let page = page(&Err(io::ErrorKind::NotFound.into()));
        assert!(page.ends_with("mxray_up 0\n"), "{page}");
        assert_eq!(page.lines().count(), 3);
    }
}
