//! How many hosts of what, in which world, seen how.

use mxray::synth::population::{Family, Row, Truth, View, rows};

/// How many hosts of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) name: &'static str,
    /// Ordinary hosts in a family, both halves seen; and in every other view.
    ordinary: [u32; 2],
    /// Hosts of each lookalike row, likewise.
    hard: [u32; 2],
    /// Hosts of each row of bots, likewise.
    bots: [u32; 2],
    /// Hosts of each client of the study, of which there are sixteen forms: at a tap that sees
    /// the DNS alone, as the study's was, and where both halves are seen.
    clients: u32,
    /// Hosts of each row in a family for the trials without a family of evidence.
    trials: u32,
    /// Whether the other views are of one family each.
    one_family: bool,
}

impl Size {
    /// Only to try that all works, as CI does.
    pub(crate) const TRIAL: Self = Self {
        name: "trial",
        ordinary: [2, 1],
        hard: [1, 1],
        bots: [1, 1],
        clients: 1,
        trials: 0,
        one_family: true,
    };
    /// For a first look: a minute.
    pub(crate) const SMALL: Self = Self {
        name: "small",
        ordinary: [60, 10],
        hard: [2, 1],
        bots: [2, 1],
        clients: 4,
        trials: 0,
        one_family: true,
    };
    /// For a look while something is changed.
    pub(crate) const MEDIUM: Self = Self {
        name: "medium",
        ordinary: [500, 50],
        hard: [6, 2],
        bots: [6, 2],
        clients: 4,
        trials: 2,
        one_family: false,
    };
    /// For docs/EVALUATION.md.
    pub(crate) const FULL: Self = Self {
        name: "full",
        ordinary: [5000, 250],
        hard: [25, 5],
        bots: [25, 8],
        clients: 16,
        trials: 3,
        one_family: false,
    };

    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [Self::SMALL, Self::MEDIUM, Self::FULL];
        all.into_iter().find(|size| size.name == name)
    }
}

/// One world seen in one way: what lives there.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) family: Family,
    pub(crate) view: View,
    /// Hosts: their rows and numbers, shuffled together by turns.
    pub(crate) hosts: Vec<(&'static Row, u32)>,
}

/// Everything that is to be judged; of the family that nothing is chosen by, these views.
pub(crate) fn parts(size: Size) -> Vec<Part> {
    let mut parts = Vec::new();
    for (turn, view) in View::ALL.into_iter().enumerate() {
        let full = view == View::Full;
        for (number, family) in Family::ALL.into_iter().enumerate() {
            if full || !size.one_family || number == turn % Family::ALL.len() {
                parts.push(Part {
                    family,
                    view,
                    hosts: hosts(size, view, full),
                });
            }
        }
    }
    let views = [View::Full, View::DnsOnly, View::Outbound];
    parts.extend(views.map(|view| Part {
        family: Family::HELD_OUT,
        view,
        hosts: hosts(size, view, false),
    }));
    parts
}

/// Hosts to be judged again and again, each time without a family of evidence.
pub(crate) fn trials(size: Size) -> Vec<Part> {
    let seen = [View::Full, View::DnsOnly].into_iter();
    let seen = seen.flat_map(|view| Family::ALL.map(|family| (view, family)));
    let parts = seen.map(|(view, family)| {
        // The study's clients are few and large.
        let rows = rows().iter().filter(|row| !row.name.starts_with("client-"));
        Part {
            family,
            view,
            hosts: rows
                .flat_map(|row| (0..size.trials).map(move |index| (row, index)))
                .collect(),
        }
    });
    parts.filter(|part| !part.hosts.is_empty()).collect()
}

/// `many`: as many of each kind as where both halves are seen.
fn hosts(size: Size, view: View, many: bool) -> Vec<(&'static Row, u32)> {
    let of = |[full, other]: [u32; 2]| if many { full } else { other };
    let kinds = rows().iter().filter(|row| row.truth == Truth::Ordinary);
    let kinds = u32::try_from(kinds.count()).unwrap_or(1).max(1);
    let mut all: Vec<(u32, &'static Row, u32)> = Vec::new();
    for row in rows() {
        let count = match row.truth {
            _ if row.name.starts_with("client-") => match view {
                View::Full | View::DnsOnly => size.clients,
                _ => 0,
            },
            Truth::Bot => of(size.bots),
            Truth::Hard => of(size.hard),
            Truth::Ordinary => of(size.ordinary).div_ceil(kinds),
        };
        // Spread evenly among the sites: the share of the row that is done orders them.
        all.extend((0..count).map(|index| (index * 10_000 / count, row, index)));
    }
    all.sort_by_key(|(share, row, index)| (*share, row.name, *index));
    all.into_iter()
        .map(|(_, row, index)| (row, index))
        .collect()
}
