//! What a host did, and what to do about it: docs/VERDICTS.md in a few words.

use crate::verdict::{Class, Level};

pub(super) fn seen(class: Class) -> &'static str {
    match class {
        Class::Gen1Relay => {
            "It hands very many mails to one server, as worms do and people do not."
        }
        Class::Gen2Mx => {
            "It asks for the mail servers of very many domains, which PCs leave to their mail server."
        }
        Class::Gen3A => {
            "It guesses the names of mail servers in very many domains, one after the other."
        }
        Class::Hybrid => "It asks for mail servers of very many domains, and guesses their names.",
        Class::SpamFanout => {
            "It connects straight to many mail servers, where a PC sends by one or two."
        }
        Class::SubmissionAbuse => {
            "It logs in at many mail providers, where people have accounts at one or two."
        }
        Class::HijackedRelay => {
            "It takes mail from outside and sends mail itself, and is no known mail server."
        }
        Class::HijackedServer => {
            "It sends differently from what it always did, and as spammers do."
        }
        Class::Op25bViolation => "It connects to port 25 outside, which is for mail servers only.",
        Class::PtrFlood | Class::AFlood => {
            "It is asked far more than usual, by others or for other names; it is not infected by that."
        }
        Class::Ordinary => "",
    }
}

/// Of what is likely one honest explanation is ruled out first; of what is confirmed none is left.
pub(super) fn first(class: Class, level: Level) -> &'static str {
    let sure = level == Level::Confirmed;
    match class {
        Class::Ordinary => "",
        Class::PtrFlood | Class::AFlood => {
            "Look into the server's log: who asks, and for which names? Those who ask are the finding, not the server."
        }
        Class::Op25bViolation => {
            "Have its mail program send by the site's server (port 587, with a password)."
        }
        _ if !level.convicted() => "Look at its packets. Do not write to its owner yet.",
        Class::HijackedServer if sure => {
            "Hold its mail queue now, and find the account, script or form that the mails come from. Do not unplug it as you would a PC."
        }
        Class::HijackedServer => {
            "Look into its mail queue and log: is there a new list, or an account, script or form that sends spam? If so, hold the queue."
        }
        Class::HijackedRelay if sure => {
            "Shut port 25 for it in both directions now, and ask for whom it is a mail server. If for nobody, take it off the network."
        }
        Class::HijackedRelay => {
            "Ask for whom it is a mail server. If for nobody, take it off the network, switched on."
        }
        Class::Gen1Relay if sure => {
            "Have the site's mail server stop taking its mail, then take it off the network; leave it switched on."
        }
        Class::Gen1Relay => {
            "Look into the log of the site's mail server: which account, how many recipients? If it is no list or ticket system, stop its mail there."
        }
        Class::SubmissionAbuse if sure => {
            "Take it off the network now; leave it switched on. From another machine, change the passwords of all accounts used on it."
        }
        Class::SubmissionAbuse => {
            "Ask whether one person has accounts at all those providers. If not, take it off the network; leave it switched on."
        }
        Class::SpamFanout if sure => {
            "Shut port 25 for it and take it off the network now; leave it switched on."
        }
        Class::SpamFanout => {
            "Ask whether it is meant to deliver mail itself. If not, shut port 25 for it and take it off the network; leave it switched on."
        }
        Class::Gen2Mx | Class::Gen3A | Class::Hybrid if sure => {
            "Take it off the network now; leave it switched on for analysis."
        }
        Class::Gen2Mx | Class::Hybrid => {
            "Make sure that it is no mail server, newsletter host or list checker of yours. If it is none, take it off the network; leave it switched on."
        }
        Class::Gen3A => {
            "Make sure that it does not monitor mail hosts for you. If it does not, take it off the network; leave it switched on."
        }
    }
}

pub(super) fn steps(class: Class) -> &'static [&'static str] {
    match class {
        Class::HijackedServer => &[
            "Change that account's password and end its sessions, or switch the script off.",
            "Check that the server relays for its own users only, and look at block lists afterwards.",
        ],
        Class::HijackedRelay => &[
            "Find the program that listens on port 25, and who put it there.",
            "Scan it, or install it anew, and change the passwords used on it.",
            "If it is a mail server, put it into the inventory, and check that it is no open relay.",
        ],
        Class::Op25bViolation => &[
            "If nobody sends mail from it, scan it for malware.",
            "If it is a mail server, put it into the inventory.",
        ],
        Class::PtrFlood | Class::AFlood => &[
            "Of machines inside, look for an infection or a wrong setting.",
            "Of hosts outside, limit what they are answered, and check that it is no open resolver.",
        ],
        Class::Ordinary => &[],
        _ => &[
            "Scan it from a clean medium, or install it anew.",
            "From another machine, change the passwords used on it.",
            "If it is a mail server or mails by trade, put it into the inventory.",
        ],
    }
}
