//! The captures that a replay is measured with, the same bytes on every machine. They are about
//! cost, not about verdicts: `mxray synth` makes traffic to be judged.

use anyhow::Result;
use rand_core::Rng as _;
use rand_pcg::Pcg32;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

#[path = "query.rs"]
mod query;
#[path = "session.rs"]
mod session;

use query::Query;
use session::Session;

/// What a capture holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// DNS alone: small packets, each query followed by its reply.
    Dns,
    /// Of a hundred packets 70 of the DNS, 25 of SMTP, 5 of the web.
    Campus,
    /// All of a link: nine in ten packets are of downloads by TLS, nearly all of them full, the rest is
    /// a campus's.
    Mirror,
    /// DNS of a million hosts, each with ten packets or so.
    Many,
    /// The same of a thousand hosts.
    Few,
    /// [`Profile::Dns`] with three pauses of twenty years.
    Gaps,
    /// An outbreak: every tenth client has a worm, which makes half of the queries and all of
    /// the mail.
    Worm,
    /// The same at a site of 3,000 clients of which every hundredth has a worm, to make a report of.
    Report,
}

impl Profile {
    /// Those that are compared with other programs.
    pub(crate) const ALL: [Self; 6] = [
        Self::Dns,
        Self::Campus,
        Self::Mirror,
        Self::Many,
        Self::Worm,
        Self::Report,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Campus => "campus",
            Self::Mirror => "mirror",
            Self::Many => "many",
            Self::Few => "few",
            Self::Gaps => "gaps",
            Self::Worm => "worm",
            Self::Report => "report",
        }
    }

    /// Packets of its capture, where the others have `packets`: full ones are so long that a
    /// fifth of them makes a file of the same size; and of a report a tenth is enough.
    pub(crate) fn packets(self, packets: u64) -> u64 {
        match self {
            Self::Mirror => packets / 5,
            Self::Report => packets / 10,
            _ => packets,
        }
    }

    /// Of a hundred packets, those that mxray has a use for.
    pub(crate) fn of_use(self) -> u64 {
        match self {
            Self::Dns | Self::Many | Self::Few | Self::Gaps => 100,
            Self::Campus | Self::Worm | Self::Report => 90,
            Self::Mirror => 8,
        }
    }

    /// The XXH3 hash of the capture of [`SMOKE`](crate::options::SMOKE) packets and their part: the same
    /// octets on every machine, and no others without another [`VERSION`].
    pub(crate) fn digest(self) -> u64 {
        match self {
            Self::Dns => 0x1bc9_0677_f668_fde7,
            Self::Campus => 0x9c0c_d7fc_c46f_dcee,
            Self::Mirror => 0x905a_1aea_563a_26e2,
            Self::Many => 0x3003_79ba_6e3a_8b73,
            Self::Few => 0xa780_9557_8cbd_ee79,
            Self::Gaps => 0xe17f_f560_ad2e_2782,
            Self::Worm => 0xe0df_d7df_d070_5686,
            Self::Report => 0x505a_7714_86df_afda,
        }
    }

    /// How often in relation to each other a packet that is no reply is a query, of mail, and of
    /// the web.
    fn turns(self) -> (u32, u32, u32) {
        match self {
            Self::Dns | Self::Many | Self::Few | Self::Gaps => (1, 0, 0),
            Self::Campus | Self::Worm | Self::Report => (35, 25, 5),
            Self::Mirror => (35, 25, 905),
        }
    }

    /// Seconds of all pauses before a packet, in a capture of so many.
    fn paused(self, packet: u64, packets: u64) -> u64 {
        match self {
            // They end in 2086; seconds of 32 bits do in 2106.
            Self::Gaps => packet * 4 / packets * 20 * YEAR,
            _ => 0,
        }
    }

    /// Hosts in a capture of so many packets.
    pub(crate) fn clients(self, packets: u64) -> u32 {
        self.site(packets).clients
    }

    /// Whose packets they are, in a capture of so many.
    fn site(self, packets: u64) -> Site {
        let site = Site {
            begin: 0xc612_0000, // 198.18.0.0 (RFC 2544)
            clients: 2_000,
            every: 100,
            outbreak: false,
        };
        match self {
            Self::Dns | Self::Gaps | Self::Campus | Self::Mirror => site,
            Self::Many => Site {
                begin: 0x0a00_0000, // 10.0.0.0
                clients: u32::try_from(packets / 10).map_or(1_000_000, |many| many.min(1_000_000)),
                ..site
            },
            Self::Few => Site {
                begin: 0x0a00_0000,
                clients: 1_000,
                ..site
            },
            Self::Worm => Site {
                every: 10,
                outbreak: true,
                ..site
            },
            Self::Report => Site {
                clients: 3_000,
                outbreak: true,
                ..site
            },
        }
    }
}

