//! A link that is silent, whose source tells what time it is, through the pipeline: what is due
//! comes without a packet.

use crate::captures::{Captured, synth};
use mxray::capture::{Fault, Filter, Input, Progress, Source};
use mxray::correlate::site::{Action, Missing, SensorEvent};
use mxray::correlate::{Context, Verdict};
use mxray::pipeline::{self, Behind, Hosts, Settings, Tap};
use mxray::report::{Sink, Totals};
use mxray::time::Timestamp;
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

const BEGIN: i64 = 1_767_571_200;
/// A packet a second for so long, then none, and then one again.
const TALKS: i64 = 900;
const SILENT: i64 = 100;

/// A link by the second.
struct Link {
    second: i64,
    frame: Captured,
}

impl Source for Link {
    fn next_input(&mut self) -> Option<Input<'_>> {
        let second = self.second;
        self.second += 1;
        let time = Timestamp::from_parts(BEGIN + second, 0);
        if second > TALKS + SILENT {
            return None;
        }
        if (TALKS..TALKS + SILENT).contains(&second) {
            return Some(Input::Time(time));
        }
        self.frame.time = time;
        Some(Input::Frame(self.frame.frame()))
    }

    fn take_faults(&mut self) -> Vec<Fault> {
        Vec::new()
    }

    fn files(&self) -> &[PathBuf] {
        &[]
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }
}

#[derive(Default)]
struct Heard {
    sensor: Vec<(i64, Action)>,
    totals: Vec<i64>,
}

impl Sink for Heard {
    fn verdict(&mut self, _: &Verdict) -> io::Result<()> {
        Ok(())
    }

    fn sensor(&mut self, event: &SensorEvent) -> io::Result<()> {
        let second = event.time.second() - BEGIN;
        // Such a source does not wait for a worker, and half of a talk is all that it has.
        if event.cause == Missing::NoPackets {
            self.sensor.push((second, event.action));
        }
        Ok(())
    }

    fn totals(&mut self, _: &Totals, at: Option<Timestamp>) -> io::Result<()> {
        self.totals.push(at.unwrap().second() - BEGIN);
        Ok(())
    }

    fn fault(&mut self, fault: &Fault) {
        panic!("{fault}");
    }
}

#[test]
fn a_sensor_is_blind_and_totals_come_without_a_packet() {
    let settings = Settings {
        workers: NonZeroUsize::new(2).unwrap(),
        count: mxray::count::Settings::default(),
        context: Context::default(),
        stats: NonZeroU64::new(10),
        behind: Behind::Shed { from: BEGIN },
        hosts: Hosts::Never,
        keep: None,
        follow: false,
    };
    let tap = Tap {
        source: &mut Link {
            second: 0,
            frame: synth("one-packet")[0].clone(),
        },
        filter: Filter::new(None, None, None).unwrap(),
        progress: &mut |_| (),
    };
    let mut heard = Heard::default();
    pipeline::run(vec![tap], &settings, None, None, &mut heard).unwrap();
    assert_eq!(
        heard.sensor,
        [
            (TALKS + 60, Action::Blind),
            (TALKS + SILENT, Action::Recovered),
        ]
    );
    // And once more at the end.
    let due: Vec<_> = (1..=100).map(|times| times * 10).chain([1000]).collect();
    assert_eq!(heard.totals, due);
}
