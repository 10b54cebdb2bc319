//! Counts per host and second as CSV, for whoever wants to compute for themselves.

use crate::count::delta::HostBin;
use crate::host::HostAddr;
use std::io::{self, Write};

/// The columns. `ts` is the UTC second since 1970.
const HEADER: &str = "ts,host,t,k_exact,k_numbered,k_prefix,mx,ptr,aaaa,other,smtp_attempts";

/// Writes bins.
pub struct BinsWriter<W>(W);

impl<W: Write> BinsWriter<W> {
    /// Writes the header.
    pub fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "{HEADER}")?;
        Ok(Self(out))
    }

    /// Writes the bins of a second.
    pub fn second(&mut self, second: i64, bins: &[(HostAddr, HostBin)]) -> io::Result<()> {
        for (host, bin) in bins {
            let HostBin {
                a,
                mx,
                ptr,
                aaaa,
                other,
                smtp_attempts,
            } = bin;
            writeln!(
                self.0,
                "{second},{host},{},{},{},{},{mx},{ptr},{aaaa},{other},{smtp_attempts}",
                a.t, a.exact, a.numbered, a.prefix
            )?;
        }
        Ok(())
    }

    /// Ends the file.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
