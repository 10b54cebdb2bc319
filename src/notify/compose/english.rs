//! English.

use super::{Labels, Strength, Words};
use crate::notify::digest::{News, Notice};
use crate::notify::pick::Number;
use crate::report::language::english::family;
use crate::verdict::{Class, Level};
use crate::words::counted;

pub(super) const WORDS: Words = Words {
    subject,
    opening,
    closing: "\
If you know a good reason for what was seen (the machine is a mail server,
sends a newsletter, or was used for a test), please simply answer this
mail. We can then register that.

Please answer as well if you need help, or if the machine is not yours.

This mail was written automatically by mxray, which watches how machines
in our network use name lookups (DNS) and mail (SMTP). A program can be
wrong: nobody is blamed, and the owner of an infected machine is most
often its first victim.
",
    held: |number| {
        format!(
            "\n{} in this mail had waited for today, since the number of mails that you get in\n\
             a day is limited.\n",
            counted(number as u64, "report")
        )
    },
    omitted: |number| {
        format!(
            "\nThere were more reports than fit here: we had to leave out {number} more. Please ask us\n\
             for the full list.\n"
        )
    },
    last_today: "\n\
The number of mails that you get in a day is limited, and this is today's
last one. What is found from now on is in tomorrow's.
",
    rest: "Further machines, in brief:",
    news,
    level,
    seen,
    steps,
    shared: "  \
  Many machines seem to share this address (NAT, a proxy, a forwarder).
  One of those behind it does what follows. Do not take the device with
  this address off the network, as that would cut off all of them.

",
    shared_steps: &[
        "Find the machine behind this address: look into the log of the NAT, proxy\nor forwarder, at the times in the table below, for who made many mail\nconnections (ports 25, 465, 587) or many DNS lookups of mail servers.",
        "Take that machine off the network, scan it for malware, and change the\npasswords that were used on it.",
        "If the device keeps no log, or sends mail or looks it up itself by intent,\ntell us.",
    ],
    over: "  \
  You were told of this machine before. There is nothing that you have to
  do because of this mail. If you have not looked at the machine yet,
  please still do: that it is quiet may only mean that it is switched off.

",
    acquitted: "  \
  You were told of this machine before. That was a false alarm, for which
  we are sorry: there is nothing to look for on it because of that mail.
  The sensor's words below say what it is taken for now.

",
    family,
    strength: |of| match of {
        Strength::Weak => "weak",
        Strength::Medium => "medium",
        Strength::Strong => "strong",
    },
    number,
    labels: Labels {
        host: "Machine with the IP address",
        seen: "What was seen",
        steps: "What to do now",
        evidence: "Evidence",
        counted: "Counted so far",
        signs: "Signs, and how much they say",
        first_seen: "First sign",
        judged: "Newest verdict",
        level: "Certainty",
        class: "Kind of behaviour",
        mac: "Ethernet (MAC) address, or the router's",
        vlan: "VLAN",
        sensor: "For experts: the sensor's own words, its name / event.id",
    },
};

fn subject(first: &Notice, hosts: usize) -> String {
    let host = first.case.host;
    let what = match (first.news, first.case.class) {
        (News::Over, _) => format!("{host} shows no more signs"),
        (_, Class::PtrFlood | Class::AFlood) => format!("{host}: your DNS server is flooded"),
        (_, Class::HijackedServer | Class::HijackedRelay | Class::SubmissionAbuse) => {
            format!("please check {host}: it seems to be misused to send spam")
        }
        (_, Class::Op25bViolation) => {
            format!("please check {host}: it sends mail past our servers")
        }
        _ => format!("please check {host}: it seems to send spam or worms"),
    };
    match hosts {
        0 | 1 => what,
        more => format!("{what} (and {} more)", more - 1),
    }
}

fn opening(new: usize, over: usize) -> String {
    // Neither what is done nor by whom is the same for all classes: the hosts' own parts say it.
    let found = match new {
        0 => String::new(),
        _ => format!(
            "our network sensor noticed unusual mail or DNS traffic of {} registered\n\
             to you. What was seen, and what to do, is written below. Please look into it\n\
             soon, best today.\n",
            counted(new as u64, "machine"),
        ),
    };
    let ended = match over {
        0 => String::new(),
        _ if new == 0 => format!(
            "{} that you were told of {} no more signs.\n",
            counted(over as u64, "machine"),
            if over == 1 { "shows" } else { "show" },
        ),
        _ => format!(
            "Of {} that you were told of before there are no more signs.\n",
            counted(over as u64, "machine"),
        ),
    };
    format!("Hello,\n\n{found}{ended}")
}

fn news(news: News, level: Level) -> &'static str {
    match (news, level) {
        (News::Convicted, Level::Confirmed) => "NEW: confirmed",
        (News::Convicted, _) => "NEW: very likely",
        (News::Confirmed, _) => "You were told of it before. NEW: it is confirmed now.",
        (News::Over, _) => "No more signs",
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::None => "no more signs",
        Level::Notice | Level::Suspected => "suspected",
        Level::Likely => "very likely",
        Level::Confirmed => "confirmed",
    }
}

