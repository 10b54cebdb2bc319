//! Whoever is on the wire, or drops files into a folder, chooses names. Through every output they
//! stay text: nothing in them turns a terminal, a line, a page, a cell or a mail into another.

use super::*;
use etherparse::PacketBuilder;

/// Each does something somewhere, unless it is escaped.
const HOSTILE: [&[u8]; 16] = [
    b"\x1b[2J\x1b]0;owned\x07",   // a terminal
    b"\xc2\x9b31m",               // the same, by a control character of eight bits
    b"\r\n{\"event\":{}}\r\n",    // another line
    b"\xe2\x80\xa8\xe2\x80\xa9",  // separators of lines and paragraphs
    b"\xe2\x80\xae\xe2\x81\xa6",  // text from the right to the left
    b"\xf3\xa0\x81\x81",          // a letter that nobody sees
    b"\xff\xfe\xc3\x28",          // no UTF-8
    b"\0cut",                     // the end of a text in C
    b"</script><script>alert(1)", // a page
    b"\"'><img src=x>",           // an attribute
    b"\\u001b\\033",              // what is escaped already
    b",\"",                       // another cell
    b"${jndi:ldap://x}",          // a lookup
    b"%s%n%0a",                   // a format, a URL
    b"]]><!--",                   // a section of XML
    b"\x7f\x08\x08",              // what takes back
];
/// What a spreadsheet would reckon.
const FORMULAS: [&[u8]; 5] = [b"=cmd|' /C calc'!A0", b"+1+1", b"-2", b"@SUM(A1)", b"\t=1"];

const BOT: &str = "192.0.2.66";

/// A record with a query of the bot's for this name.
fn query(time: &[u8], labels: &[&[u8]]) -> Vec<u8> {
    let mut message = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(*label);
    }
    message.extend([0, 0, 1, 0, 1]);
    let packet = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([192, 0, 2, 66], [192, 0, 2, 53], 64)
        .udp(40_000, 53);
    let mut octets = Vec::new();
    packet.write(&mut octets, &message).unwrap();
    let length = u32::try_from(octets.len()).unwrap().to_le_bytes();
    [time, &length, &length, &octets].concat()
}

/// Writes hostile text over what follows `token`, up to the end of the word.
fn spoil(record: &mut [u8], token: &[u8], turn: usize) {
    let found = record.windows(token.len()).position(|part| part == token);
    let Some(begin) = found.map(|at| at + token.len()) else {
        return;
    };
    let ends = |octet: &u8| matches!(octet, b'\r' | b'\n' | b' ' | b'>' | 0);
    let end = record[begin..].iter().position(ends).unwrap_or_default();
    let text = HOSTILE[turn % HOSTILE.len()]
        .iter()
        .filter(|octet| !ends(octet));
    let word = &mut record[begin..begin + end];
    word.iter_mut()
        .zip(text.cycle())
        .for_each(|(to, from)| *to = *from);
}

/// A bot that is convicted, and whose every name is hostile: of queries, of itself, of senders and
/// recipients; and servers that it names in TLS.
fn hostile() -> Vec<u8> {
    let bot = capture("fanout-bot");
    let chat = capture("irc-bot");
    let tls = capture("smtp-starttls");
    let own = records(&bot);
    let time = &own[0][..8];
    let mut made: Vec<Vec<u8>> = Vec::new();
    for text in HOSTILE {
        let keyword = [b"mail", text].concat();
        made.push(query(time, &[&keyword, text, b"example"]));
        made.push(query(time, &[text, b"example"]));
    }
    for text in FORMULAS {
        made.push(query(time, &[text, b"example"]));
        made.push(query(time, &[&[b"mail", text].concat(), b"example"]));
    }
    for (turn, record) in own.iter().enumerate() {
        let mut record = record.to_vec();
        for token in [
            b"EHLO ".as_slice(),
            b"FROM:<",
            b"TO:<",
            b"220 ",
            b"Subject: ",
        ] {
            spoil(&mut record, token, turn);
        }
        made.push(record);
    }
    // Their times are what they are here, and their hosts others.
    for (turn, record) in records(&chat).into_iter().chain(records(&tls)).enumerate() {
        let mut record = record.to_vec();
        record[..8].copy_from_slice(time);
        for token in [
            b"NICK ".as_slice(),
            b"JOIN #",
            b"USER ",
            b"mx11.",
            b"mx12.",
            b"mx14.",
        ] {
            spoil(&mut record, token, turn);
        }
        made.push(record);
    }
    made.sort_by_key(|record| {
        let word = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap());
        (word(0), word(4))
    });
    of_records(&bot, made.iter().map(Vec::as_slice))
}

/// Whether a text does nothing but show itself, where it is shown as it is.
#[track_caller]
fn harmless(what: &str, text: &str) {
    for character in text.chars().filter(|character| *character != '\n') {
        let hidden = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e0fff}' | '\u{fffd}');
        assert!(
            !hidden && !character.is_control(),
            "{what}: {character:?} in {text:?}"
        );
    }
}