/// The clients of a capture.
#[derive(Clone, Copy)]
struct Site {
    /// The address of the first.
    begin: u32,
    clients: u32,
    /// Of so many clients one sends mail by itself.
    every: u32,
    /// Those have a worm.
    outbreak: bool,
}

impl Site {
    fn address(self, client: u32) -> [u8; 4] {
        (self.begin + client).to_be_bytes()
    }

    fn mails(self, client: u32) -> bool {
        client.is_multiple_of(self.every)
    }

    /// A client that asks something.
    fn asks(self, dice: &mut Dice) -> u32 {
        if self.outbreak && dice.below(2) == 0 {
            self.turns_to_servers(dice)
        } else {
            dice.below(self.clients)
        }
    }

    /// A client that has something to do with a mail server.
    fn turns_to_servers(self, dice: &mut Dice) -> u32 {
        if self.outbreak {
            dice.below(self.clients / self.every) * self.every
        } else {
            dice.below(self.clients)
        }
    }
}

/// Mail sessions that go on at a time, and as many downloads.
const SESSIONS: usize = 2_000;

/// Part of the file's name: to be raised with any change here, so that an older file is not
/// measured for this one.
pub(crate) const VERSION: u32 = 4;

/// Between a query and the next: 10 million packets are an hour.
const INTERVAL_MICROS: u64 = 720;
/// 2026-01-05T00:00:00Z.
const START: u64 = 1_767_571_200;
/// In seconds.
const YEAR: u64 = 365 * 86_400;

/// Writes so many packets to `path`.
pub(crate) fn write(path: &Path, profile: Profile, packets: u64) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    for word in [0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 262_144, 1_u32] {
        out.write_all(&word.to_le_bytes())?;
    }
    let mut traffic = Traffic::new(profile, packets);
    let mut frame = Vec::with_capacity(2_048);
    for packet in 0..packets {
        traffic.frame(&mut frame);
        let length = u32::try_from(frame.len())?;
        let time = packet * INTERVAL_MICROS / 2;
        let seconds = START + profile.paused(packet, packets) + time / 1_000_000;
        let seconds = u32::try_from(seconds)?;
        let micros = u32::try_from(time % 1_000_000)?;
        for word in [seconds, micros, length, length] {
            out.write_all(&word.to_le_bytes())?;
        }
        out.write_all(&frame)?;
    }
    out.flush()?;
    Ok(())
}

/// What comes next.
struct Traffic {
    profile: Profile,
    site: Site,
    dice: Dice,
    /// Names so far that nobody had asked before.
    fresh: u64,
    /// The query that waits for its reply.
    asked: Option<Query>,
    mail: Vec<Session>,
    web: Vec<Session>,
}

impl Traffic {
    fn new(profile: Profile, packets: u64) -> Self {
        let mut dice = Dice(Pcg32::new(1, 1));
        let site = profile.site(packets);
        let (_, mail, web) = profile.turns();
        let mut sessions = |turns, begin: fn(&mut Dice, Site) -> Session| {
            let sessions = std::iter::repeat_with(|| begin(&mut dice, site));
            sessions
                .take(if turns > 0 { SESSIONS } else { 0 })
                .collect()
        };
        Self {
            mail: sessions(mail, Session::begin),
            web: sessions(web, Session::download),
            profile,
            site,
            dice,
            fresh: 0,
            asked: None,
        }
    }

    fn frame(&mut self, frame: &mut Vec<u8>) {
        if let Some(query) = self.asked.take() {
            return query.frame(true, frame);
        }
        let (queries, mail, web) = self.profile.turns();
        let turn = match queries + mail + web {
            1 => 0,
            all => self.dice.below(all),
        };
        if turn < queries {
            let query = Query::roll(&mut self.dice, self.site, &mut self.fresh);
            query.frame(false, frame);
            self.asked = Some(query);
        } else if turn < queries + mail {
            next(
                &mut self.mail,
                &mut self.dice,
                self.site,
                Session::begin,
                frame,
            );
        } else {
            next(
                &mut self.web,
                &mut self.dice,
                self.site,
                Session::download,
                frame,
            );
        }
    }
}

/// The next packet of one of the sessions; where that is over, of another that begins.
fn next(
    sessions: &mut [Session],
    dice: &mut Dice,
    site: Site,
    begin: fn(&mut Dice, Site) -> Session,
    frame: &mut Vec<u8>,
) {
    let which = usize::from(dice.word()) % SESSIONS;
    if let Some(session) = sessions.get_mut(which) {
        while session.frame(frame).is_none() {
            *session = begin(dice, site);
        }
    }
}

/// The Ethernet header of whatever belongs to a client, either way: locally administered
/// addresses, IPv4.
fn ethernet(client: [u8; 4], frame: &mut Vec<u8>) {
    let [_, _, high, low] = client;
    frame.extend([0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, high, low, 8, 0]);
}

struct Dice(Pcg32);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0.next_u32() % limit
    }

    fn word(&mut self) -> u16 {
        (self.0.next_u32() >> 16) as u16
    }
}
