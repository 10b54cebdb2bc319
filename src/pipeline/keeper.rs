//! A capture thread's part of the packets behind verdicts: keeps the newest frames of all hosts,
//! and of hosts with a verdict for longer, and hands over those of hosts under suspicion.
//!
//! Most hosts are never suspected, and those that are have been noticed before, at their first
//! mail lookup or connection. So there are two rings: one that everybody's frames go through,
//! and one for hosts that were noticed, from which others do not push them out.

use super::Keep;
use super::ring::{Record, Ring};
use crate::capture::{Frame, Origin};
use crate::decode::packet::{Packet, headers_len};
use crate::host::HostAddr;
use crate::time::{NANOS, Timestamp};
use crossbeam_channel::Receiver;
use hashbrown::HashMap;
use std::ops::Range;

/// Hosts whose frames are kept apart. At most a thousand are noticed in an hour.
const NOTICED: usize = 1024;
/// Hosts whose frames are handed over as they come: with [`FRAMES`] and [`PATIENCE`], what the
/// sensor writes for them stays under 500 frames a second.
const FOLLOWED: usize = 256;
/// Frames that are handed over as they come, after a verdict.
const FRAMES: u32 = 1000;
/// How long they are handed over, in nanoseconds of packet time.
const PATIENCE: i64 = 600 * NANOS;
/// Octets of the frames that are handed over at once, of one host at a verdict, or of all that
/// are followed. A bound on what waits between threads; of headers some ten thousand.
const OCTETS: usize = 1 << 20;
/// Frames between two looks whether somebody asks: a small part of what a ring holds.
const LOOK: u32 = 1024;

/// What the calling thread wants.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// Keep this host's frames apart from now on: it may come under suspicion.
    Notice(HostAddr),
    /// Hand over this host's frames, and what follows; `named` are the ones that must be among
    /// them if there is not room for all.
    Suspect {
        /// The host.
        host: HostAddr,
        /// The packets that the verdict names.
        named: Vec<(Origin, Timestamp)>,
        /// The second that was closed when it was asked.
        asked: i64,
    },
    /// The host's episode has ended.
    Forget(HostAddr),
}

/// Frames of hosts under suspicion, on their way to the calling thread.
#[derive(Debug, Default)]
pub(super) struct Excerpt {
    octets: Vec<u8>,
    frames: Vec<(Record, Range<usize>)>,
    /// The second at which they were asked for, where they were.
    pub(super) asked: Option<i64>,
}

impl Excerpt {
    /// Frames, and octets with what is noted of each.
    pub(super) fn size(&self) -> (usize, usize) {
        let frames = self.frames.len();
        let each = size_of::<(Record, Range<usize>)>();
        (frames, self.octets.len() + frames * each)
    }

    /// The frame at a place, and whose it is.
    pub(super) fn get(&self, at: usize) -> Option<(HostAddr, Frame<'_>)> {
        let (record, range) = self.frames.get(at)?;
        let bytes = self.octets.get(range.clone()).unwrap_or_default();
        Some((record.host, record.frame(bytes)))
    }

    fn push(&mut self, record: Record, bytes: &[u8]) {
        let from = self.octets.len();
        self.octets.extend_from_slice(bytes);
        self.frames.push((record, from..self.octets.len()));
    }
}

/// A host with a verdict.
#[derive(Clone, Copy, Debug)]
struct Watch {
    /// Frames of the noticed ring from this number on were not handed over.
    unsent: u64,
    /// When something was last asked about it.
    asked: u64,
    /// Frames that are handed over as they come, and until when; 0 for none.
    left: u32,
    until: Timestamp,
}

/// Keeps frames until they are asked for.
pub(super) struct Keeper {
    keep: Keep,
    everybody: Ring,
    noticed: Ring,
    watches: HashMap<HostAddr, Watch, foldhash::fast::RandomState>,
    followed: usize,
    following: Excerpt,
    wishes: Receiver<Wish>,
    wished: u64,
    until_look: u32,
    newest: Timestamp,
    /// Frames that should have been handed over and were not.
    pub(super) omitted: u64,
    /// Hosts that should have been followed and were not.
    pub(super) unfollowed: u64,
}

