//! What comes with a program when it is installed, made from the definition of its command line:
//! manual pages, and what completes command lines in a shell.

use super::{Outcome, TO_STDOUT};
use crate::cli::Cli;
use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;
use roff::{Roff, roman};
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Prints what completes command lines in a shell.
pub(super) fn completions(shell: Shell) -> anyhow::Result<Outcome> {
    // Its own writing ends in a panic where nobody reads.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mxray", &mut script);
    io::stdout().write_all(&script).context(TO_STDOUT)?;
    Ok(Outcome::Done)
}

/// Writes `mxray.1`, and a page for each command, into a folder that is there.
pub(super) fn man(folder: &Path) -> anyhow::Result<Outcome> {
    let mut mxray = Cli::command().disable_help_subcommand(true);
    // Gives commands their whole names.
    mxray.build();
    let shown = mxray.get_subcommands().filter(|of| !of.is_hide_set());
    for command in shown.chain([&mxray]) {
        let name = command.get_display_name().unwrap_or("mxray");
        let path = folder.join(format!("{name}.1"));
        page(command)
            .and_then(|page| fs::write(&path, page))
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(Outcome::Done)
}

/// The manual page of a command.
fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone())
        .source(concat!("mxray ", env!("CARGO_PKG_VERSION")))
        .manual("mxray");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(more) = command.get_after_help() {
        sections(&more.to_string()).to_writer(&mut page)?;
    }
    Ok(page)
}

/// What follows the options: lines as they are, since examples are not to be filled, under the
/// headings that they have.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    for line in text.lines() {
        match line.strip_suffix(':') {
            Some(heading) if !line.starts_with(' ') => {
                // Macros of a heading end it.
                roff.control("SH", [&*heading.to_uppercase()]);
                roff.control("nf", []);
            }
            _ => {
                roff.text([roman(line)]);
            }
        }
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_as_they_are_under_their_headings() {
        let text = "Examples:\n  mxray -q a\n\n.x y \\\nExit status:\n  0  ran";
        let roff = sections(text).render();
        let wanted = "\
.SH EXAMPLES
.nf
  mxray \\-q a

\\&.x y \\\\
.SH \"EXIT STATUS\"
.nf
  0  ran
";
        assert!(roff.ends_with(wanted), "{roff}");
    }

    #[test]
    fn every_command_that_help_shows_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        man(folder.path()).unwrap();
        let mut pages: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        pages.sort();
        assert!(pages.contains(&"mxray.1".to_owned()), "{pages:?}");
        for command in Cli::command().get_subcommands() {
            let page = format!("mxray-{}.1", command.get_name());
            assert_eq!(pages.contains(&page), !command.is_hide_set(), "{page}");
        }
        let live = fs::read_to_string(folder.path().join("mxray-live.1")).unwrap();
        assert!(live.contains(".SH EXAMPLES"), "{live}");
        assert!(live.contains("\\-\\-fanout"), "{live}");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = man(Path::new("/missing")).unwrap_err();
        assert!(
            format!("{error:#}").starts_with("writing /missing/mxray-replay.1: "),
            "{error:#}"
        );
    }
}
