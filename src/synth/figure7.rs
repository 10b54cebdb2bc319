//! Client F of the study: the PC with W32/Mytob.A on 2005-02-25, which asks for nothing but
//! A (Figures 6 to 8).
//!
//! Figure 7 ranks the first one to five characters of the names it asked for. The table here
//! is one solution: labels with counts whose prefixes give each published number exactly,
//! with every other prefix below the last one of its column. The study's own labels are
//! lost, so the rare ones are invented; `mail 5894` and `smtp 491` are as published, since
//! the fifth column shows them with their dot. The first column's letters are lost but for
//! `m` and `s`; of the letters that the other columns need, `e` and `f` are taken to be the
//! two that fell below its last rank.
//!
//! With these T is 16 521 and K is 9502: 7010 exact, 2492 numbered. Another 1059 labels begin
//! with a keyword.

use super::dialogue::{Client, Exchange, MICRO};
use super::dice::Dice;
use super::message::kind;
use super::names;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::net::Ipv4Addr;

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 6);
/// 2005-02-25.
pub(super) const DAY: i64 = 1_109_289_600;
/// Distinct domains that it guesses hosts in.
const HARVEST: u32 = 900;
/// First of them: some are also in the harvest of the other worms.
const FIRST: u32 = 500;

/// Labels with their counts.
const LABELS: &str = "
    mail 5894  mail1 203  mail10 14  mail11 8  mail12 4  mailhost 178  mailhub 21
    mailhost2 2  mail2 191  mail20 5  mail21 4  mailgw 71  mailgate 58  mailgateway 21
    mailgw2 12  mail-in 38  mail-1 24  mail-2 15  mail-gw 19  mail-relay 14  mail-out 10
    mail-01 9  mailserver 52  mailsv 31  mailsrv 25  mail01 45  mail02 20  mail03 9
    mail3 60  mail30 5  mailrelay 41  mailrouter 8  mail4 42  mailx 14  mailx1 10  mailin 33
    mailin1 9  mailfilter 27  mailfw 11  mailfront 6  mail5 28  mailbox 22  mailbackup 8
    mailer 26  mailext 7  mailout 12  mailmx 6  mailproxy 9  mail6 10  mailcenter 8  main 5
    master 28  manager 20  mars 18  mach 14  max 12  magnet 10
    mx 378  mx1 451  mx10 41  mx11 24  mx12 17  mx13 9  mx14 6  mx15 5  mx1-in 10  mx1a 12
    mx1b 8  mx2 167  mx20 2  mx21 1  mx2-in 1  mx3 79  mx30 3  mx01 90  mx01a 1  mx01b 1
    mx0 49  mx02 45  mx00 44  mx03 40  mx04 36  mx05 32  mx06 26  mx07 18  mx08 12  mx09 8
    mx-1 18  mx-2 12  mx-in 17  mx-01 8  mx-a 6  mx-b 4  mx-ext 5  mx4 47  mx40 2  mx41 1
    mx5 36  mx6 24  mx7 14  mx8 9  mx9 7  mxs 24  mxa 10  mxb 9  mxin 8  mxout 6
    mta 22  mta1 14  mta2 8  mta01 6  mta-in 5
    message 24  messaging 12  merak 20  mercury 24  media 18  metro 12
    mimesweeper 32  mira 18  milter 24  miyabi 14  midori 12
    momiji 26  mobile 20  monitor 16  moon 22  morse 10
    msg 30  ms1 20  msa 14  msx 12  ms 10
    mr1 12  mrelay 22
    mgw 24  mg1 12
    musashi 14  mule 10
    mc1 20  mcgate 10
    mp1 9  mproxy 8
    smtp 491  smtp1 82  smtp10 8  smtp11 6  smtp-in 28  smtp-1 14  smtp-gw 12  smtp-relay 10
    smtp-2 8  smtp2 58  smtp20 4  smtpgw 26  smtpgate 12  smtp01 28  smtp02 13  smtp3 30
    smtpin 18  smtprelay 14  smtp4 10  smart 9  smgw 7
    spamfilter 38  spam 33  spamwall 12  spamgw 10  spamtrap 8  spark 4  spare 3  sphinx 12
    spool 14  speedy 9
    server 54  server1 12  server2 4  service 9  serow 3  secure 18  sendmail 14
    star 24  storm 20  stone 16  station 10
    sv1 34  sv 22  sv2 14  sv01 10
    sun 28  sun1 8  sumire 16  super 10
    sakura 36  saturn 18  samba 8  santa 6
    shield 22  shiro 14  shima 8
    sol 18  solar 12  sonic 10
    sirius 20  silver 12  siren 6
    scan 16  scanmail 6
    pop 76  pop3 40  popmail 2  postoffice 34  post 17  postman 10  posta 8  poseidon 6
    portal 16  polaris 12  pony 10  proxy 40  prime 24  primary 18  proof 8  pmx 34  pm1 12
    pmail 22  panda 20  pascal 14  patrol 12  paris 16  phoenix 24  pegasus 22  pearl 10
    pine 18  pigeon 10  pluto 21  pulsar 10
    inbound 112  inbound1 12  inbound2 9  inbox 1  incoming 38  inet 24  internet 14
    internal 9  info 20  infra 6  ingate 12  inmail 8  imail 30  imap 22  imss 30  im1 8
    imgate 20  imx 6  iris 22  iron 26  ironport 12  isis 10  isgw 16  isabel 8  izumi 9
    ikaros 8  icarus 18  ics 6  ix1 10  ip1 8  idun 8
    relay 146  relay1 22  relay2 14  relay01 5  relay-1 3  relax 5  release 1  remote 16
    receiver 12  reef 5  redwood 8  rabbit 22  radar 18  rainbow 26  raven 14  ranger 8
    rigel 22  river 20  ritsu 6  robin 24  root 10  router 14  rose 16  romeo 5  ruby 22
    rumba 6  ryoma 12  rx1 8
    ns 55  ns1 44  ns10 2  ns11 2  ns2 32  ns3 8  ns0 5  ns01 3  nsx 2  net 30  netgate 12
    neptune 24  news 18  nebula 12  neon 10  nadia 10  naruto 12  nara 20  natsu 16  nagi 10
    nova 26  north 14  nozomi 18  node1 10  noir 4  niji 16  nisa 8  night 10  nt1 11
    ntmail 18
    corp 38  corpmail 4  core 12  corona 8  com1 10  comet 18  cosmos 22  condor 12
    cobalt 8  castor 22  canopus 24  cactus 14  cassini 10  ceres 26  centaur 14  cherry 20
    chidori 16  check 10  cleaner 12  cluster1 30  cloud 8  crane 18  crystal 12  cygnus 23
    csmail 12
    barracuda 61  barracuda1 8  barracuda2 4  bart 7  bark 5  bastion 14  backup 13
    bamboo 8  bee 16  bell 22  beta 18  berry 14  benten 8  big 20  bird 18  birch 10
    blue 26  black 12  botan 24  boss 10  boreal 6  bravo 18  bridge 16  bulk 10  bull 12
    byakko 10  bx1 5
    www 91  www1 3  www2 2  web 12  webmail 33  web1 9  web2 3  west 18  weasel 6  wall 22
    watch 12  walnut 10  wasabi 8  wind 24  willow 14  wisdom 8  wing 8  wolf 22  wonder 10
    whale 20  white 14  wren 14
    gate 22  gateway 30  gate1 6  gate2 4  gate-1 2  gatling 3  garnet 14  galaxy 12  gaia 8
    gw 44  gw1 32  gw2 16  gwmail 6  green 16  group 26  groupwise 8  grape 8  gemini 18
    genji 10  glacier 12  gold 14  gopher 6  guard 24
    email 58  email1 5  email2 4  emerald 8  emgw 6  exchange 40  exch 3  exim 22
    external 12  exmail 8  edge 34  edge1 8  elm 12  elephant 5  engine 8  eagle 16
    esmtp 12  esa 20  europa 14
    filter 38  filter1 8  filter2 5  file 3  firewall 30  firebird 6  fish 8  fox 14
    forward 22  fortress 8  fw 20  fw1 14  front 14  frontier 6  fuji 18  fumi 6  falcon 16
    av 20  avgw 24  alpha 18  apollo 26  antispam 34  asmtp 12  atlas 16  aoi 10  amavis 14
    dmz 24  delta 14  dns 20  dns1 14  daisy 16  dolphin 18  defender 10
    hermes 34  hera 8  host 20  hub 22  hub1 10  hawk 10
    kaede 20  kiku 16  kuma 14  kerio 10
    lotus 26  lion 16  lb1 10  list 24  lists 8
    outbound 20  orion 26  owa 16  office 14
    tulip 14  titan 20  taurus 16  trend 10  tiger 10
    uranus 14  umi 10  ume 8
    venus 30  vscan 14  virus 24  virusgw 8  vega 18
    zeus 28  zebra 8
    yuki 12
    jupiter 26
