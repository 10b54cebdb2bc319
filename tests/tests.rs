//! What must hold of mxray as a whole, whatever the input: beside the unit tests, which say
//! what single parts do.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that fails here says where, and one that is skipped says why"
)]

// Helpers: captures in memory, packets made by hand, a feed as the pipeline's.
mod captures;
mod feed;

// A restart from a checkpoint changes nothing, and none that is torn is used.
mod checkpoint;
// Counting does not depend on how the work was divided: workers, files, evictions, bins.
mod counts;
// Packets behind verdicts: a part of what was captured, in order, without payload.
mod evidence;
// Out of order, twice, cut, damaged: no input panics or hangs, and the counts add up.
mod disorder;
// The evaluation's figures, on published numbers.
mod evaluation;
// What is told of captures, host by host.
mod facts;
// Which addresses are one host's: from frames to entities.
mod identity;
// No input panics, and every packet is accounted for: prefixes and flips of every frame.
mod laws;
// Real captures against what tshark counts in them; needs MXRAY_REAL_CAPTURES.
mod manifest;
// Other people's parsers and lists read the same bytes: hickory-proto, etherparse, psl.
mod oracles;
// What hosts did period by period is what they did in each of these times, and in all.
mod periods;
// On a link without a packet what is due comes by the clock.
mod silence;
// Capture threads that are seconds apart count as one.
mod threads;
// The unit of the service, as systemd reads it; needs systemd-analyze.
mod unit;
// What live capture asks of the kernel: no less than what is read.
mod wanted;
