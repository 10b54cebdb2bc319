//! What mail servers say, by who wrote them: banners, offers, refusals. A leaf.
//!
//! The wording is that of each program's default configuration, so that a rule which knows
//! one program's words only is found out on another's.

/// Who wrote a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mta {
    Postfix,
    Sendmail,
    Exim,
    Qmail,
    Exchange,
    /// A large provider's own.
    Provider,
    /// A box that filters before another server.
    Appliance,
}

impl Mta {
    pub(super) fn banner(self, name: &str) -> String {
        match self {
            Self::Postfix => format!("220 {name} ESMTP Postfix"),
            Self::Sendmail => format!("220 {name} ESMTP Sendmail 8.17.1/8.17.1; Mon, 2 Mar 2026"),
            Self::Exim => format!(
                "220-{name} ESMTP Exim 4.97\n220-We do not authorize\n220 the use of this system"
            ),
            Self::Qmail => format!("220 {name} ESMTP"),
            Self::Exchange => format!("220 {name} Microsoft ESMTP MAIL Service ready"),
            Self::Provider => format!("220 {name} ESMTP d2e1a72fcca58 - gsmtp"),
            Self::Appliance => format!("220 {name} SMTP ready"),
        }
    }

    /// What it offers after EHLO.
    pub(super) fn offers(self, name: &str, starttls: bool) -> String {
        let mut lines = vec![name.to_owned()];
        let more: &[&str] = match self {
            Self::Postfix => &[
                "PIPELINING",
                "SIZE 20971520",
                "8BITMIME",
                "ENHANCEDSTATUSCODES",
            ],
            Self::Sendmail => &["ENHANCEDSTATUSCODES", "PIPELINING", "8BITMIME", "DSN"],
            Self::Exim => &["SIZE 52428800", "8BITMIME", "PIPELINING"],
            Self::Qmail => &["8BITMIME"],
            Self::Exchange => &["SIZE 37748736", "PIPELINING", "DSN", "CHUNKING", "SMTPUTF8"],
            Self::Provider => &[
                "SIZE 157286400",
                "8BITMIME",
                "ENHANCEDSTATUSCODES",
                "PIPELINING",
            ],
            Self::Appliance => &["SIZE 10485760"],
        };
        lines.extend(more.iter().map(|&line| line.to_owned()));
        if starttls {
            lines.push("STARTTLS".to_owned());
        }
        let last = lines.len() - 1;
        let line = |(at, line): (usize, &String)| {
            let mark = if at == last { ' ' } else { '-' };
            format!("250{mark}{line}")
        };
        lines
            .iter()
            .enumerate()
            .map(line)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Whether commands may be sent ahead.
    pub(super) fn pipelines(self) -> bool {
        !matches!(self, Self::Qmail | Self::Appliance)
    }

    pub(super) fn ok(self) -> &'static str {
        match self {
            Self::Postfix => "250 2.1.0 Ok",
            Self::Sendmail => "250 2.1.0 accepted",
            Self::Exim => "250 OK",
            Self::Qmail | Self::Appliance => "250 ok",
            Self::Exchange => "250 2.1.0 Sender OK",
            Self::Provider => "250 2.1.0 OK d2e1a72fcca58 - gsmtp",
        }
    }

    pub(super) fn queued(self) -> &'static str {
        match self {
            Self::Postfix => "250 2.0.0 Ok: queued as 4Q1xZz2",
            Self::Sendmail => "250 2.0.0 622AbCd1 Message accepted for delivery",
            Self::Exim => "250 OK id=1rgXyz-0001Ab-2C",
            Self::Qmail => "250 ok 1772409600 qp 4711",
            Self::Exchange => "250 2.6.0 <1@x> Queued mail for delivery",
            Self::Provider => "250 2.0.0 OK d2e1a72fcca58 - gsmtp",
            Self::Appliance => "250 Requested mail action okay, completed",
        }
    }

    /// Greylisting (RFC 6647).
    pub(super) fn greylisted(self) -> &'static str {
        match self {
            Self::Postfix => {
                "450 4.2.0 Recipient address rejected: Greylisted, see http://postgrey.example"
            }
            Self::Sendmail => "451 4.7.1 Greylisting in action, please come back in 00:05:00",
            Self::Exim => "451 Temporary local problem - please try later",
            Self::Qmail => "451 GL - temporary problem, try again later (#4.3.0)",
            Self::Exchange => "451 4.7.500 Server busy. Please try again later",
            Self::Provider => "421 4.7.0 Try again later, closing connection",
            Self::Appliance => "450 Temporarily deferred",
        }
    }

    /// There is no such mailbox.
    pub(super) fn unknown(self, address: &str) -> String {
        match self {
            Self::Postfix => format!("550 5.1.1 <{address}>: Recipient address rejected: User unknown in local recipient table"),
            Self::Sendmail => format!("550 5.1.1 <{address}>... User unknown"),
            Self::Exim => "550 Unrouteable address".to_owned(),
            Self::Qmail => "550 sorry, no mailbox here by that name (#5.1.1)".to_owned(),
            Self::Exchange => "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found".to_owned(),
            Self::Provider => "550-5.1.1 The email account that you tried to reach does not exist.\n550 5.1.1 Please try double-checking the address".to_owned(),
            Self::Appliance => format!("553 <{address}> no such user"),
        }
    }

    /// The client stands on a block list.
    pub(super) fn listed(self, client: &str) -> String {
        match self {
            Self::Postfix => format!(
                "554 5.7.1 Service unavailable; Client host [{client}] blocked using zen.spamhaus.example"
            ),
            Self::Sendmail => format!("550 5.7.1 Rejected: {client} listed at bl.spamcop.example"),
            Self::Exim => format!("550 {client} is in a black list at cbl.abuseat.example"),
            Self::Qmail => {
                "553 Blocked - see http://www.spamhaus.example/query (#5.7.1)".to_owned()
            }
            Self::Exchange => format!("550 5.7.606 Access denied, banned sending IP [{client}]"),
            Self::Provider => format!(
                "550 5.7.1 [{client}] Our system has detected that this message is likely unsolicited mail"
            ),
            Self::Appliance => format!("554 {client} poor reputation, see barracuda.example"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_an_offer_ends_it() {
        let offers = Mta::Qmail.offers("mx.test", true);
        assert_eq!(offers, "250-mx.test\n250-8BITMIME\n250 STARTTLS");
    }
}
