//! Floods, each with a bot among them: the bot is found as if it were alone, memory stays under
//! the limit that was asked for, and what had to leave is counted.

use super::attacks::{ATTACKS, Attack};
use super::bot::{ALONE, BOT, Found};
use super::sensor::{Ran, replay};
use mxray::time::Timestamp;

/// Has the sensor read so many packets of the attack within so many seconds, from when the bot
/// begins.
fn among(attack: &Attack, packets: u64, seconds: u64, memory: &str) -> Ran {
    let first = BOT.frames.first().unwrap().0;
    let moment = |number: u64| {
        let nanos = u128::from(seconds) * 1_000_000_000 * u128::from(number) / u128::from(packets);
        first.plus_nanos(i64::try_from(nanos).unwrap())
    };
    replay(&format!("--memory {memory}"), |wire| {
        let mut bot = BOT.frames.iter().peekable();
        for number in 0..packets {
            let time: Timestamp = moment(number);
            while let Some((at, octets)) = bot.next_if(|(at, _)| *at <= time) {
                wire.frame(*at, octets)?;
            }
            wire.frame(time, &(attack.frame)(number))?;
        }
        bot.try_for_each(|(at, octets)| wire.frame(*at, octets))
    })
}

const MIB: u64 = 1 << 20;

/// What the sensor takes beside `--memory`, as its help says.
const BESIDE: u64 = 128 * MIB;

/// Mebioctets of a limit, as `--memory` takes it.
fn mebioctets(limit: &str) -> u64 {
    let (number, unit) = limit.split_at(limit.len() - 1);
    let number: u64 = number.parse().unwrap();
    number * if unit == "G" { 1_024 } else { 1 }
}

fn few(name: &str) {
    let attack = ATTACKS.iter().find(|attack| attack.name == name).unwrap();
    let ran = among(attack, 12_000, 60, "4M");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.total("/packets/seen"), ran.packets);
    // In so little memory who looks like a regular may push out its counters, not the verdict.
    let found = Found::of(&ran, &BOT.address).unwrap();
    assert_eq!(found.class, ALONE.class, "{name}");
    for path in attack.told {
        assert!(ran.total(path) > 0, "{name}, {path}: {}", ran.totals());
    }
    let most = 4 * MIB + BESIDE;
    assert!(ran.peak <= most, "{name}: {} of {most}", ran.peak);
}

macro_rules! each {
    ($($test:ident $name:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            few($name);
        })*
    };
}

each! {
    sources "sources",
    sources_again "sources-again",
    sources_of_one_shard "sources-one-shard",
    sources_with_mail_lookups "sources-mail",
    random_names "names",
    random_names_of_many "names-of-many",
    mail_names "mail-names",
    syns_to_25 "syn-25",
    syns_of_few_hosts "syn-few",
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
}

/// The table of docs/HARDENING.md: millions of packets, each limit.
#[test]
#[ignore = "minutes to hours; make hostile"]
fn table() {
    let packets = std::env::var("MXRAY_HOSTILE_PACKETS");
    let packets: u64 = packets.map_or(1_000_000, |packets| packets.parse().unwrap());
    let seconds = std::env::var("MXRAY_HOSTILE_SECONDS");
    let seconds = seconds.map_or(packets / 20_000, |seconds| seconds.parse().unwrap());
    let limits = std::env::var("MXRAY_HOSTILE_MEMORY").unwrap_or("256M 1G".to_owned());
    let only = std::env::var("MXRAY_HOSTILE_ATTACKS").unwrap_or_default();
    let only: Vec<&str> = only.split_whitespace().collect();
    let mut passed = Vec::new();
    for attack in &ATTACKS {
        if !only.is_empty() && !only.contains(&attack.name) {
            continue;
        }
        for limit in limits.split_whitespace() {
            let ran = among(attack, packets, seconds.max(60), limit);
            let found = Found::of(&ran, &BOT.address);
            let same = found.as_ref() == Some(&*ALONE);
            // Its counters may have to begin again before it is known; the verdict may not change.
            let convicted = found
                .as_ref()
                .is_some_and(|found| (&found.class, &found.level) == (&ALONE.class, &ALONE.level));
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
                if same {
                    "as alone".to_owned()
                } else {
                    format!("{found:?}")
                },
                told.join(", "),
            );
            if !convicted || ran.peak > mebioctets(limit) * MIB + BESIDE {
                passed.push((attack.name, limit.to_owned(), ran.peak / MIB));
            }
        }
    }
    assert!(passed.is_empty(), "{passed:?}");
}
