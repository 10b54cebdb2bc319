//! Floods, each with a bot among them: the bot is found as if it were alone, memory stays under
//! the limit that was asked for, and what had to leave is counted.

use super::attacks::{ATTACKS, Attack, Pace};
use super::bot::{ALONE, BOT, Bot, Found, HASTY, HASTY_ALONE, HASTY_RAN};
use super::sensor::{Ran, replay};
use mxray::time::{NANOS, Timestamp};

/// So many packets of an attack, from then until then.
struct Flood<'a> {
    attack: &'a Attack,
    packets: u64,
    begin: Timestamp,
    end: Timestamp,
}

impl Flood<'_> {
    /// So many parts of the time, of so many.
    fn after(&self, parts: u64, of: u64) -> Timestamp {
        let span = i128::from(self.end.nanos_since(self.begin));
        let nanos = span * i128::from(parts) / i128::from(of);
        self.begin.plus_nanos(i64::try_from(nanos).unwrap())
    }

    /// The packet at a place of it: when, and its number.
    fn at(&self, place: u64) -> (Timestamp, u64) {
        let even = self.after(place, self.packets);
        match self.attack.pace {
            Pace::Even => (even, place),
            Pace::Again(times) => {
                // So many sources begin in the time that lies between two packets of one.
                let span = u64::try_from(self.end.nanos_since(self.begin)).unwrap();
                let apart = 1_100_000_000;
                let together = (u128::from(self.packets) * apart).div_ceil(u128::from(span));
                let together = u64::try_from(together).unwrap();
                let (turn, rest) = (place / (together * times), place % (together * times));
                let source = turn * together + rest % together;
                (even, source * times + rest / together)
            }
            Pace::Bursts(parts) => {
                let of_each = self.packets.div_ceil(parts);
                let (part, rest) = (place / of_each, place % of_each);
                if part == 0 {
                    return (even, place);
                }
                let into = u64::try_from(NANOS).unwrap() * rest / of_each;
                let begin = self.after(part, parts);
                (begin.plus_nanos(i64::try_from(into).unwrap()), place)
            }
        }
    }

    /// Has the sensor read it, and the bot in between.
    fn with(&self, bot: &Bot, memory: &str) -> Ran {
        let ran = replay(&format!("--memory {memory}"), |wire| {
            let mut bot = bot.frames.iter().peekable();
            for place in 0..self.packets {
                let (time, number) = self.at(place);
                while let Some((at, octets)) = bot.next_if(|(at, _)| *at <= time) {
                    wire.frame(*at, octets)?;
                }
                wire.frame(time, &(self.attack.frame)(number))?;
            }
            bot.try_for_each(|(at, octets)| wire.frame(*at, octets))
        });
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(ran.total("/packets/seen"), ran.packets);
        ran
    }
}

const MIB: u64 = 1 << 20;

/// What the sensor takes beside `--memory`, as its help says.
const BESIDE: u64 = 128 * MIB;

/// What it may take in all with that limit, as `--memory` takes it.
fn most(limit: &str) -> u64 {
    let (number, unit) = limit.split_at(limit.len() - 1);
    let number: u64 = number.parse().unwrap();
    number * if unit == "G" { 1 << 30 } else { MIB } + BESIDE
}

/// Packets that are so many in `make test` that a sensor of little memory has to give up hosts all
/// the time, and so few that they take no more than a second or two.
const FEW: u64 = 12_000;

/// The flood of that name, in `make test`: from before the bot's first packet until well after its
/// conviction.
fn small(name: &str, packets: u64) -> Flood<'static> {
    let [first, _] = HASTY.span();
    Flood {
        attack: ATTACKS.iter().find(|attack| attack.name == name).unwrap(),
        packets,
        begin: first.plus_nanos(-10 * NANOS),
        end: first.plus_nanos(70 * NANOS),
    }
}

/// The bot is convicted while the flood goes on, of the same class as alone, memory stays under its
/// limit, and the flood shows in the totals.
fn goes_on(name: &str, packets: u64, memory: &str) {
    let flood = small(name, packets);
    let ran = flood.with(&HASTY, memory);
    for path in flood.attack.told {
        let alone = HASTY_RAN.total(path);
        assert!(ran.total(path) > alone, "{name}, {path}: {}", ran.totals());
    }
    let most = most(memory);
    assert!(ran.peak <= most, "{name}: {} of {most}", ran.peak);
    let found = Found::of(&ran, &HASTY.address);
    let found = found.unwrap_or_else(|| panic!("{name}: not convicted, {}", ran.totals()));
    // In so little memory what was known of it may be lost once or twice: later, but not too late.
    let later = found.convicted.nanos_since(HASTY_ALONE.convicted) / NANOS;
    assert!(found.convicted < flood.end, "{name}: {later} s later");
    assert_eq!(found.convicted_as, HASTY_ALONE.convicted_as, "{name}");
    assert_eq!(found.class, HASTY_ALONE.class, "{name}");
}

