//! Client A of the study: the mail server that the worms were compared with (Figure 1 and
//! the first line of Table 1).
//!
//! Mail comes in: the peer's address is looked up backwards, then the name it got and the
//! name it greeted with forwards. Mail goes out: the MX of the recipient's domain, then the
//! addresses of the exchangers that the answer named; what could not be delivered is tried
//! again later. So every host it asks for was named by an answer before, which is how it
//! differs from a worm that guesses.

use super::dialogue::{Client, Exchange, MILLI};
use super::dice::Dice;
use super::message::kind;
use super::names;
use crate::time::Timestamp;
use std::net::Ipv4Addr;

/// 192.0.2.1, an address of the documentation net.
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// 2004-02-26.
const DAY: i64 = 1_077_753_600;
/// Table 1, client A.
const MX: u32 = 2922;
const A: u32 = 6675;
const PTR: u32 = 139;

/// Mail per hour, UTC: office hours in Japan are 0 to 9, the night is 14 to 21.
const CURVE: [u32; 24] = [
    70, 75, 72, 50, 66, 72, 70, 66, 60, 48, 36, 28, 24, 18, 12, 8, 7, 6, 7, 8, 10, 16, 30, 52,
];

/// The mail server's day.
pub(super) fn study_client_a() -> Vec<Exchange> {
    let mut dice = Dice::new("study-client-a");
    let mut client = Client::new(CLIENT);
    let forward = receive(&mut client, &mut dice);
    let plans = outbound(&mut dice, A - forward);
    for (at, plan) in moments(&mut dice).into_iter().zip(plans) {
        let mut now = client.ask(at, &plan.domain, kind::MX);
        for host in &plan.hosts {
            now = now.plus_nanos(i64::from(dice.between(1, 12)) * MILLI);
            now = client.ask(now, host, kind::A);
        }
    }
    client.log
}

/// Inbound sessions, spread evenly over the day; tells how many A queries they took.
fn receive(client: &mut Client, dice: &mut Dice) -> u32 {
    let mut forward = 0;
    for session in 0..PTR {
        // 600 s each, at a random place in it; 139 of them leave the last minutes free.
        let second = session * 620 + dice.below(600);
        let at =
            Timestamp::from_parts(DAY + i64::from(second), i64::from(dice.below(1000)) * MILLI);
        let reversed = format!("{}.113.0.203", dice.between(1, 254));
        let mut now = client.ask(at, &format!("{reversed}.in-addr.arpa"), kind::PTR);
        let named = names::peer(&reversed);
        let greeted = if dice.chance(800) {
            named.clone()
        } else {
            names::domain(dice.below(300))
        };
        for host in [named, greeted] {
            now = now.plus_nanos(i64::from(dice.between(2, 300)) * MILLI);
            now = client.ask(now, &host, kind::A);
            forward += 1;
        }
    }
    forward
}

/// One delivery: whose MX is asked, and which hosts after it.
struct Plan {
    domain: String,
    hosts: Vec<String>,
}

/// As many deliveries as there are MX queries, with `addresses` A queries between them.
fn outbound(dice: &mut Dice, addresses: u32) -> Vec<Plan> {
    let mut deferred: Vec<(usize, String)> = Vec::new();
    let mut plans: Vec<Plan> = Vec::new();
    while plans.len() < MX as usize {
        let due = deferred.iter().position(|(due, _)| *due <= plans.len());
        let (domain, retry) = match due {
            Some(place) => (deferred.swap_remove(place).1, true),
            None => (recipient(dice), false),
        };
        let mut hosts = names::exchangers(&domain);
        if hosts.is_empty() && !names::dead(&domain) {
            hosts.push(domain.clone()); // RFC 2821 section 5: no MX, so the domain itself
        }
        // A first exchanger that takes the mail makes the others needless; a busy or a
        // silent one does not, and the mail is queued.
        let busy = dice.chance(if retry { 500 } else { 120 });
        if busy || hosts.is_empty() && dice.chance(300) {
            // Half an hour at noon, much longer at night: the queue counts deliveries.
            let wait = dice.between(60, 160) as usize;
            deferred.push((plans.len() + wait, domain.clone()));
        }
        plans.push(Plan { domain, hosts });
    }
    fit(&mut plans, addresses as usize, dice);
    plans
}

/// Most mail goes to the same domains, and few of them are misspelt or gone.
fn recipient(dice: &mut Dice) -> String {
    loop {
        let domain = names::domain(dice.popular(600));
        if !names::dead(&domain) || dice.chance(100) {
            return domain;
        }
    }
}

/// Makes the number of A queries that of the study. Too many: the address of a last host was
/// in the server's own cache. Too few: mail that came in meanwhile had its sender's domain
/// looked up before it was taken, as sendmail does.
fn fit(plans: &mut [Plan], addresses: usize, dice: &mut Dice) {
    let mut now: usize = plans.iter().map(|plan| plan.hosts.len()).sum();
    while now != addresses {
        let place = dice.index(plans.len());
        let hosts = &mut plans.get_mut(place).expect("an index of it").hosts;
        if now > addresses && hosts.len() > 1 {
            hosts.pop();
            now -= 1;
        } else if now < addresses && hosts.len() < 5 {
            hosts.push(names::domain(dice.popular(600)));
            now += 1;
        }
    }
}

/// When the deliveries begin: by the day's curve, none in the last minute.
fn moments(dice: &mut Dice) -> Vec<Timestamp> {
    let total: u32 = CURVE.iter().sum();
    let mut moments: Vec<Timestamp> = (0..MX)
        .map(|_| {
            let mut left = dice.below(total);
            let mut hour = 0;
            for weight in CURVE {
                if left < weight {
                    break;
                }
                left -= weight;
                hour += 1;
            }
            let micros = i64::from(dice.below(3_590_000)) * MILLI;
            Timestamp::from_parts(DAY + hour * 3600, micros)
        })
        .collect();
    moments.sort();
    moments
}