fn seen(class: Class) -> &'static str {
    match class {
        Class::Gen1Relay => {
            "  \
  The machine hands very many mails to one mail server, in the way that
  worms and spam programs do it and people do not.
"
        }
        Class::Gen2Mx => {
            "  \
  The machine asks the DNS for the mail servers of very many domains.
  Computers that people use leave that to their mail server; worms that
  mail themselves do it.
"
        }
        Class::Gen3A => {
            "  \
  The machine guesses the names of mail servers (mx, mail, smtp, ...) in
  very many domains, one after the other. Worms that mail themselves do
  that.
"
        }
        Class::Hybrid => {
            "  \
  The machine asks for, and guesses, the mail servers of very many
  domains. Computers that people use leave that to their mail server;
  worms that mail themselves do it.
"
        }
        Class::SpamFanout => {
            "  \
  The machine opens mail connections straight to many mail servers on the
  Internet, as spam programs do. Computers that people use send by one or
  two servers.
"
        }
        Class::SubmissionAbuse => {
            "  \
  The machine makes connections for sending to many mail providers, where
  people have accounts at one or two. Spam programs do so with stolen
  passwords.
"
        }
        Class::HijackedRelay => {
            "  \
  The machine takes mail from outside and sends mail itself, though it is
  no mail server that we know of. Spammers use such machines to hide
  behind.
"
        }
        Class::HijackedServer => {
            "  \
  Your mail server suddenly sends differently from what it always did, and
  as spammers do. Most often somebody knows the password of one of its
  accounts.
"
        }
        Class::Op25bViolation => {
            "  \
  The machine connects to mail servers outside (port 25), which in our
  network is for mail servers only.
"
        }
        Class::PtrFlood | Class::AFlood => {
            "  \
  Your DNS server is asked far more than usual, by other machines or for
  other names than usual. The address above is that of the server, which
  is not infected by that.
"
        }
        Class::Ordinary => "  Nothing unusual any more.\n",
    }
}

fn steps(class: Class) -> &'static [&'static str] {
    match class {
        Class::SubmissionAbuse => &[
            "Take the machine off the network (cable and Wi-Fi). Leave it switched on\nif you want somebody to look into it.",
            "From another machine, change the passwords of all mail accounts that were\nused on it, and end their open sessions.",
            "Scan it for malware, best from a clean medium. If anything is found, or\nyou are not sure, install it anew.",
            "If the machine sends for several accounts by intent (a ticket system, a\nmonitor), tell us, and it is registered.",
        ],
        Class::HijackedRelay => &[
            "If the machine is meant to be a mail server, tell us, and it is\nregistered. Then check that it forwards mail for your own users only (no\nopen relay).",
            "If not, take it off the network, and look for the program that listens on\nport 25 and for who installed it.",
            "Scan the machine for malware. If somebody broke in, install it anew and\nchange all passwords that were used on it.",
        ],
        Class::HijackedServer => &[
            "Look into the mail queue and the log: which account, script or web form\ndo the many mails come from? Hold the queue meanwhile.",
            "Change the password of that account and end its sessions, or switch the\nscript or form off. Look for forwarding rules that its owner does not\nknow.",
            "Check that the server forwards mail for your own users only (no open\nrelay) and that its software is up to date.",
            "Remove the spam from the queue, and check block lists afterwards, as your\nordinary mail may be refused for a while.",
            "If it is a mailing of your own (a newsletter, a new list), tell us.",
        ],
        Class::Op25bViolation => &[
            "Set the mail program to send by our mail server (submission, port 587,\nwith a password).",
            "If nobody sends mail from this machine, scan it for malware.",
            "If it is a mail server, tell us, and it is registered.",
        ],
        Class::PtrFlood | Class::AFlood => &[
            "Look into the log of the server: who asks, and for which names?",
            "If those who ask are machines of ours, they may be infected or\nmisconfigured: please tell us their addresses.",
            "If they are outside, limit what the server answers them (response rate\nlimits) and check that it is no open resolver.",
        ],
        _ => &[
            "Take the machine off the network (cable and Wi-Fi). Leave it switched on\nif you want somebody to look into it.",
            "Scan it for worms and other malware with an up-to-date scanner, best from\na clean medium. If anything is found, or you are not sure, install it\nanew.",
            "From another machine, change the passwords that were used on it.",
            "Bring it back when it is clean and up to date, and answer this mail.",
            "If it is a mail server, or looks up or sends so much mail by intent, tell\nus: it is registered, and measured by what is usual for that.",
        ],
    }
}

fn number(number: Number) -> &'static str {
    match number {
        Number::Connections => "mail connections begun",
        Number::Servers => "different mail servers",
        Number::Failed => "connections refused or not answered",
        Number::Messages => "messages handed over",
        Number::Recipients => "recipients named",
        Number::Refusals => "refusals by mail servers",
        Number::MxDomains => "domains whose mail servers it asked for",
        Number::MailHosts => "lookups of names like mx, mail, smtp",
        Number::Queries => "DNS lookups of any kind",
    }
}