impl Keeper {
    pub(super) fn new(keep: Keep, wishes: Receiver<Wish>) -> Self {
        Self {
            keep,
            everybody: Ring::new(),
            noticed: Ring::new(),
            watches: HashMap::default(),
            followed: 0,
            following: Excerpt::default(),
            wishes,
            wished: 0,
            until_look: LOOK,
            newest: Timestamp::MIN,
            omitted: 0,
            unfollowed: 0,
        }
    }

    /// Keeps a host's frame. Whether it is time to look at [`Keeper::answer`].
    pub(super) fn keep(&mut self, host: HostAddr, frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
        let length = match self.keep {
            Keep::Headers => headers_len(frame, packet),
            Keep::Whole => frame.bytes.len(),
        };
        let bytes = frame.bytes.get(..length).unwrap_or_default();
        let record = Record::of(host, frame);
        self.newest = self.newest.max(frame.time);
        match self.watches.get_mut(&host) {
            None => {
                self.everybody.push(record, bytes);
            }
            Some(watch) if watch.left > 0 && frame.time <= watch.until => {
                watch.left -= 1;
                if watch.left == 0 {
                    self.followed -= 1;
                }
                if self.following.size().1 < OCTETS {
                    self.following.push(record, bytes);
                } else {
                    self.omitted += 1;
                }
            }
            Some(_) => {
                self.noticed.push(record, bytes);
            }
        }
        self.until_look -= 1;
        if self.until_look == 0 {
            self.until_look = LOOK;
            return true;
        }
        self.following.size().1 >= OCTETS
    }

    /// Frames of followed hosts since the last time, if any.
    pub(super) fn follow(&mut self) -> Option<Excerpt> {
        self.give_up();
        let (frames, _) = self.following.size();
        (frames > 0).then(|| std::mem::take(&mut self.following))
    }

    /// Does what the calling thread wished next; the frames that it asked for.
    pub(super) fn answer(&mut self) -> Option<Excerpt> {
        while let Ok(wish) = self.wishes.try_recv() {
            let answer = self.fulfil(wish);
            if answer.is_some() {
                return answer;
            }
        }
        None
    }

    /// Does what the calling thread wishes; the frames that it asks for.
    pub(super) fn fulfil(&mut self, wish: Wish) -> Option<Excerpt> {
        match wish {
            Wish::Notice(host) => {
                self.watch(host);
                None
            }
            Wish::Forget(host) => {
                if let Some(watch) = self.watches.remove(&host) {
                    self.followed -= usize::from(watch.left > 0);
                }
                None
            }
            Wish::Suspect { host, named, asked } => {
                let unsent = self.watch(host);
                let mut excerpt = self.excerpt(host, unsent, &named);
                excerpt.asked = Some(asked);
                self.go_on(host);
                let (frames, _) = excerpt.size();
                (frames > 0).then_some(excerpt)
            }
        }
    }

    /// Has a host's frames kept apart, with those that are there; from which on they have not
    /// been handed over.
    fn watch(&mut self, host: HostAddr) -> u64 {
        self.wished += 1;
        if let Some(watch) = self.watches.get_mut(&host) {
            watch.asked = self.wished;
            return watch.unsent;
        }
        if self.watches.len() >= NOTICED {
            let eldest = self.watches.iter().min_by_key(|(_, watch)| watch.asked);
            if let Some(host) = eldest.map(|(host, _)| *host) {
                self.fulfil(Wish::Forget(host));
            }
        }
        let unsent = self.noticed.next();
        let mut there: Vec<u64> = self.everybody.of(host).map(|(number, ..)| number).collect();
        while let Some(number) = there.pop() {
            let Some((record, bytes)) = self.everybody.get(number) else {
                continue;
            };
            self.noticed.push(record, bytes);
            self.everybody.disown(number);
        }
        let watch = Watch {
            unsent,
            asked: self.wished,
            left: 0,
            until: Timestamp::MIN,
        };
        self.watches.insert(host, watch);
        unsent
    }