";

/// The keywords of the study, for keeping their share of each second the same.
const KEYWORDS: [&str; 7] = ["mxs", "mx", "ns", "mail", "smtp", "gate", "relay"];

/// The table as pairs.
fn labels() -> impl Iterator<Item = (&'static str, u32)> {
    let mut words = LABELS.split_whitespace();
    std::iter::from_fn(move || {
        let label = words.next()?;
        let count = words.next().and_then(|count| count.parse().ok());
        Some((label, count.expect("the table's words come in pairs")))
    })
}

/// The infected PC's day.
pub(super) fn study_client_f() -> Vec<Exchange> {
    let mut dice = Dice::new("study-client-f");
    let names = names_in_order(&mut dice);
    let mut client = Client::new(CLIENT);
    for (at, name) in moments(&mut dice, names.len()).into_iter().zip(&names) {
        client.ask(at, name, kind::A);
    }
    client.log
}

/// Every name it asks for. It walks through the harvested domains, at each one asking for
/// `mail` and one or two other labels, so that labels of one domain stand together.
fn names_in_order(dice: &mut Dice) -> Vec<String> {
    let mut mail = 0;
    let mut others: [Vec<&str>; 3] = Default::default();
    for (label, count) in labels() {
        if label == "mail" {
            mail = count as usize;
            continue;
        }
        let [counted, begins, other] = &mut others;
        let tier = match Tier::of(label) {
            Tier::Counted => counted,
            Tier::Begins => begins,
            Tier::Other => other,
        };
        tier.extend((0..count).map(|_| label));
    }
    for tier in &mut others {
        dice.shuffle(tier);
    }
    let totals = others.each_ref().map(Vec::len);
    let mut walk = Walk::new(dice);
    let mut names = Vec::new();
    for visit in 0..mail {
        let domain = walk.next(dice);
        names.push(format!("mail.{domain}"));
        // Of each tier the part that is due by now: the share of keywords is the same in
        // every second, as the study's R² of 0.999 says it was. Labels drawn by chance would
        // need 1000 queries a second for that.
        for (tier, total) in others.iter_mut().zip(totals) {
            let due = total - total * (visit + 1) / mail;
            while tier.len() > due {
                let label = tier.pop().expect("more than are due");
                names.push(format!("{label}.{domain}"));
            }
        }
    }
    names
}

