//! What was typed for `mxray inventory`.

use super::layer::Layer;
use super::outputs::{Output, outputs, same_file};
use super::reading::{Reading, reading};
use super::{Error, config_file};
use crate::cli;
use std::path::PathBuf;

/// `mxray inventory`.
#[derive(Clone, Debug)]
pub struct InventoryConfig {
    /// Captures, folders, or `-`; at least one.
    pub paths: Vec<PathBuf>,
    /// How they are read and judged.
    pub reading: Reading,
    /// Where the draft goes.
    pub output: Output,
}

/// Checks what was typed for `mxray inventory`. A config file may also hold what only `replay`
/// takes; where that writes its events is no place for a draft.
pub fn inventory(args: cli::Inventory) -> Result<InventoryConfig, Error> {
    let below = config_file(args.reading.site.config.as_deref())?;
    let layer = Layer::from(args.reading).with_span(args.span).over(below);
    let layer = layer.with_draft(args.output);
    let (output, _) = outputs(&layer, &args.paths)?;
    // The draft leaves out what the inventory holds, and would be all that is left of it.
    if let (Some(draft), Some(known)) = (&layer.output, &layer.inventory)
        && same_file(&draft.value, &known.value)
    {
        return Err(draft.error("is the same file as --inventory"));
    }
    Ok(InventoryConfig {
        reading: reading(&layer)?,
        output,
        paths: args.paths,
    })
}