    /// A host's frames from a number on: the newest for which there is room, and those that are
    /// named in any case.
    fn excerpt(&mut self, host: HostAddr, unsent: u64, named: &[(Origin, Timestamp)]) -> Excerpt {
        let mut chosen = Vec::new();
        let (mut octets, mut omitted) = (0, 0);
        let of_host = self.noticed.of(host);
        for (_, record, bytes) in of_host.take_while(|(number, ..)| *number >= unsent) {
            octets += bytes.len();
            if octets <= OCTETS || named.contains(&(record.origin, record.time)) {
                chosen.push((record, bytes));
            } else {
                omitted += 1;
            }
        }
        let mut excerpt = Excerpt::default();
        for (record, bytes) in chosen.into_iter().rev() {
            excerpt.push(record, bytes);
        }
        self.omitted += omitted;
        excerpt
    }

    /// Has the frames of a host handed over as they come.
    fn go_on(&mut self, host: HostAddr) {
        self.give_up();
        let Some(watch) = self.watches.get_mut(&host) else {
            return;
        };
        watch.unsent = self.noticed.next();
        if watch.left == 0 {
            if self.followed >= FOLLOWED {
                self.unfollowed += 1;
                return;
            }
            self.followed += 1;
        }
        watch.left = FRAMES;
        watch.until = self.newest.plus_nanos(PATIENCE);
    }

