//! What all recipes keep, and the study's counts, read back with other people's parsers.

use super::*;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::RecordType;
use std::collections::BTreeMap;

/// Packets and FNV-1a of each file: numbers elsewhere were measured on these very bytes.
const KEPT: [(&str, u64, u64); 67] = [
    ("study-client-a", 19_472, 0x1a6a_3b98_b50e_6bca),
    ("study-client-b", 452, 0x5b3d_2d22_479e_8d3c),
    ("study-client-c", 11_260, 0x577e_f30f_afc6_22d0),
    ("study-client-d", 36_922, 0xca90_1ad3_0cde_2171),
    ("study-client-e", 2596, 0x3427_1d16_4809_b5ba),
    ("study-client-f", 33_042, 0x6ca9_9178_548e_f561),
    ("ordinary-pcs", 12_950, 0xda96_2b7e_9533_8022),
    ("study-day", 119_570, 0xb3e8_4b91_01dc_d060),
    ("dns-types", 18, 0xac55_02db_0ff6_5cb6),
    ("dns-case-and-tiers", 38, 0x5075_7a89_6719_9bbf),
    ("dns-compression", 25, 0x24c1_8919_3e58_a4ec),
    ("dns-replies", 24, 0x6562_0c5c_610c_667f),
    ("link-vlan", 10, 0x1b20_7d0c_f520_c0bf),
    ("link-ipv6-extensions", 8, 0xd26e_3679_e3b3_f8e8),
    ("link-padding", 7, 0x4968_a256_b6a3_6015),
    ("snaplen-cut", 14, 0x7d4f_67ba_8f40_8a7b),
    ("link-sll", 4, 0x83de_f6bb_d4ca_966b),
    ("link-sll2", 4, 0x32a4_ebb4_4873_f93d),
    ("link-null", 5, 0xdf88_601c_c6c3_8487),
    ("link-loop", 2, 0x2d72_d6f6_6df2_689f),
    ("link-raw", 3, 0x6350_b731_a62b_147a),
    ("tunnel-mpls", 10, 0xd702_9b79_5de6_0737),
    ("tunnel-gre", 16, 0x8608_ecfe_c356_b64f),
    ("tunnel-erspan", 7, 0x7fce_4749_6101_27e8),
    ("tunnel-vxlan-geneve", 10, 0x667c_5d8c_3cf3_2666),
    ("tunnel-ip-in-ip", 7, 0xecef_a4e9_df19_9f57),
    ("tunnel-pppoe-ppp", 12, 0x51bf_3b5a_2afc_f221),
    ("tunnel-gtp-teredo", 11, 0x58b6_f51c_d6a3_0dce),
    ("tunnel-nested", 4, 0x236a_9bcc_0d56_e08a),
    ("fragments", 44, 0x3c3f_da91_2257_dd92),
    ("fragments-hostile", 29, 0x2e19_dc5b_9e8a_d8f3),
    ("dns-tcp", 333, 0x0145_b973_904c_9f3d),
    ("tcp-reassembly", 249, 0x999b_8c4f_dee9_9013),
    ("tcp-holes", 282, 0x181e_6a1e_6ace_0584),
    ("tcp-snaplen", 44, 0x5c24_2706_78e1_dfa7),
    ("smtp-session", 111, 0x429f_f1b0_55fa_00e6),
    ("smtp-pipelining", 97, 0x580a_fb00_e570_4487),
    ("smtp-bdat", 118, 0x9113_9d7f_fc40_330b),
    ("smtp-body", 484, 0xfd27_43b9_c843_1577),
    ("smtp-auth", 178, 0x8de0_8a9f_c05b_72a5),
    ("smtp-rejections", 180, 0x35b5_de0c_500e_6434),
    ("smtp-starttls", 134, 0xd225_d9da_23ba_5c87),
    ("smtps-465", 170, 0x8924_6bd3_ad89_4551),
    ("smtp-outcomes", 115, 0x4537_67c2_6650_c025),
    ("smtp-one-way", 98, 0xccc3_2893_24ea_7b30),
    ("smtp-defects", 400, 0xd284_393e_599a_0292),
    ("not-smtp", 70, 0x1706_d356_eee2_7d79),
    ("fanout-bot", 3758, 0x6e32_9ad7_c819_a362),
    ("fanout-server", 3025, 0xb2cb_c87a_2a27_47c6),
    ("fanout-pcs", 1183, 0x942b_8826_b1da_8f31),
    ("submission-bot", 1212, 0xf6a3_cbf2_8649_e04e),
    ("irc-bot", 121, 0x9ca3_029c_a1a5_ec9a),
    ("hidden-dns", 1760, 0x0489_9f7b_dd4e_929f),
    ("sensor-blind", 19_568, 0xdb2a_2e36_d837_bb13),
    ("sensor-one-way", 4059, 0x7171_05f5_2998_5921),
    ("resolver-egress", 1800, 0x0691_eaa8_2f76_8677),
    ("flood-ptr", 27_460, 0x6d16_9c31_f72f_191c),
    ("flood-a", 23_980, 0xe479_29f2_167d_28d9),
    ("op25b", 245, 0xdc88_3602_fe4d_d53d),
    ("lan-bindings", 126, 0x9a28_34f4_5bae_2ef6),
    ("lan-arp-dhcp", 212, 0x3533_7c82_17d2_2815),
    ("lan-ipv6-privacy", 306, 0x874a_b18f_d4f3_34d0),
    ("lan-router", 275, 0x6e54_a531_9d37_8981),
    ("late-packets", 11, 0x0e3b_47d0_898d_fa3f),
    ("one-packet", 1, 0x186c_f671_2c89_cfee),
    ("second-edges", 11, 0xd8e1_efb5_98f6_7868),
    ("empty", 0, 0x4cba_59b6_23d9_4d76),
];

