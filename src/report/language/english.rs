//! English.

mod advice;
mod counters;

use super::{Columns, PageWords, PlotWords, Words};
use crate::correlate::evidence::Family;
use crate::report::plot::Kind;
use crate::verdict::{Class, Level, Role};
use crate::words::counted;

pub(super) const WORDS: Words = Words {
    tag: "en",
    title,
    reading,
    level: Level::name,
    class,
    term: |word| word,
    seen: advice::seen,
    first: advice::first,
    counter: counters::counter,
    steps: advice::steps,
    role,
    family,
    plot: PlotWords {
        time: |days| format!("time (UTC), {days}"),
        rate: |width| match width {
            1 => "per second".to_owned(),
            width => format!("per second, the most in {}", stretch(width)),
        },
        total: "all queries",
        smtp: "mail connections",
        all_a: "A queries per second (T)",
        keyword_a: "keyword A queries per second (K)",
        slope: "slope",
        seconds: "seconds",
        grid: |grid| format!("drawn by multiples of {grid}"),
        characters: |length, bound| format!("{length} char.{}", if bound { " (≥)" } else { "" }),
        queries: "queries",
        score: "score (log odds)",
        attempts: "mail connections",
        established: "answered",
        refused: "refused",
        unanswered: "not answered",
        unseen: "answers not in sight",
        accepted: "messages accepted",
        rejected: "mail refused",
        server: "server",
        others: |number| format!("{} to further servers", counted(number, "connection")),
        columns: Columns {
            begin: "from",
            seconds: "seconds",
            level: "level",
            label: "label",
            length: "characters",
            prefix: "prefix",
            count: "queries",
            sum: "sum",
            peak: "peak",
            port: "port",
        },
    },
    page: PageWords {
        title: "mxray report",
        span: |first, last| format!("Packets from {first} to {last}. All times are UTC."),
        summary: |hosts, [convicted, suspected, noticed]| {
            format!(
                "Of {}, {convicted} convicted, {suspected} suspected, {noticed} noticed.",
                counted(hosts, "host")
            )
        },
        summary_heading: "Summary",
        no_packets: "No packets were read.",
        since: |since| format!("First sign {since}."),
        probability: |percent| {
            format!("Probability {percent}%, if one host in a thousand is infected.")
        },
        first: "First:",
        suspected: "To look at:",
        one_way: "Only one direction of its traffic was seen.",
        suppressed: "The inventory wants nobody told.",
        acquitted: "Later it turned out to do that by trade.",
        nothing_found: "No host is convicted. That holds for what was in sight: see the quality of the capture.",
        gaps: |times| {
            format!(
                "The sensor missed something, or saw it again, {}:",
                counted(times as u64, "time")
            )
        },
        hosts: "Hosts",
        hosts_about: "Every host and its queries, as in Table 1 of the study. Level and score are those at the end, \
                      the gravest level is that of any time. The level filter is by the gravest.",
        findings_omitted: |number| {
            format!(
                "{} about hosts of less weight left out.",
                counted(number, "verdict")
            )
        },
        hosts_omitted: |number| {
            format!(
                "{} with the lowest score and the fewest packets left out.",
                counted(number, "host")
            )
        },
        search: "Search address, class or role",
        class: "Class",
        level: "Level",
        all: "all",
        shown: "hosts shown",
        more: "More rows",
        all_columns: "All columns",
        printed: "hosts are printed: those on display, those with a page and those of level suspected and more. The page \
                  itself has all, and so has --csv.",
        noscript: "The table and the numbers behind pictures need JavaScript. Everything else does not.",
        columns: [
            "host",
            "class",
            "level",
            "gravest",
            "score",
            "posterior",
            "role",
            "queries",
            "MX",
            "A",
            "PTR",
            "R²",
            "mail conn.",
            "mail servers",
            "first seen",
        ],
        pages: "Host by host",
        pages_about: "The gravest findings and the hosts that were asked for. Any other host:",
        pages_omitted: |number| format!("{} more worth a look left out.", counted(number, "host")),
        once: "The captures came by a pipe and were read once: pictures are of convicted hosts alone, from the \
               moment at which each was first noticed.",
        changed: "The captures were not the same when they were read again for the pages of hosts: pictures and numbers there \
                  may differ from those of the table and the site.",
        did: "What to do",
        check: "The packets to check it by stand beside the evidence.",
        role: "Role",
        basis: "Basis",
        verdicts: "Verdicts",
        verdicts_omitted: |number| {
            format!("{} in the middle left out.", counted(number, "verdict"))
        },
        evidence: "Evidence",
        counter: "Evidence against",
        none: "None.",
        packets: "Packets (frame numbers as in Wireshark)",
        wireshark: "Display filter for Wireshark",
        copy: "Copy",
        numbers: "Numbers",
        download: "Download as CSV",
        time: "Time",
        state: "State",
        weight: "Weight (log odds)",
        sentence: "What was seen",
        score: "Score",
        posterior: "Posterior",
        visibility: "In sight",
        sights: [
            "DNS",
            "DNS replies",
            "SMTP",
            "SMTP replies",
            "nothing but TLS",
            "hidden DNS",
            "home",
            "tap",
        ],
        capture: "Capture",
        captured: ["lost", "packets cut", "one direction alone"],
        partial: [
            "Hosts with a verdict of which one direction alone was seen",
            "Hosts with a verdict of which packets were cut",
        ],
        site: "The site",
        totals: "Queries of all hosts in the table",
        roles: "Mail servers and others that are no PCs",
        op25b: "Port 25 to the outside (OP25B)",
        op25b_unknown: "Not audited, since it was not said what is inside:",
        op25b_cut: "There are more networks or hosts than the audit tells.",
        op25b_hosts: "Hosts of that class:",
        floods: "Floods of DNS servers",
        floods_column: "Floods",
        floods_omitted: |number| format!("{} more left out.", counted(number, "flood")),
        related: "Who asks most, or is asked for",
        resolvers: "Resolvers",
        resolvers_about: "Hosts that answer the queries of others, and DNS servers that were flooded. The numbers are of \
                          queries that they sent themselves and of the replies to those; of what they are asked, \
                          floods alone are told.",
        quality: "Quality of the capture",
        missed: "What the sensor missed",
        files: "Files",
        prefix: "Network",
        leaking: "Hosts",
        blocked: "Blocked",
        leaked: "Leaked",
        leak_ratio: "Leak ratio",
        allowed: "Of mail servers",
        flows: [
            "forged from outside",
            "POP before SMTP",
            "587 with AUTH",
            "587 with TLS",
            "587 open",
        ],
        cause: "Cause",
        host: "Host",
        replies: "Replies",
        names: "Distinct names",
        domains: "Distinct domains",
        number: "Number",
        meaning: "Meaning",
        made: |version| {
            format!(
                "Made by mxray {version}. Numbers of hosts and of the site are those of its events."
            )
        },
        back: "Back to the hosts",
    },
};