    /// Ends what has been followed for long enough; from then on frames are kept as before.
    fn give_up(&mut self) {
        if self.followed == 0 {
            return;
        }
        for watch in self.watches.values_mut() {
            if watch.left > 0 && watch.until < self.newest {
                watch.left = 0;
                self.followed -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::LinkType;
    use crate::decode::packet::{Sliced, slice};
    use crossbeam_channel::{Sender, bounded};

    /// IPv4, UDP from port 40000 to 53, and three octets that stand for a name.
    const DATAGRAM: [u8; 31] = *b"\x45\0\0\x1f\0\0\0\0\x40\x11\0\0\xc0\0\x02\x07\xc6\x33\x64\x35\x9c\x40\0\x35\0\x0b\0\0abc";

    fn host(number: u32) -> HostAddr {
        HostAddr::from_v4(number.to_be_bytes())
    }

    struct Desk {
        keeper: Keeper,
        wishes: Sender<Wish>,
        number: u64,
    }

    impl Desk {
        fn new(keep: Keep) -> Self {
            let (wishes, receiver) = bounded(8192);
            Self {
                keeper: Keeper::new(keep, receiver),
                wishes,
                number: 0,
            }
        }

        fn packets(&mut self, of: HostAddr, count: u64, second: i64) {
            for _ in 0..count {
                self.number += 1;
                let frame = Frame {
                    bytes: &DATAGRAM,
                    wire_len: 31,
                    time: Timestamp::from_parts(second, 0),
                    link: LinkType::RAW,
                    origin: Origin {
                        file: 0,
                        frame: self.number,
                    },
                };
                let Sliced::Packet(packet) = slice(&frame) else {
                    panic!("not a packet");
                };
                self.keeper.keep(of, &frame, &packet);
            }
        }

        fn suspect(&mut self, host: HostAddr) -> Vec<u64> {
            self.suspect_naming(host, Vec::new())
        }

        fn suspect_naming(&mut self, host: HostAddr, named: Vec<(Origin, Timestamp)>) -> Vec<u64> {
            let wish = Wish::Suspect {
                host,
                named,
                asked: 1,
            };
            self.wishes.send(wish).unwrap();
            numbers(self.keeper.answer())
        }
    }

    fn numbers(excerpt: Option<Excerpt>) -> Vec<u64> {
        let Some(excerpt) = excerpt else {
            return Vec::new();
        };
        let frames = (0..excerpt.size().0).map(|at| excerpt.get(at).unwrap());
        frames.map(|(_, frame)| frame.origin.frame).collect()
    }

    #[test]
    fn headers_end_where_the_payload_begins() {
        for (keep, length) in [(Keep::Headers, 28), (Keep::Whole, 31)] {
            let mut desk = Desk::new(keep);
            desk.packets(host(1), 1, 0);
            let wish = Wish::Suspect {
                host: host(1),
                named: Vec::new(),
                asked: 1,
            };
            let excerpt = desk.keeper.fulfil(wish).unwrap();
            let (_, frame) = excerpt.get(0).unwrap();
            assert_eq!(frame.bytes, &DATAGRAM[..length]);
            assert_eq!(frame.wire_len, 31);
        }
    }

    #[test]
    fn every_frame_is_handed_over_once_and_in_order() {
        let mut desk = Desk::new(Keep::Headers);
        desk.packets(host(1), 2, 0);
        desk.packets(host(2), 1, 0);
        desk.wishes.send(Wish::Notice(host(1))).unwrap();
        assert_eq!(numbers(desk.keeper.answer()), [0; 0]);
        desk.packets(host(1), 1, 1);
        assert_eq!(numbers(desk.keeper.follow()), [0; 0]);
        assert_eq!(desk.suspect(host(1)), [1, 2, 4]);
        // What comes then is followed.
        desk.packets(host(1), 2, 2);
        desk.packets(host(2), 1, 2);
        assert_eq!(numbers(desk.keeper.follow()), [5, 6]);
        assert_eq!(desk.suspect(host(1)), [0; 0]);
        // After so many it is kept again, until the next verdict.
        desk.packets(host(1), 1002, 3);
        assert_eq!(numbers(desk.keeper.follow()), (8..1008).collect::<Vec<_>>());
        assert_eq!(desk.suspect(host(1)), [1008, 1009]);
        // After so long too.
        desk.packets(host(2), 1, 1000);
        desk.packets(host(1), 1, 1000);
        assert_eq!(numbers(desk.keeper.follow()), [0; 0]);
        assert_eq!(desk.suspect(host(1)), [1011]);
        assert_eq!((desk.keeper.omitted, desk.keeper.unfollowed), (0, 0));
    }

    #[test]
    fn a_noticed_host_is_not_pushed_out_by_others() {
        let mut desk = Desk::new(Keep::Headers);
        desk.packets(host(1), 1, 0);
        desk.wishes.send(Wish::Notice(host(1))).unwrap();
        assert_eq!(numbers(desk.keeper.answer()), [0; 0]);
        desk.packets(host(2), 1 << 19, 0);
        assert_eq!(desk.suspect(host(1)), [1]);
        assert_eq!(desk.suspect(host(3)), [0; 0]);
    }

    #[test]
    fn of_too_many_the_newest_and_what_is_named() {
        let mut desk = Desk::new(Keep::Headers);
        desk.packets(host(1), 50_000, 0);
        let named = Origin { file: 0, frame: 3 };
        let named = vec![(named, Timestamp::from_parts(0, 0))];
        let given = desk.suspect_naming(host(1), named);
        let most = (OCTETS / 28) as u64;
        let newest = 50_000 - most + 1..=50_000;
        let expected: Vec<_> = std::iter::once(3).chain(newest).collect();
        assert_eq!(given, expected);
        assert_eq!(desk.keeper.omitted, 50_000 - most - 1);
    }

    #[test]
    fn hosts_that_are_followed_and_noticed_have_a_bound() {
        let mut desk = Desk::new(Keep::Headers);
        for number in 0..300 {
            desk.suspect(host(number));
        }
        assert_eq!(desk.keeper.unfollowed, 44);
        assert_eq!(desk.keeper.followed, FOLLOWED);
        for number in 0..2000 {
            desk.wishes.send(Wish::Notice(host(1000 + number))).unwrap();
        }
        assert_eq!(numbers(desk.keeper.answer()), [0; 0]);
        assert_eq!(desk.keeper.watches.len(), NOTICED);
        assert_eq!(desk.keeper.followed, 0);
        desk.suspect(host(1));
        desk.wishes.send(Wish::Forget(host(1))).unwrap();
        assert_eq!(numbers(desk.keeper.answer()), [0; 0]);
        assert_eq!(desk.keeper.followed, 0);
    }
}