fn written(name: &str) -> Vec<u8> {
    let mut file = Vec::new();
    write(name, &mut file).unwrap();
    file
}

/// Records of a pcap file: microseconds since the epoch, octets.
fn records(file: &[u8]) -> Vec<(u64, &[u8])> {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_c3d4);
    let mut at = 24;
    let mut records = Vec::new();
    while at < file.len() {
        let kept = word(at + 8) as usize;
        assert!(word(at + 12) as usize >= kept);
        let time = u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4));
        records.push((time, &file[at + 16..at + 16 + kept]));
        at += 16 + kept;
    }
    records
}

/// Source address and message of a UDP datagram in Ethernet.
fn message(frame: &[u8]) -> (String, Message) {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let Some(NetSlice::Ipv4(ip)) = &packet.net else {
        panic!("not IPv4")
    };
    let source = ip.header().source_addr().to_string();
    let Some(TransportSlice::Udp(udp)) = &packet.transport else {
        panic!("not UDP")
    };
    (source, Message::from_vec(udp.payload()).unwrap())
}

type Counts = BTreeMap<(String, RecordType), u32>;

/// Queries by source and type, replies by the same of what they answer.
fn counts(file: &[u8]) -> (Counts, u32) {
    let mut queries = Counts::new();
    let mut replies = 0;
    for (_, frame) in records(file) {
        let (source, message) = message(frame);
        if message.metadata.message_type == MessageType::Query {
            let kind = message.queries[0].query_type();
            *queries.entry((source, kind)).or_default() += 1;
        } else {
            replies += 1;
        }
    }
    (queries, replies)
}

/// Client, midnight, MX, A, PTR, as published.
const STUDY: [(&str, &str, &str, [u32; 3]); 6] = [
    (
        "study-client-a",
        "192.0.2.1",
        "2004-02-26",
        [2922, 6675, 139],
    ),
    ("study-client-b", "192.0.2.2", "2003-08-19", [190, 36, 0]),
    ("study-client-c", "192.0.2.3", "2004-01-28", [807, 4823, 0]),
    (
        "study-client-d",
        "192.0.2.4",
        "2004-03-29",
        [17_346, 1115, 0],
    ),
    ("study-client-e", "192.0.2.5", "2004-08-16", [351, 947, 0]),
    // Figure 7's first column sums to 15106; the rest are letters below its last rank.
    ("study-client-f", "192.0.2.6", "2005-02-25", [0, 16_521, 0]),
];