/// A stretch of time in a few words.
fn stretch(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Rates => "queries per second by type",
        Kind::Correlation => "mail keywords against all A queries",
        Kind::Prefixes => "most frequent prefixes of names",
        Kind::Labels => "most frequent mail keywords",
        Kind::Score => "score and evidence over time",
        Kind::Peers => "mail servers and outcomes",
    }
}

fn reading(kind: Kind) -> &'static str {
    match kind {
        Kind::Rates => {
            "A PC asks A and AAAA in bursts; a mail server asks MX and PTR as well, all day; a worm asks MX, or A, and no PTR."
        }
        Kind::Correlation => {
            "Each point is the seconds with so many queries. On a steep line near R² = 1 one program makes them all."
        }
        Kind::Prefixes => {
            "Names that begin with mx, mail, smtp and their like do not lead at a PC that somebody uses."
        }
        Kind::Labels => "First labels that are a mail keyword, or one with a number.",
        Kind::Score => {
            "What is above a line has reached that level; each family of evidence is drawn up to its cap."
        }
        Kind::Peers => {
            "People use one or two servers. Many servers, few answers and refused mail are a bot's."
        }
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Gen1Relay => "worm that mails by the site's server (gen1-relay)",
        Class::Gen2Mx => "mass mailer that looks up MX (gen2-mx)",
        Class::Gen3A => "mass mailer that guesses mail hosts (gen3-a)",
        Class::Hybrid => "mass mailer that looks up and guesses (hybrid)",
        Class::SpamFanout => "spam straight to many servers (spam-fanout)",
        Class::SubmissionAbuse => "spam by stolen logins (submission-abuse)",
        Class::HijackedRelay => "PC that relays spam (hijacked-relay)",
        Class::HijackedServer => "mail server that is misused (hijacked-server)",
        Class::Op25bViolation => "port 25 to the outside (op25b-violation)",
        Class::PtrFlood => "DNS server flooded with PTR queries (ptr-flood)",
        Class::AFlood => "DNS server flooded with A queries (a-flood)",
        Class::Ordinary => "nothing of a mass mailer (ordinary)",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Pc => "PC",
        Role::MailServer => "mail server",
        Role::UnregisteredMta => "mail server that is not registered",
        Role::Resolver => "resolver",
        Role::Aggregate => "many machines behind one address",
        Role::Monitor => "monitor",
        Role::MxProber => "prober of mail servers",
        Role::Gateway => "mail gateway",
        Role::External => "outside",
    }
}

/// A family of evidence.
pub(crate) fn family(family: Family) -> &'static str {
    match family {
        Family::Mx => "asks for mail servers of ever new domains",
        Family::Kwa => "guesses mail servers of ever new domains",
        Family::Fan => "connects to ever new mail servers",
        Family::Submit => "connects to ever new mail providers",
        Family::Relay => "many recipients by one server",
        Family::Jump => "sends much more than it used to",
        Family::Inbound => "takes mail from outside",
        Family::NoServerLookups => "does not ask what mail servers ask",
        Family::Again => "asks for the same over and over",
        Family::KeywordShare => "asks for mail servers most of the time",
        Family::LabelSweep => "tries names (mx, mail, smtp) in turn",
        Family::FailingAnswers => "asks for what does not exist",
        Family::R2 => "asks for mail servers in step",
        Family::Follow => "connects right after looking servers up",
        Family::Fail => "many connections fail",
        Family::Rej => "many servers refuse its mail",
        Family::RejJump => "more servers refuse it than before",
        Family::DeadJump => "more mail domains are gone than before",
        Family::Proto => "does not speak as mail programs do",
        Family::Mail => "hands over messages",
        Family::Back => "receivers of mail look up its name",
        Family::Irc => "is in a chat network (IRC), as bots are",
        Family::Client => "is a machine that somebody works at",
        Family::Rate => "is asked much more than usual",
        Family::Entropy => "is asked by others, for other names",
    }
}
