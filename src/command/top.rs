//! `mxray top`.

use super::{Outcome, TO_STDOUT};
use crate::cli;
use crate::watch::status::{self, Snapshot};
use crate::watch::top::{Top, screen};
use anyhow::Context as _;
use crossbeam_channel::{Receiver, bounded};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often the sensor is asked.
const REFRESH: Duration = Duration::from_secs(1);
/// How long a key is waited for before it is looked for answers and signals.
const LOOK: Duration = Duration::from_millis(100);
/// Columns of a frame as text, and lines of it beside the hosts: those above, the table's head,
/// the keys.
const COLUMNS: u16 = 160;
const LINES: usize = 8;

pub(super) fn run(args: &cli::Top) -> anyhow::Result<Outcome> {
    let asking = || format!("asking {}", args.status.display());
    if args.once {
        let mut top = Top::default();
        top.take(Ok(status::ask(&args.status).with_context(asking)?));
        let hosts = top.snapshot.as_ref().map_or(0, |of| of.hosts.len().max(1));
        let lines = u16::try_from(hosts + LINES).unwrap_or(u16::MAX);
        let frame = screen::text(&top, COLUMNS, lines);
        // The keys are of no use there.
        let frame = frame
            .trim_end()
            .rsplit_once('\n')
            .map_or("", |(frame, _)| frame);
        writeln!(io::stdout().lock(), "{}", frame.trim_end()).context(TO_STDOUT)?;
        return Ok(Outcome::Done);
    }
    anyhow::ensure!(
        io::stdout().is_terminal() && io::stdin().is_terminal(),
        "this is no terminal; --once prints what there is to see as text"
    );
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register(signal, Arc::clone(&stop)).context("catching signals")?;
    }
    let answers = answers(&args.status)?;
    // A panic gives the terminal back too.
    let mut terminal = ratatui::try_init().context("taking the terminal")?;
    let watched = watch(&mut terminal, &answers, &stop);
    ratatui::restore();
    watched.context("drawing").map(|()| Outcome::Done)
}

/// Asks the sensor again and again, in a thread of its own, since it may take its time while keys
/// are pressed.
fn answers(path: &Path) -> anyhow::Result<Receiver<io::Result<Snapshot>>> {
    let (to, from) = bounded(1);
    let path = path.to_owned();
    let asks = thread::Builder::new().name("status".to_owned());
    let asking = asks.spawn(move || {
        while to.send(status::ask(&path)).is_ok() {
            thread::sleep(REFRESH);
        }
    });
    asking.context("starting a thread")?;
    Ok(from)
}

fn watch(
    terminal: &mut DefaultTerminal,
    answers: &Receiver<io::Result<Snapshot>>,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut top = Top::default();
    while !stop.load(Ordering::Relaxed) {
        for answer in answers.try_iter() {
            top.take(answer);
        }
        terminal.draw(|frame| frame.render_widget(&top, frame.area()))?;
        // What came together is drawn together.
        let mut ready = event::poll(LOOK)?;
        while ready {
            if let Event::Key(key) = event::read()?
                && !top.key(key)
            {
                return Ok(());
            }
            ready = event::poll(Duration::ZERO)?;
        }
    }
    Ok(())
}
