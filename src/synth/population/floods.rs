//! Floods of a resolver's queries.

use super::super::message::kind::{A, PTR};
use super::host::Host;
use super::rates::{HOUR, Law, MINUTE};

/// Of a rate that no person has, after a quiet while.
fn flood(host: &mut Host, name: fn(&mut Host) -> String, asked: u16) {
    host.shows.smtp = false;
    host.stub.cache = 0;
    host.stub.retries = 0;
    let queries = host.dice.between(60, 900);
    host.browse(queries, Law::Diurnal, 0, 24 * HOUR);
    let from = host.dice.between(120, 20 * 60) * MINUTE;
    let seconds = host.dice.between(300, 1200);
    let count = seconds * host.dice.between(5, 20);
    for at in host.moments(Law::Poisson, count, from, from + seconds * 1000) {
        host.begin(at);
        let name = name(host);
        host.query(at, &name, asked);
    }
    host.mixed = true;
}

/// Reverse lookups of the addresses of a net, or of any.
pub(super) fn ptr(host: &mut Host, _: u32) {
    let name = |host: &mut Host| {
        let number = host.dice.below(1 << 17);
        let [a, b, c, d] = (0xc612_0000 | number).to_be_bytes();
        format!("{d}.{c}.{b}.{a}.in-addr.arpa")
    };
    flood(host, name, PTR);
}

/// Names that nobody has asked for before, under one domain or many.
pub(super) fn a(host: &mut Host, _: u32) {
    let one = host.dice.chance(500);
    let name = |host: &mut Host| {
        let label = host.dice.below(u32::MAX);
        let domain = host.world.domain(50);
        format!("{label:x}.{domain}")
    };
    let many = |host: &mut Host| {
        let label = host.dice.below(u32::MAX);
        let domain = host.world.domain(host.dice.below(5000));
        format!("{label:x}.{domain}")
    };
    flood(host, if one { name } else { many }, A);
}
