//! Every host as a line of comma-separated values, with the numbers of its event.

use super::event::{Event, HostBody};
use super::plot::csv;
use std::io::{self, Write};

/// The columns.
const HEADER: &str = "host,mac,class,level,score,posterior,role,role_source,first,last,\
    queries,a,aaaa,mx,ptr,ns,txt,srv,https,any,other,replies,nxdomain,servfail,\
    k_exact,k_numbered,k_prefix,names,domains,mx_domains,distinct_exact,\
    smtp_attempts,smtp_established,smtp_refused,smtp_unanswered,smtp_destinations,messages,messages_accepted,\
    n_active,n_all,t,k,r2_active,r2_all,r2_lower95,slope,share";

/// Writes hosts.
pub struct HostsWriter<W>(W);

impl<W: Write> HostsWriter<W> {
    /// Writes the header.
    pub fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "{HEADER}")?;
        Ok(Self(out))
    }

    /// Writes a host. What is null in its event is empty here.
    pub fn host(&mut self, event: &Event<HostBody>) -> io::Result<()> {
        fn told<T: ToString>(value: Option<T>) -> String {
            value.map(|value| value.to_string()).unwrap_or_default()
        }
        let body = &event.mxray;
        let source = event.source.as_ref();
        let queries = &body.dns.queries;
        let (replies, keyword) = (&body.dns.replies, &body.dns.keyword);
        let (smtp, correlation) = (&body.smtp, &body.correlation);
        let cells = [
            told(source.map(|source| &source.ip)),
            told(source.and_then(|source| source.mac.as_ref())),
            body.class.to_string(),
            body.level.to_string(),
            body.score.to_string(),
            body.posterior.to_string(),
            body.role.name.to_string(),
            body.role.source.to_owned(),
            told(event.event.start.as_ref()),
            told(event.event.end.as_ref()),
            queries.total.to_string(),
            queries.a.to_string(),
            queries.aaaa.to_string(),
            queries.mx.to_string(),
            queries.ptr.to_string(),
            queries.ns.to_string(),
            queries.txt.to_string(),
            queries.srv.to_string(),
            queries.https.to_string(),
            queries.any.to_string(),
            queries.other.to_string(),
            replies.total.to_string(),
            replies.nxdomain.to_string(),
            replies.servfail.to_string(),
            keyword.exact.to_string(),
            keyword.numbered.to_string(),
            keyword.prefix.to_string(),
            body.dns.names_distinct.to_string(),
            body.dns.domains_distinct.to_string(),
            body.dns.mx_domains.to_string(),
            body.dns.distinct_exact.to_string(),
            told(smtp.attempts),
            told(smtp.established),
            told(smtp.refused),
            told(smtp.unanswered),
            told(smtp.destinations),
            told(smtp.messages),
            told(smtp.messages_accepted),
            correlation.n_active.to_string(),
            correlation.n_all.to_string(),
            correlation.t.to_string(),
            correlation.k.to_string(),
            told(correlation.r2_active),
            told(correlation.r2_all),
            told(correlation.r2_lower95),
            told(correlation.slope),
            told(correlation.share),
        ];
        // A negative score is no formula.
        writeln!(
            self.0,
            "{}",
            cells
                .map(|cell| if cell.starts_with('-') {
                    cell
                } else {
                    csv(&cell)
                })
                .join(",")
        )
    }

    /// Ends the file.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
