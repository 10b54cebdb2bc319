//! `mxray.correlation`.

use super::round;
use crate::correlate::coupling::{Coupling, Uncoupled};
use crate::correlate::regression::{Correlation, Undefined};
use crate::count::coupling::{CouplingSums, LAGS};
use crate::count::host::HostTotals;
use schemars::JsonSchema;
use serde::Serialize;

/// `mxray.correlation`: null is undefined.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CorrelationBody {
    /// Length of a bin in seconds.
    pub bin_s: u8,
    /// All A queries in bins.
    pub t: u64,
    /// Those with an exact or numbered keyword.
    pub k: u64,
    /// Bins with t > 0.
    pub n_active: u64,
    /// Seconds from the first to the last A query, inclusive.
    pub n_all: u64,
    /// The exact sums over bins.
    pub sums: SumsBody,
    /// R² over active bins.
    pub r2_active: Option<f64>,
    /// R² over all bins.
    pub r2_all: Option<f64>,
    /// Why something here is null, the first in this order.
    pub r2_reason: Option<&'static str>,
    /// Lower end of the 95% interval of `r2_active`.
    pub r2_lower95: Option<f64>,
    /// Slope of k on t over active bins.
    pub slope: Option<f64>,
    /// k / t.
    pub share: Option<f64>,
    /// Correlation of k with t − k over active bins.
    pub r_rest: Option<f64>,
    /// R² that would follow from independence of k and t − k.
    pub r2_independent: Option<f64>,
    /// R² over active bins with other tiers.
    pub r2_tiers: TiersBody,
    /// Mail connections against mail lookups.
    pub smtp: CouplingBody,
}

/// `mxray.correlation.smtp`: mail connections c(t) of each second against mail lookups m(t − lag)
/// of an earlier one.
///
/// Lookups are MX queries and A queries with an exact or numbered keyword; pairs run over all
/// seconds from the first of either to 8 s behind the last.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CouplingBody {
    /// Pairs of seconds.
    pub n: u64,
    /// The lag of 0 to 8 s with the largest R², of several the least.
    pub lag_s: Option<u8>,
    /// R² at that lag.
    pub r2: Option<f64>,
    /// Why both are null.
    pub reason: Option<&'static str>,
    /// The exact sums.
    pub sums: CouplingSumsBody,
}

/// `mxray.correlation.smtp.sums`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CouplingSumsBody {
    /// Σm.
    pub m: u64,
    /// Σc.
    pub c: u64,
    /// Σm².
    pub mm: u64,
    /// Σc².
    pub cc: u64,
    /// Σm(t − lag)c(t) of each lag from 0 on.
    pub mc: [u64; LAGS],
}

/// `mxray.correlation.sums`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SumsBody {
    /// Σt.
    pub t: u64,
    /// Σk.
    pub k: u64,
    /// Σt².
    pub tt: u64,
    /// Σk².
    pub kk: u64,
    /// Σtk.
    pub tk: u64,
}

/// `mxray.correlation.r2_tiers`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TiersBody {
    /// Only the exact tier.
    pub exact: Option<f64>,
    /// All three tiers.
    pub prefix: Option<f64>,
}

impl CorrelationBody {
    /// What follows from the sums of a host.
    pub(in crate::report) fn of(totals: &HostTotals) -> Self {
        let sums = &totals.sums;
        let correlation = Correlation::of(sums);
        let rounded = |value: Option<f64>| value.map(round);
        Self {
            bin_s: 1,
            t: sums.t,
            k: sums.keyword.k,
            n_active: sums.active,
            n_all: sums.span(),
            sums: SumsBody {
                t: sums.t,
                k: sums.keyword.k,
                tt: sums.tt,
                kk: sums.keyword.kk,
                tk: sums.keyword.tk,
            },
            r2_active: rounded(correlation.r2_active),
            r2_all: rounded(correlation.r2_all),
            r2_reason: correlation.r2_reason.map(Undefined::name),
            r2_lower95: rounded(correlation.r2_lower95),
            slope: rounded(correlation.slope),
            share: rounded(correlation.share),
            r_rest: rounded(correlation.r_rest),
            r2_independent: rounded(correlation.r2_independent),
            r2_tiers: TiersBody {
                exact: rounded(correlation.r2_exact),
                prefix: rounded(correlation.r2_prefix),
            },
            smtp: CouplingBody::of(&totals.coupling),
        }
    }
}

impl CouplingBody {
    /// What follows from these sums.
    fn of(sums: &CouplingSums) -> Self {
        let coupling = Coupling::of(sums);
        Self {
            n: sums.pairs(),
            lag_s: coupling.lag,
            r2: coupling.r2.map(round),
            reason: coupling.reason.map(Uncoupled::name),
            sums: CouplingSumsBody {
                m: sums.m,
                c: sums.c,
                mm: sums.mm,
                cc: sums.cc,
                mc: sums.mc,
            },
        }
    }
}
