//! The bounds-checked cursor through which everything in `decode` reads octets: nothing
//! indexes a slice by hand, so no input can panic. Uses nothing of ours.

/// A read position in octets from the wire. Never allocates, never panics.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the start of `octets`.
    #[must_use]
    pub fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// Reads `octets` from the offset `at`; one past the end yields nothing but `None`.
    #[must_use]
    pub fn at(octets: &'a [u8], at: usize) -> Self {
        Self { octets, at }
    }

    /// Offset of the next octet.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    /// The next `n` octets, or `None`, and then nothing is consumed.
    #[inline]
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(n)?;
        let taken = self.octets.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// The next `N` octets as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.octets.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(array)
    }

    /// The next octet.
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// The next two octets in network byte order.
    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next four octets in network byte order.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Passes over `n` octets, or consumes nothing and yields `None`.
    #[inline]
    pub fn skip(&mut self, n: usize) -> Option<()> {
        self.take(n).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_to_the_end_and_no_further() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(reader.u8(), Some(1));
        assert_eq!(reader.u16(), Some(0x0203));
        assert_eq!(reader.u32(), Some(0x0405_0607));
        assert_eq!(reader.u8(), None);
        assert_eq!(reader.rest(), &[] as &[u8]);
        assert_eq!(reader.take(usize::MAX), None);
        assert_eq!(reader.offset(), 7);
    }

    #[test]
    fn a_short_read_consumes_nothing() {
        let mut reader = Reader::new(&[9]);
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.u8(), Some(9));
        assert_eq!(Reader::at(&[1], 5).u8(), None);
        assert_eq!(Reader::at(&[1], 5).rest(), &[] as &[u8]);
    }
}
