//! Whether a host is a machine that somebody uses: browsers ask for what no server asks for.

use super::score::Against;

/// Queries for service bindings of the web (HTTPS, RFC 9460) that tell a browser, or a system
/// of the same makers: mail servers and crawlers of mail have no use for them.
const HTTPS: u64 = 5;
/// Nine of ten PCs of today against one server in a hundred, or one prober in ten. Systems from before
/// 2020 never ask: the absence says nothing.
const BROWSES: Against = Against::each(0.0, 4.6, 2.3);

/// What so many queries of a host for service bindings weigh.
pub(super) fn weigh(https: u64) -> Against {
    if https >= HTTPS {
        BROWSES
    } else {
        Against::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_s_queries_tell_a_pc() {
        assert_eq!(weigh(4), Against::default());
        assert_eq!(weigh(5), BROWSES);
    }
}
