//! Whatever the octets, nothing panics from the frame to the verdict, and each packet is counted once as
//! whole or broken.
//!
//! Some frames of each capture; with `MXRAY_LAWS=long` every one (`make laws`).

use crate::captures::{self, Captured};
use crate::feed::settings;
use mxray::capture::Frame;
use mxray::correlate::{Context, Correlator};
use mxray::count::Counters;
use mxray::decode::dns::name::Room;
use mxray::decode::dns::{Data, Name};
use mxray::decode::fragment::Fragments;
use mxray::decode::observation::{MailPorts, Route, observe, route};
use mxray::decode::packet::{Packet, Sliced};
use mxray::time::Timestamp;

/// Frames taken of a capture at the most: the large ones repeat their kinds of frames.
fn sampled() -> usize {
    match std::env::var("MXRAY_LAWS").as_deref() {
        Ok("long") => usize::MAX,
        _ => 150,
    }
}

/// Feeds mutilated frames and keeps the accounts.
struct Bench {
    fragments: Fragments,
    /// Frames that wait for the rest of their datagram.
    waiting: u64,
    counters: Counters,
    recorded: u64,
    frames: u64,
    correlator: Correlator,
    /// The newest second.
    newest: i64,
}

impl Bench {
    fn new() -> Self {
        Self {
            fragments: Fragments::default(),
            waiting: 0,
            counters: Counters::new(settings(1_000)),
            recorded: 0,
            frames: 0,
            correlator: Correlator::new(Context::default()),
            newest: i64::MIN,
        }
    }

    /// Closes the seconds up to one, and judges by what they tell.
    fn close(&mut self, through: i64) {
        for delta in self.counters.close(through) {
            self.correlator.second(&[delta]);
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        let second = frame.time.second();
        if second > self.newest {
            self.newest = second;
            self.close(second - 3);
        }
        let outcome = self.fragments.slice(frame);
        self.waiting -= outcome.earlier;
        self.waiting += u64::from(matches!(outcome.sliced, Sliced::Fragment(_)));
        let late = self.frames.is_multiple_of(7) || second < self.newest - 2;
        let packet = match outcome.sliced {
            Sliced::Packet(packet) => packet,
            Sliced::Binding(binding) => {
                self.counters.bind(&binding, late);
                self.recorded += 1;
                return;
            }
            _ => return,
        };
        let Route::Host(_) = route(&packet, &MailPorts::default()) else {
            return;
        };
        read_all(&packet);
        self.counters.record(&packet, late);
        self.recorded += 1;
    }

    fn balances(&mut self) -> bool {
        self.close(self.newest);
        self.correlator
            .finish(Timestamp::from_parts(self.newest, 0));
        let packets = self.counters.packets();
        let malformed: u64 = packets.malformed.values().sum();
        packets.decoded + malformed == self.recorded
    }
}

/// Every name and record that a packet's message holds.
fn read_all(packet: &Packet<'_>) {
    let Ok(observation) = observe(packet) else {
        return;
    };
    let message = observation.message;
    if let Some(question) = message.question {
        read_name(&question.name);
    }
    for record in message.records().map_while(Result::ok) {
        read_name(&record.owner);
        match record.data {
            Data::Cname(name) | Data::Mx { exchange: name, .. } => read_name(&name),
            Data::A(_) | Data::Aaaa(_) | Data::Other => {}
        }
    }
}

fn read_name(name: &Name<'_>) {
    let labels: usize = name.labels().map(|label| 1 + label.len()).sum();
    let mut room = Room::default();
    assert_eq!(labels, name.fold(&mut room).len());
    assert_eq!(labels + 1, name.wire_len());
}

/// A few frames from all over a capture, whose lengths differ where possible.
fn sample(name: &str) -> Vec<Captured> {
    let frames = captures::synth(name);
    let step = frames.len().div_ceil(sampled()).max(1);
    frames.into_iter().step_by(step).collect()
}

#[test]
fn every_prefix_of_a_frame_is_read_or_refused() {
    for name in captures::synth_names() {
        let mut bench = Bench::new();
        for captured in sample(name) {
            for end in 0..=captured.bytes.len() {
                let whole = captured.frame();
                let bytes = &whole.bytes[..end];
                // Cut by the capture, and sent so short.
                let cut = Frame { bytes, ..whole };
                bench.frame(&cut);
                let wire_len = u32::try_from(end).unwrap();
                bench.frame(&Frame { wire_len, ..cut });
            }
        }
        assert!(bench.balances(), "{name}");
    }
}

#[test]
fn every_flipped_bit_and_octet_of_a_frame_is_read_or_refused() {
    let mut frames = 0;
    for name in captures::synth_names() {
        let mut bench = Bench::new();
        for mut captured in sample(name) {
            for at in 0..captured.bytes.len() {
                let kept = captured.bytes[at];
                let bits = (0..8).map(|bit| kept ^ (1 << bit));
                for octet in bits.chain([0x00, 0x3f, 0xc0, 0xff]) {
                    captured.bytes[at] = octet;
                    bench.frame(&captured.frame());
                }
                captured.bytes[at] = kept;
            }
        }
        assert!(bench.balances(), "{name}");
        frames += bench.frames;
    }
    println!("{frames} frames");
}

#[test]
fn real_frames_too() {
    let Some(folder) = captures::real_folder() else {
        return;
    };
    for path in captures::real_files(&folder) {
        let mut bench = Bench::new();
        let frames = captures::read(&[&path]);
        let step = frames.len().div_ceil(sampled()).max(1);
        for captured in &frames {
            bench.frame(&captured.frame());
        }
        for captured in frames.iter().step_by(step) {
            for end in (0..=captured.bytes.len()).rev() {
                let bytes = &captured.bytes[..end];
                let whole = captured.frame();
                bench.frame(&Frame { bytes, ..whole });
            }
        }
        assert!(bench.balances(), "{}", path.display());
    }
}
