//! Stolen passwords: one PC logs in at many providers.

use super::host::Host;
use super::rates::{HOUR, Law, MINUTE};
use std::net::IpAddr;

pub(super) fn abuse(host: &mut Host, _: u32) {
    host.shows.dns = false;
    let providers = host.dice.between(8, 60);
    let sessions = providers * host.dice.between(1, 5);
    let works = host.dice.between(400, 950);
    let from = host.dice.between(0, 14 * 60) * MINUTE;
    let hours = host.dice.between(1, 8);
    let law = *host
        .dice
        .pick(&[Law::Poisson, Law::Even, Law::Bursts(10), Law::HeavyTail]);
    let looks_up = host.dice.chance(750);
    let name = match host.dice.below(3) {
        0 => format!("win-{}", host.dice.below(9999)),
        1 => "localhost".to_owned(),
        _ => format!("pc{}.local", host.dice.below(99)),
    };
    let first = host.dice.below(3000);
    for at in host.moments(law, sessions.min(160), from, from + hours * HOUR) {
        let provider = host.world.domain(first + host.dice.below(providers));
        let label = *host
            .dice
            .pick(&["smtp", "mail", "smtp", "submission", "mail2"]);
        let server = format!("{label}.{provider}");
        host.turn_to(at, &provider);
        let mut now = at;
        if looks_up {
            now = host.lookup(at, &server).0;
        }
        let address: IpAddr = host.world.v4(&server).into();
        let port = *host.dice.pick(&[465, 587, 587]);
        let letters = host.dice.between(1, 3);
        let works = host.dice.chance(works);
        host.submit(now, (address, port, &server), &name, letters, works);
    }
    if host.dice.chance(600) {
        host.mixed = true;
        let queries = host.appetite();
        host.browse(queries, Law::Diurnal, 0, 24 * HOUR);
    }
}
