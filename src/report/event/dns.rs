//! `mxray.dns`.

use super::super::text;
use crate::count::host::{HostTotals, Label};
use schemars::JsonSchema;
use serde::Serialize;

/// `mxray.dns`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Dns {
    /// Queries by the type of the first question; every datagram counts.
    pub queries: QueriesBody,
    /// Replies by code.
    pub replies: RepliesBody,
    /// A queries by the keyword tier of the first label.
    pub keyword: KeywordBody,
    /// Keyword labels, most frequent first.
    pub labels: Vec<LabelBody>,
    /// Whether there are more labels than are listed, or counts are lower bounds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Distinct names asked for.
    pub names_distinct: u64,
    /// Distinct registrable domains asked for.
    pub domains_distinct: u64,
    /// Distinct registrable domains asked for by MX.
    pub mx_domains: u64,
    /// Whether these three are exact; each is up to 128, and beyond it an estimate with a
    /// standard error of 1.6%.
    pub distinct_exact: bool,
}

/// `mxray.dns.queries`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct QueriesBody {
    /// All, those without a readable question included.
    pub total: u64,
    /// IPv4 address.
    pub a: u64,
    /// IPv6 address.
    pub aaaa: u64,
    /// Mail exchanger.
    pub mx: u64,
    /// Reverse lookup.
    pub ptr: u64,
    /// Name server.
    pub ns: u64,
    /// Text.
    pub txt: u64,
    /// Service location.
    pub srv: u64,
    /// Service binding of the web.
    pub https: u64,
    /// Every type at once.
    pub any: u64,
    /// Any other type.
    pub other: u64,
}

/// `mxray.dns.replies`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct RepliesBody {
    /// All.
    pub total: u64,
    /// The name does not exist.
    pub nxdomain: u64,
    /// The server failed.
    pub servfail: u64,
}

/// `mxray.dns.keyword`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct KeywordBody {
    /// First label equal to a keyword.
    pub exact: u64,
    /// Keyword, perhaps a hyphen, digits.
    pub numbered: u64,
    /// Any other label that begins with a keyword.
    pub prefix: u64,
}

/// A keyword label.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LabelBody {
    /// The label.
    pub label: String,
    /// How often.
    pub count: u64,
}

impl Dns {
    /// What was counted of a host.
    pub(in crate::report) fn of(totals: &HostTotals) -> Self {
        let queries = &totals.queries;
        let label = |(label, count): &(Label, u64)| LabelBody {
            label: text::escape(label.text()),
            count: *count,
        };
        Self {
            queries: QueriesBody {
                total: queries.total,
                a: queries.a,
                aaaa: queries.aaaa,
                mx: queries.mx,
                ptr: queries.ptr,
                ns: queries.ns,
                txt: queries.txt,
                srv: queries.srv,
                https: queries.https,
                any: queries.any,
                other: queries.other,
            },
            replies: RepliesBody {
                total: totals.replies.total,
                nxdomain: totals.replies.nxdomain,
                servfail: totals.replies.servfail,
            },
            keyword: KeywordBody {
                exact: totals.keyword.exact,
                numbered: totals.keyword.numbered,
                prefix: totals.keyword.prefix,
            },
            labels: totals.labels.iter().map(label).collect(),
            cut: totals.labels_cut || totals.labels_error > 0,
            names_distinct: totals.names,
            domains_distinct: totals.domains,
            mx_domains: totals.mx_domains,
            distinct_exact: totals.distinct_exact,
        }
    }

    /// Leaves out all but so many labels.
    pub(in crate::report) fn shorten(&mut self, labels: usize) {
        self.cut |= self.labels.len() > labels;
        self.labels.truncate(labels);
    }
}
