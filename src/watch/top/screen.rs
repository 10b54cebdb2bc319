//! What is drawn: how the sensor is, how fast it reads and what it loses, and its hosts.

use super::super::status::{Host, Snapshot};
use super::Top;
use super::history::Rate;
use crate::words::counted;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{
    Block, Cell, Paragraph, Row, Sparkline, StatefulWidget, Table, TableState, Widget, Wrap,
};

/// Columns of a number in front of a line of rates.
const LABEL: u16 = 26;
/// Lines above the hosts: the sensor, its packets, two lines of rates, levels, and one between.
const ABOVE: u16 = 6;

const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

impl Widget for &Top {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let [above, hosts, below] = Layout::vertical([
            Constraint::Length(ABOVE),
            Constraint::Min(0),
            Constraint::Length(1),
        ])
        .areas(area);
        let Some(snapshot) = &self.snapshot else {
            let what = self.error.as_deref().unwrap_or("asking the sensor …");
            Paragraph::new(what)
                .wrap(Wrap { trim: true })
                .render(above, buffer);
            Line::styled("q: end", DIM).render(below, buffer);
            return;
        };
        self.above(snapshot, above, buffer);
        match self.host().filter(|_| self.opened) {
            Some(host) => why(host, hosts, buffer),
            None => self.hosts(snapshot, hosts, buffer),
        }
        let keys = if self.opened {
            "Esc: back   up/down: another host   q: end"
        } else {
            "up/down: choose   Enter: why   q: end"
        };
        Line::styled(keys, DIM).render(below, buffer);
    }
}

impl Top {
    fn above(&self, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
        let lines: [Rect; ABOVE as usize] =
            Layout::vertical([Constraint::Length(1); ABOVE as usize]).areas(area);
        let [sensor, packets, rate, lost, levels, _] = lines;
        let answers = match &self.error {
            None => Span::styled("answers", BOLD.fg(Color::Green)),
            Some(error) => Span::styled(format!("does not answer: {error}"), BOLD.fg(Color::Red)),
        };
        let time = snapshot.timestamp.get(..19).unwrap_or_default();
        Line::from(vec![
            Span::styled(format!("mxray {}", snapshot.version), BOLD),
            Span::raw(format!("  {} UTC  ", time.replace('T', " "))),
            answers,
        ])
        .render(sensor, buffer);
        let stats = &snapshot.stats;
        let kernel = stats.kernel.unwrap_or_default();
        let all = kernel.dropped + kernel.if_dropped + stats.packets.shed;
        Line::raw(format!(
            "{} read, {all} lost ({} kernel, {} interface, {} shed); {} known",
            counted(stats.packets.seen, "packet"),
            kernel.dropped,
            kernel.if_dropped,
            stats.packets.shed,
            counted(stats.hosts.tracked, "host")
        ))
        .render(packets, buffer);
        let now = self.history.now();
        self.rates(
            "packets/s",
            now.map(|of| of.packets),
            |of| of.packets,
            Style::new().fg(Color::Cyan),
            rate,
            buffer,
        );
        self.rates(
            "lost/s",
            now.map(|of| of.lost),
            |of| of.lost,
            Style::new().fg(Color::Red),
            lost,
            buffer,
        );
        let mut spans = vec![Span::raw("hosts: ")];
        for level in ["confirmed", "likely", "suspected", "notice"] {
            let count = snapshot.levels.get(level).copied().unwrap_or_default();
            spans.push(Span::styled(format!("{count} {level}  "), style(level)));
        }
        Line::from(spans).render(levels, buffer);
    }

    /// A number and the line that led to it.
    fn rates(
        &self,
        what: &str,
        now: Option<u64>,
        of: impl Fn(Rate) -> u64,
        style: Style,
        area: Rect,
        buffer: &mut Buffer,
    ) {
        let [label, line] =
            Layout::horizontal([Constraint::Length(LABEL), Constraint::Min(0)]).areas(area);
        let now = now.map_or_else(|| "-".to_owned(), |now| now.to_string());
        Line::raw(format!("{what:10}{now:>12}")).render(label, buffer);
        let rates: Vec<u64> = self.history.last(line.width.into()).map(of).collect();
        Sparkline::default()
            .data(&rates)
            .style(style)
            .render(line, buffer);
    }

    fn hosts(&self, snapshot: &Snapshot, area: Rect, buffer: &mut Buffer) {
        if snapshot.hosts.is_empty() {
            Line::styled("no host is under suspicion", DIM).render(area, buffer);
            return;
        }
        let rows = snapshot.hosts.iter().map(|host| {
            let shown = if host.suppressed {
                DIM
            } else {
                style(&host.level)
            };
            let mark = if host.suppressed { " (suppressed)" } else { "" };
            Row::new([
                Cell::from(host.ip.to_string()),
                Cell::from(host.level.clone()),
                Cell::from(host.class.clone()),
                Cell::from(format!("{:>5.1}", host.score)),
                Cell::from(format!("{}{mark}", host.reason)),
            ])
            .style(shown)
        });
        let widest = snapshot
            .hosts
            .iter()
            .map(|host| host.ip.to_string().len())
            .max();
        let widest = u16::try_from(widest.unwrap_or_default().clamp(15, 39)).unwrap_or(39);
        let widths = [
            Constraint::Length(widest),
            Constraint::Length(9),
            Constraint::Length(16),
            Constraint::Length(5),
            Constraint::Min(0),
        ];
        let mut title = vec!["HOST", "LEVEL", "CLASS", "SCORE", "WHY"];
        let omitted = format!(
            "WHY ({} further hosts are not told)",
            snapshot.hosts_omitted
        );
        if snapshot.hosts_omitted > 0 {
            title.pop();
            title.push(&omitted);
        }
        let table = Table::new(rows, widths)
            .header(Row::new(title).style(BOLD))
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
        let mut state = TableState::default().with_selected(self.chosen);
        StatefulWidget::render(table, area, buffer, &mut state);
    }
}