/// How a label stands to the keywords, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    Other,
    Begins,
    /// Equal to one, or one with a number: what K counts.
    Counted,
}

impl Tier {
    fn of(label: &str) -> Self {
        let tails = KEYWORDS.iter().filter_map(|word| label.strip_prefix(word));
        let tiers = tails.map(|tail| {
            let digits = tail.strip_prefix('-').unwrap_or(tail);
            let numbered = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            if tail.is_empty() || numbered {
                Self::Counted
            } else {
                Self::Begins
            }
        });
        tiers.max().unwrap_or(Self::Other)
    }
}

/// The order in which the worm comes to the domains: each once a round, popular ones again
/// in between.
struct Walk {
    round: Vec<u32>,
    left: Vec<u32>,
}

impl Walk {
    fn new(dice: &mut Dice) -> Self {
        let mut round: Vec<u32> = (FIRST..FIRST + HARVEST).collect();
        dice.shuffle(&mut round);
        let left = Vec::new();
        Self { round, left }
    }

    fn next(&mut self, dice: &mut Dice) -> String {
        if dice.chance(250) {
            return names::domain(FIRST + dice.popular(HARVEST));
        }
        if self.left.is_empty() {
            dice.shuffle(&mut self.round);
            self.left.clone_from(&self.round);
        }
        names::domain(self.left.pop().expect("just filled"))
    }
}