#[test]
fn the_study_is_counted_as_published() {
    let day = written("study-day");
    let (together, _) = counts(&day);
    for (name, address, date, published) in STUDY {
        let file = written(name);
        let (queries, replies) = counts(&file);
        for (kind, expected) in [RecordType::MX, RecordType::A, RecordType::PTR]
            .iter()
            .zip(published)
        {
            let key = (address.to_owned(), *kind);
            assert_eq!(
                queries.get(&key).copied().unwrap_or(0),
                expected,
                "{name} {kind}"
            );
            assert_eq!(
                together.get(&key).copied().unwrap_or(0),
                expected,
                "{name} {kind} of the day"
            );
        }
        assert_eq!(
            queries.values().sum::<u32>(),
            published.iter().sum::<u32>(),
            "{name}"
        );
        assert_eq!(replies, published.iter().sum::<u32>(), "{name}");
        within(name, &file, date);
    }
    within("study-day", &day, "2005-02-25");
    within("ordinary-pcs", &written("ordinary-pcs"), "2005-02-25");
    assert!(day.len() < 15_000_000, "study-day has {} octets", day.len());
}

fn within(name: &str, file: &[u8], date: &str) {
    for (time, _) in records(file) {
        let nanos = i64::try_from(time).unwrap() * 1000;
        let shown = crate::time::Timestamp::from_nanos(nanos).to_string();
        assert!(shown.starts_with(date), "{name}: {shown}");
    }
}

#[test]
fn the_mail_server_looks_up_peers_from_early_on() {
    let file = written("study-client-a");
    let first = records(&file)
        .into_iter()
        .find(|(_, frame)| message(frame).1.queries[0].query_type() == RecordType::PTR);
    let (time, _) = first.unwrap();
    assert!(time % 86_400_000_000 < 600_000_000, "within ten minutes");
}

#[test]
fn every_recipe_writes_the_same_bytes_as_ever() {
    let mut found = Vec::new();
    for recipe in catalogue() {
        let mut file = Vec::new();
        let packets = write(recipe.name, &mut file).unwrap().packets;
        assert_eq!(file, written(recipe.name), "{}", recipe.name);
        found.push((recipe.name, packets, dice::digest(&file)));
    }
    for (name, packets, digest) in &found {
        println!("    (\"{name}\", {packets}, 0x{digest:016x}),");
    }
    assert_eq!(found, KEPT);
}

#[test]
fn time_runs_forward() {
    for recipe in catalogue() {
        let file = written(recipe.name);
        let sorted = records(&file).is_sorted_by_key(|(time, _)| *time);
        assert_eq!(sorted, recipe.name != "late-packets", "{}", recipe.name);
    }
}

/// Every whole TCP segment has the checksum that etherparse works out.
#[test]
fn tcp_checksums_are_right() {
    let mut segments = 0;
    for recipe in catalogue()
        .iter()
        .filter(|recipe| recipe.name != "tcp-snaplen")
    {
        for (_, frame) in records(&written(recipe.name)) {
            let Ok(packet) = SlicedPacket::from_ethernet(frame) else {
                continue;
            };
            let Some(TransportSlice::Tcp(tcp)) = &packet.transport else {
                continue;
            };
            let expected = match &packet.net {
                Some(NetSlice::Ipv4(ip)) => tcp
                    .calc_checksum_ipv4(ip.header().source(), ip.header().destination())
                    .unwrap(),
                Some(NetSlice::Ipv6(ip)) => tcp
                    .calc_checksum_ipv6(ip.header().source(), ip.header().destination())
                    .unwrap(),
                _ => panic!("no IP"),
            };
            assert_eq!(tcp.checksum(), expected, "{}", recipe.name);
            segments += 1;
        }
    }
    assert!(segments > 9000, "{segments}");
}

#[test]
fn names_are_listed_once_and_lines_are_short() {
    let mut names: Vec<&str> = catalogue().iter().map(|recipe| recipe.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), catalogue().len());
    for recipe in catalogue() {
        assert!(recipe.summary.len() < 90, "{}", recipe.name);
        assert!(!recipe.catches.is_empty(), "{}", recipe.name);
    }
}

#[test]
fn an_unknown_name_says_where_the_known_ones_are() {
    let error = write("no-such", &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("--list"));
}