/// A folder with the capture under a name that is hostile too, and beside it one that is
/// cut, of which people are told.
fn place() -> (Place, &'static str) {
    let name = "=\u{1b}]0;x\u{7}\u{202e}<b>&\u{e0041}.pcap";
    let place = Place::new();
    place.write(&format!("in/{name}"), hostile());
    let cut = &capture("one-packet")[..FILE_HEADER + 20];
    place.write("in/\u{1b}[2J\nmxray: all is well.pcap", cut);
    (place, "in")
}

/// Runs it, and looks at both of its outputs.
#[track_caller]
fn run(place: &Place, line: &str) -> Run {
    let run = place.run(line, 0);
    harmless(line, &run.stdout);
    harmless(line, &run.stderr);
    run
}

#[test]
fn events_in_all_formats_and_what_stands_on_the_terminal() {
    let (place, input) = place();
    for format in ["ecs", "eve", "ocsf"] {
        let line = format!("replay --hosts=all --evidence full --format {format} {input}");
        let told = run(&place, &line);
        // Every line is an event.
        assert!(told.events().len() > 3, "{}", told.stdout);
        assert!(told.stdout.contains("\\\\027[2j"), "{}", told.stdout);
        // The table is there, and so is what is said of the other file.
        assert!(told.stderr.contains(BOT), "{}", told.stderr);
        let of_other = told
            .stderr
            .lines()
            .filter(|line| line.contains("all is well"));
        assert_eq!(of_other.count(), 1, "{}", told.stderr);
    }
    run(&place, &format!("explain {BOT} {input}"));
    let json = run(&place, &format!("explain --json {BOT} {input}")).stdout;
    serde_json::from_str::<Value>(&json).unwrap();
}

#[test]
fn pages_and_pictures() {
    let (place, input) = place();
    run(&place, &format!("report {input} -o r.html --csv counts"));
    let page = place.read("r.html");
    harmless("the page", &page);
    assert!(
        page.contains("&lt;/script&gt;") || page.contains("\\u003c/script"),
        "none is shown"
    );
    let own = Place::with("fanout-bot");
    own.run("report fanout-bot.pcap -o r.html", 0);
    let clean = own.read("r.html");
    for tag in ["<script", "</script", "<img", "<b>", "]]>"] {
        assert_eq!(
            page.matches(tag).count(),
            clean.matches(tag).count(),
            "{tag}"
        );
    }
    for kind in ["labels", "prefixes"] {
        let svg = run(&place, &format!("plot {BOT} {kind} {input}")).stdout;
        assert!(!svg.contains("<img") && !svg.contains("</script>"), "{svg}");
        let csv = run(&place, &format!("plot {BOT} {kind} {input} --csv")).stdout;
        cells(&csv);
    }
    for file in ["counts/hosts.csv", "counts/bins.csv"] {
        let csv = place.read(file);
        harmless(file, &csv);
        cells(&csv);
    }
}

/// No cell is a formula, but for numbers below zero.
#[track_caller]
fn cells(csv: &str) {
    for line in csv.lines() {
        let columns = csv.lines().next().unwrap().split(',').count();
        let mut cells: Vec<String> = vec![String::new()];
        let mut quoted = false;
        for character in line.chars() {
            match character {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                other => cells.last_mut().unwrap().push(other),
            }
        }
        assert_eq!(cells.len(), columns, "{line}");
        for cell in cells {
            let number = cell.parse::<f64>().is_ok();
            assert!(
                number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{line}"
            );
        }
    }
}

#[test]
fn what_is_sent_on() {
    let (place, input) = place();
    place.run(&format!("replay -q --log log -o events.ndjson {input}"), 0);
    harmless("the events", &place.read("events.ndjson"));
    place.write("token", "secret\n");
    for to in ["syslog+udp://log.example", "splunk+https://log.example"] {
        let line = format!("ship --log log --token-file token --dry-run --to {to}");
        let sent = place.run(&line, 0);
        harmless(to, &sent.stdout);
        harmless(to, &sent.stderr);
    }
    place.write(
        "inventory.toml",
        "[[host]]\nnet = \"192.0.2.0/24\"\nowner = \"net@example.ac.jp\"\n",
    );
    for language in ["en", "ja"] {
        let line = "notify --dry-run --inventory inventory.toml events.ndjson --language";
        let mail = place.run(&format!("{line} {language}"), 0);
        harmless("mail", &mail.stdout.replace('\r', ""));
        assert!(mail.stdout.contains(BOT), "{}", mail.stdout);
    }
    // An inventory that is drafted from this is one.
    run(&place, &format!("inventory {input} -o draft.toml"));
    harmless("the draft", &place.read("draft.toml"));
    place.run("check --inventory draft.toml", 0);
}