macro_rules! each {
    ($($test:ident $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            goes_on($name, FEW, "4M");
        })*
    };
}

each! {
    sources "sources",
    sources_again "sources-again",
    sources_with_mail_lookups "sources-mail",
    random_names "names",
    random_names_of_many "names-of-many",
    mail_names "mail-names",
    syns_to_25 "syn-25",
    half_open_mail_sessions "half-open-smtp",
    lines_without_an_end "long-lines",
    headers_without_an_end "headers",
    tls_hellos_without_an_end "tls-hellos",
    dns_over_tcp_without_an_end "dns-tcp",
    holes "holes",
    fragments "fragments",
    chains_of_pointers "pointers",
    chat "irc",
    made_up_machines "arp",
    dns_servers "servers",
    facts_at_once "facts",
    facts_at_once_of_one_shard "facts-one-shard",
    names_of_one_slot "collisions",
}

/// A shard has a 64th of the memory: of 4M, a dozen hosts, through which fifty new ones a second pass
/// sooner than any bot does its next step.
#[test]
fn sources_of_one_shard() {
    goes_on("sources-one-shard", FEW, "16M");
}

/// So many that within a pause of the bot's more sources go on than there is room for.
#[test]
fn sources_that_ask_for_mail_again() {
    goes_on("sources-mail-again", 4 * FEW, "4M");
}

/// 200 hosts that send to port 25 all the time are as many bots, and 4M is too little to remember
/// them all.
#[test]
fn syns_of_few_hosts() {
    goes_on("syn-few", FEW, "8M");
}

/// It is `--memory` that bounds what these take: without it they take more.
fn bounded(name: &str) {
    let flood = small(name, 2 * FEW);
    let [peak, free] = ["4M", "64G"].map(|memory| flood.with(&HASTY, memory).peak);
    let most = most("4M");
    assert!(
        peak <= most && most < free,
        "{name}: {peak}, {most}, {free}"
    );
}

#[test]
fn spoofed_sources_are_bounded() {
    bounded("sources-mail");
}

#[test]
fn connections_are_bounded() {
    bounded("syn-25");
}

/// The table of docs/HARDENING.md: millions of packets, each limit.
#[test]
#[ignore = "minutes to hours; make hostile"]
fn table() {
    let packets = std::env::var("MXRAY_HOSTILE_PACKETS");
    let packets: u64 = packets.map_or(1_000_000, |packets| packets.parse().unwrap());
    let limits = std::env::var("MXRAY_HOSTILE_MEMORY").unwrap_or("256M 1G".to_owned());
    let only = std::env::var("MXRAY_HOSTILE_ATTACKS").unwrap_or_default();
    let only: Vec<&str> = only.split_whitespace().collect();
    let [first, last] = BOT.span();
    let mut passed = Vec::new();
    for attack in &ATTACKS {
        if !only.is_empty() && !only.contains(&attack.name) {
            continue;
        }
        for limit in limits.split_whitespace() {
            let flood = Flood {
                attack,
                packets,
                begin: first.plus_nanos(-120 * NANOS),
                end: last,
            };
            let ran = flood.with(&BOT, limit);
            let found = Found::of(&ran, &BOT.address);
            // Its counters may have to begin again before it is known; the verdict may not change,
            // nor wait for the end of the flood.
            let convicted = found.as_ref().is_some_and(|found| {
                found.convicted < flood.end
                    && (&found.class, &found.level) == (&ALONE.class, &ALONE.level)
            });
            let bot = match &found {
                None => "not convicted".to_owned(),
                Some(found) if *found == *ALONE => "as alone".to_owned(),
                Some(found) => format!(
                    "{} s later, {} {}, {} queries, {} attempts",
                    found.convicted.nanos_since(ALONE.convicted) / NANOS,
                    found.level,
                    found.class,
                    found.queries,
                    found.attempts,
                ),
            };
            let told: Vec<_> = [
                "/hosts/tracked",
                "/hosts/evicted",
                "/tcp/connections",
                "/tcp/evicted",
                "/tcp/shed",
                "/observations_omitted",
            ]
            .map(|path| format!("{} {}", path.trim_start_matches('/'), ran.total(path)))
            .into();
            println!(
                "| {} | {} | {} | {limit} | {} | {} | {} |",
                attack.name,
                attack.summary,
                ran.packets,
                ran.peak / MIB,
                bot,
                told.join(", "),
            );
            if !convicted || ran.peak > most(limit) {
                passed.push((attack.name, limit.to_owned(), ran.peak / MIB));
            }
        }
    }
    assert!(passed.is_empty(), "{passed:?}");
}
