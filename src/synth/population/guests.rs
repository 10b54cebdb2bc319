//! Ordinary hosts that belong elsewhere, or to nobody.

use super::super::message::kind::{A, SRV};
use super::host::{Host, MILLI};
use super::rates::{HOUR, Law, MINUTE};

/// Asks for the machines of its own company, most of which are not to be found here.
pub(super) fn guest(host: &mut Host, _: u32) {
    let company = host.world.living(3_100_000 + host.dice.below(500));
    host.stub.suffix = Some(company.clone());
    let queries = host.appetite();
    host.browse(queries, Law::Diurnal, 0, 24 * HOUR);
    let times = host.dice.between(4, 30);
    for at in host.moments(Law::Bursts(5), times, 8 * HOUR, 18 * HOUR) {
        let name = *host
            .dice
            .pick(&["exchange", "dc01", "mail", "proxy", "gate", "files"]);
        host.query(at, &format!("{name}.{company}"), A);
        host.query(at.plus_nanos(MILLI), &format!("_ldap._tcp.{company}"), SRV);
    }
    let provider = host.provider();
    let letters = host.dice.below(5);
    for at in host.moments(Law::Diurnal, letters, 0, 24 * HOUR) {
        host.send_mail(at, &provider);
    }
}

pub(super) fn kiosk(host: &mut Host, _: u32) {
    let site = host.world.living(40);
    let period = host.dice.between(1, 10) * MINUTE;
    host.poll(&format!("www.{site}"), period, 8 * HOUR, 20 * HOUR);
    let queries = host.appetite() / 2 + 5;
    host.browse(queries, Law::Poisson, 8 * HOUR, 20 * HOUR);
}
