//! Shares with their bounds, middles, and how well probabilities are told. Pure.

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) hits: usize,
    pub(crate) of: usize,
}

/// Two-sided 95% point of the normal distribution.
const Z: f64 = 1.96;

impl std::ops::AddAssign for Share {
    fn add_assign(&mut self, more: Self) {
        self.hits += more.hits;
        self.of += more.of;
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of hosts")]
impl Share {
    pub(crate) fn count<T>(these: impl IntoIterator<Item = T>, hit: impl Fn(&T) -> bool) -> Self {
        let mut share = Self::default();
        for one in these {
            share.hits += usize::from(hit(&one));
            share.of += 1;
        }
        share
    }

    pub(crate) fn value(self) -> f64 {
        self.hits as f64 / self.of.max(1) as f64
    }

    /// Wilson's interval of 95% (1927).
    pub(crate) fn wilson(self) -> (f64, f64) {
        if self.of == 0 {
            return (0.0, 1.0);
        }
        let n = self.of as f64;
        let p = self.value();
        let middle = p + Z * Z / (2.0 * n);
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let below = 1.0 + Z * Z / n;
        (
            ((middle - half) / below).max(0.0),
            ((middle + half) / below).min(1.0),
        )
    }

    /// `.987 (.953 to .998, 76 of 77)`.
    pub(crate) fn told(self) -> String {
        if self.of == 0 {
            return "–".to_owned();
        }
        let (low, high) = self.wilson();
        format!(
            "{:.3} ({low:.3} to {high:.3}; {} of {})",
            self.value(),
            self.hits,
            self.of
        )
    }

    /// As a percentage with its upper bound.
    pub(crate) fn percent(self) -> String {
        if self.of == 0 {
            return "–".to_owned();
        }
        let (_, high) = self.wilson();
        format!(
            "{:.3} % (≤ {:.3} %; {} of {})",
            100.0 * self.value(),
            100.0 * high,
            self.hits,
            self.of
        )
    }
}

/// The value below which `part` of them lie, or nothing.
pub(crate) fn quantile(values: &mut [f64], part: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a list of hosts"
    )]
    let at = ((values.len() as f64 * part).ceil() as usize).max(1) - 1;
    values.get(at.min(values.len().saturating_sub(1))).copied()
}

/// Precision where so many of all hosts are bots.
pub(crate) fn precision(recall: f64, false_positives: f64, base: f64) -> f64 {
    let right = recall * base;
    right / (right + false_positives * (1.0 - base)).max(f64::MIN_POSITIVE)
}

/// Mean squared error of probabilities (Brier 1950).
pub(crate) fn brier(told: &[(f64, bool)]) -> f64 {
    let errors = told
        .iter()
        .map(|(p, truth)| (p - f64::from(u8::from(*truth))).powi(2));
    #[expect(clippy::cast_precision_loss, reason = "counts of hosts")]
    let count = told.len().max(1) as f64;
    errors.sum::<f64>() / count
}