/// When the queries are sent: bursts of some seconds at rates from a few to 200 a second with
/// minutes between, from 09:30 to 18:00 in Japan. The spread of rates is what makes K follow
/// T as closely as in Figure 8.
fn moments(dice: &mut Dice, queries: usize) -> Vec<Timestamp> {
    /// The fastest second, about the top of what a PC's resolver of the time managed.
    const FASTEST: u32 = 200;
    let mut seconds: HashMap<i64, u32> = HashMap::new();
    let mut left = u32::try_from(queries).expect("the table's sum is a u32");
    while left > 0 {
        let first = i64::from(dice.between(1800, 9 * 3600 - 60));
        for second in first..first + i64::from(dice.between(2, 14)) {
            // The smaller of two throws: slow seconds are common, fast ones rare.
            let one = dice.between(1, FASTEST);
            let rate = one.min(dice.between(1, FASTEST)).min(left);
            *seconds.entry(second).or_default() += rate;
            left -= rate;
        }
    }
    let mut moments = Vec::with_capacity(queries);
    let mut seconds: Vec<(i64, u32)> = seconds.into_iter().collect();
    seconds.sort_unstable();
    for (second, rate) in seconds {
        for nth in 0..rate {
            let step = 1_000_000 / rate;
            let micros = i64::from(nth * step + dice.below(step));
            moments.push(Timestamp::from_parts(DAY + second, micros * MICRO));
        }
    }
    moments
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashSet};

    /// Figure 7 as published, but for the letters of the first column that were lost.
    const COLUMNS: [&str; 5] = [
        "m 9975 s 1569 p 566 i 542 r 490 n 462 c 403 b 395 w 363 g 341",
        "ma 7506 mx 1883 sm 888 in 265 re 237 po 231 ns 153 sp 143 co 132 ba 120",
        "mai 7404 smt 872 mx1 583 mx0 402 mx. 378 rel 196 mx2 171 inb 134 pop 118 spa 108 \
         www 96 bar 85 ser 82 mx3 82 pos 75 mx- 70 gat 67 ema 67 cor 62 web 57 ns. 55 mta 55",
        "mail 7399 smtp 872 mx1. 451 rela 195 mx2. 167 inbo 134 spam 101 mx01 92 www. 91 \
         serv 79 mx3. 79 pop. 76 barr 73 post 69 emai 67 gate 64 filt 51 mx0. 49 mx4. 47",
        "mail. 5894 smtp. 491 mail1 229 mailh 201 mail2 200 relay 190 mailg 162 inbou 133 \
         mail- 129 mails 108 smtp1 96 mx01. 90 mail0 74 barra 73 smtp- 72 serve 70 email 67 \
         mail3 65",
    ];

    #[test]
    fn prefixes_are_those_of_figure_7() {
        let log = study_client_f();
        for (length, column) in (1..).zip(COLUMNS) {
            let words: Vec<&str> = column.split_whitespace().collect();
            let published: BTreeMap<&str, usize> = words
                .chunks(2)
                .map(|pair| (pair[0], pair[1].parse().unwrap()))
                .collect();
            let last = *published.values().min().unwrap();
            let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
            for exchange in &log {
                *counted
                    .entry(exchange.name.get(..length).unwrap())
                    .or_default() += 1;
            }
            let top: BTreeMap<&str, usize> = counted
                .into_iter()
                .filter(|(_, count)| *count >= last)
                .collect();
            assert_eq!(top, published, "column {length}");
        }
    }

    #[test]
    fn totals_and_domains() {
        let log = study_client_f();
        assert_eq!(log.len(), 16_521);
        assert!(log.iter().all(|exchange| exchange.kind == kind::A));
        let of = |tier| labels().filter(move |(label, _)| Tier::of(label) == tier);
        let sum = |tier| of(tier).map(|(_, count)| count).sum::<u32>();
        assert_eq!(sum(Tier::Counted), 9502);
        assert_eq!(sum(Tier::Begins), 1059);
        let exact = labels().filter(|(label, _)| KEYWORDS.contains(label));
        assert_eq!(exact.map(|(_, count)| count).sum::<u32>(), 7010);
        let domains: HashSet<&str> = log
            .iter()
            .map(|exchange| psl::domain_str(&exchange.name).unwrap())
            .collect();
        assert_eq!(domains.len(), HARVEST as usize);
        let missing = log
            .iter()
            .filter(|exchange| exchange.reply.answers.is_empty())
            .count();
        assert!((5000..10_000).contains(&missing), "{missing} not found");
    }

    /// Figure 8: keyword queries against all queries, per second.
    #[test]
    fn keywords_follow_the_total() {
        let mut bins: BTreeMap<i64, (i128, i128)> = BTreeMap::new();
        for exchange in study_client_f() {
            let label = exchange.name.split('.').next().unwrap();
            let bin = bins.entry(exchange.at.second()).or_default();
            bin.0 += 1;
            bin.1 += i128::from(Tier::of(label) == Tier::Counted);
        }
        let sum = |f: fn(&(i128, i128)) -> i128| bins.values().map(f).sum::<i128>();
        let n = i128::try_from(bins.len()).unwrap();
        let (t, k) = (sum(|b| b.0), sum(|b| b.1));
        let tt = n * sum(|b| b.0 * b.0) - t * t;
        let kk = n * sum(|b| b.1 * b.1) - k * k;
        let tk = n * sum(|b| b.0 * b.1) - t * k;
        assert!(
            tk * tk * 1000 >= tt * kk * 999,
            "{tk}² / ({tt} · {kk}) under 0.999"
        );
    }
}
