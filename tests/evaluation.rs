//! The figures of the evaluation, on numbers that others have published.

#[path = "../benches/evaluation/figures.rs"]
#[expect(dead_code, reason = "the evaluation uses the rest")]
mod figures;

use figures::{Share, brier, precision, quantile};

/// Newcombe 1998 (Statistics in Medicine 17, table I, method 3): 81 of 263, 15 of 148, 0 of 20,
/// 1 of 29.
#[test]
fn wilson_as_published() {
    for (hits, of, low, high) in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ] {
        let bounds = Share { hits, of }.wilson();
        assert!((bounds.0 - low).abs() < 1e-4, "{hits} of {of}: {bounds:?}");
        assert!((bounds.1 - high).abs() < 1e-4, "{hits} of {of}: {bounds:?}");
    }
    assert_eq!(Share::default().wilson(), (0.0, 1.0));
}

#[test]
fn quantiles_are_values_that_were_seen() {
    let mut values = vec![5.0, 1.0, 3.0, 2.0, 4.0];
    assert_eq!(quantile(&mut values, 0.5), Some(3.0));
    assert_eq!(quantile(&mut values, 0.95), Some(5.0));
    assert_eq!(quantile(&mut values, 0.0), Some(1.0));
    assert_eq!(quantile(&mut [], 0.5), None);
}

#[test]
fn precision_and_brier_by_hand() {
    assert!((precision(1.0, 0.01, 0.01) - 0.5025).abs() < 1e-4);
    assert!((brier(&[(0.5, true), (1.0, true), (0.0, false), (1.0, false)]) - 0.3125).abs() < 1e-9);
}
