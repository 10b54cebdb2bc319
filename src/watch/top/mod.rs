//! A sensor in a terminal: what is drawn ([`screen`]), and what it remembers of rates
//! ([`history`]). Drawing is ratatui's.

pub mod history;
pub mod screen;

use super::status::Snapshot;
use history::History;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What there is to see.
#[derive(Clone, Debug, Default)]
pub struct Top {
    /// The sensor's newest answer.
    pub snapshot: Option<Snapshot>,
    /// Why there is no newer one.
    pub error: Option<String>,
    /// Rates so far.
    pub history: History,
    /// The host that is chosen, by its place.
    pub chosen: usize,
    /// Whether it is told why.
    pub opened: bool,
}

impl Top {
    /// Takes an answer in, or that there was none. The host that was chosen stays so, wherever it
    /// stands now.
    pub fn take(&mut self, answer: std::io::Result<Snapshot>) {
        match answer {
            Ok(snapshot) => {
                self.history.add(&snapshot);
                let before = self.host().map(|host| host.ip);
                let place = snapshot.hosts.iter().position(|of| Some(of.ip) == before);
                let last = snapshot.hosts.len().saturating_sub(1);
                self.chosen = place.unwrap_or(self.chosen).min(last);
                self.opened &= place.is_some();
                self.snapshot = Some(snapshot);
                self.error = None;
            }
            Err(error) => self.error = Some(error.to_string()),
        }
    }

    /// The host that is chosen.
    #[must_use]
    pub fn host(&self) -> Option<&super::status::Host> {
        self.snapshot.as_ref()?.hosts.get(self.chosen)
    }

    /// Does what a key asks for; whether it goes on.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        if key.kind == KeyEventKind::Release {
            return true;
        }
        let hosts = self.snapshot.as_ref().map_or(0, |of| of.hosts.len());
        let last = hosts.saturating_sub(1);
        match key.code {
            KeyCode::Char('q') => return false,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Up | KeyCode::Char('k') => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => self.chosen = (self.chosen + 1).min(last),
            KeyCode::PageUp => self.chosen = self.chosen.saturating_sub(10),
            KeyCode::PageDown => self.chosen = (self.chosen + 10).min(last),
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.chosen = last,
            KeyCode::Enter => self.opened = !self.opened && hosts > 0,
            KeyCode::Esc => self.opened = false,
            _ => {}
        }
        true
    }
}