/// A host, and why it is thought so.
fn why(host: &Host, area: Rect, buffer: &mut Buffer) {
    let time = |of: &str| of.get(..19).unwrap_or(of).replace('T', " ");
    let mut lines = vec![
        Line::from(vec![
            Span::styled(host.level.clone(), style(&host.level)),
            Span::raw(format!("  {}  score {:.1}", host.class, host.score)),
            Span::raw(if host.suppressed { "  suppressed" } else { "" }),
        ]),
        Line::raw(format!(
            "since {} UTC, newest verdict {} UTC",
            time(&host.first_seen),
            time(&host.updated)
        )),
        Line::raw(""),
    ];
    if host.evidence.is_empty() {
        // The sensor tells the evidence of the first hosts alone, and of notices none.
        lines.push(Line::raw(host.reason.clone()));
    } else {
        lines.push(Line::styled("WEIGHT  EVIDENCE", BOLD));
    }
    for piece in &host.evidence {
        let text = format!("{:>+6.1}  {}: {}", piece.llr, piece.family, piece.text);
        lines.push(Line::raw(text));
    }
    Paragraph::new(lines)
        .wrap(Wrap { trim: false })
        .block(Block::bordered().title(format!(" {} ", host.ip)))
        .render(area, buffer);
}

fn style(level: &str) -> Style {
    match level {
        "confirmed" => BOLD.fg(Color::Red),
        "likely" => Style::new().fg(Color::Red),
        "suspected" => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    }
}

/// What a terminal of this size would show, as lines of text.
#[must_use]
pub fn text(top: &Top, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    top.render(area, &mut buffer);
    let mut text = String::new();
    for row in area.rows() {
        let cells = row
            .columns()
            .filter_map(|place| buffer.cell(place.as_position()));
        let line: String = cells.map(ratatui::buffer::Cell::symbol).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::super::status::tests::snapshot;
    use super::*;
    use crate::time::Timestamp;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    fn top() -> Top {
        let mut top = Top::default();
        for (second, packets) in [(0, 500.0), (1, 2_000.0), (2, 1_000.0)] {
            let mut snapshot = snapshot();
            snapshot.stats_at = Some(Timestamp::from_parts(second, 0));
            snapshot.rates.as_mut().unwrap().packets = packets;
            top.take(Ok(snapshot));
        }
        top
    }

    /// As a terminal of that size shows it.
    fn shown(top: &Top, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| frame.render_widget(top, frame.area()))
            .unwrap();
        terminal.backend().to_string()
    }

    fn press(top: &mut Top, code: KeyCode) -> bool {
        top.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn hosts_by_score_and_rates() {
        insta::assert_snapshot!(shown(&top(), 80, 24));
    }

    #[test]
    fn why_a_host() {
        let mut top = top();
        press(&mut top, KeyCode::Enter);
        insta::assert_snapshot!(shown(&top, 80, 24));
        press(&mut top, KeyCode::Down);
        assert!(shown(&top, 80, 24).contains("┌ 2001:db8::7 ─"));
        press(&mut top, KeyCode::Esc);
        assert!(shown(&top, 80, 24).contains("HOST"));
    }

    #[test]
    fn a_sensor_that_does_not_answer() {
        let mut silent = Top::default();
        silent.take(Err(std::io::Error::other("nobody there")));
        assert!(shown(&silent, 80, 24).contains("nobody there"));
        press(&mut silent, KeyCode::Enter);
        press(&mut silent, KeyCode::Down);
        let mut top = top();
        top.take(Err(std::io::Error::other("nobody there")));
        let shown = shown(&top, 80, 24);
        assert!(shown.contains("does not answer: nobody there"), "{shown}");
        assert!(shown.contains("192.0.2.66"), "{shown}");
    }

    #[test]
    fn any_size_is_drawn() {
        let mut top = top();
        for opened in [false, true] {
            top.opened = opened;
            for (width, height) in [(1, 1), (10, 3), (80, 7), (200, 60)] {
                shown(&top, width, height);
            }
        }
    }

    #[test]
    fn the_chosen_host_stays_chosen() {
        let mut top = top();
        press(&mut top, KeyCode::Down);
        let mut next = snapshot();
        next.hosts.swap(1, 2);
        top.take(Ok(next));
        assert_eq!(top.chosen, 2);
        assert_eq!(top.host().unwrap().ip.to_string(), "2001:db8::7");
        // It is gone.
        let mut next = snapshot();
        next.hosts.truncate(1);
        top.opened = true;
        top.take(Ok(next));
        assert_eq!((top.chosen, top.opened), (0, false));
    }

    #[test]
    fn keys_that_end_it() {
        let mut top = top();
        assert!(!press(&mut top, KeyCode::Char('q')));
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert!(!top.key(control_c));
        for (code, chosen) in [
            (KeyCode::End, 2),
            (KeyCode::Down, 2),
            (KeyCode::Up, 1),
            (KeyCode::Home, 0),
            (KeyCode::PageDown, 2),
            (KeyCode::PageUp, 0),
        ] {
            assert!(press(&mut top, code));
            assert_eq!(top.chosen, chosen, "{code:?}");
        }
    }
}
