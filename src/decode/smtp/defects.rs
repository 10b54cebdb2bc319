//! A set of defects.

use super::Defect;

const ALL: [Defect; 16] = [
    Defect::BareLf,
    Defect::EarlyTalk,
    Defect::HeloBareIp,
    Defect::HeloLocalhost,
    Defect::HeloMissing,
    Defect::HeloNotQualified,
    Defect::HeloChanged,
    Defect::LineTooLong,
    Defect::MissingBrackets,
    Defect::NoHelo,
    Defect::NoQuit,
    Defect::SpaceAfterColon,
    Defect::Syntax,
    Defect::EightBit,
    Defect::UnknownCommand,
    Defect::UnofferedPipelining,
];

/// Defects, each once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Defects(u32);

impl Defects {
    /// Whether it is new.
    pub(super) fn insert(&mut self, defect: Defect) -> bool {
        let bit = 1 << defect as u32;
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }

    pub(super) fn contains(self, defect: Defect) -> bool {
        self.0 & 1 << defect as u32 != 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Defect> {
        ALL.into_iter().filter(move |defect| self.contains(*defect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once() {
        let mut set = Defects::default();
        for defect in ALL {
            assert!(set.insert(defect));
            assert!(!set.insert(defect));
        }
        assert!(set.iter().eq(ALL));
    }
}
