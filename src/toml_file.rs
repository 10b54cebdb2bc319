//! A TOML file read with its line numbers. A leaf but for [`crate::words`].
//!
//! The config file and the inventory are written by hand, so whatever is wrong with them is
//! told as `file:line: what`. serde's own words ("unknown variant, expected one of") name no
//! line and suggest nothing, hence this thin walk over the parsed document: a key is known
//! because it was asked for, and `Table::finish` refuses the rest.

use crate::words::one_line;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};
use toml::value::{Date, Datetime};

/// The most octets of such a file. A capture given by mistake is refused before it is read
/// whole; an inventory of 100,000 hosts stays below.
const MAX_LEN: u64 = 32 << 20;

/// What is wrong with a file that a person wrote.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A line is not as it should be.
    #[error("{}:{line}: {}", one_line(path.display()), one_line(message))]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The file could not be read.
    #[error("cannot read {}: {cause}", one_line(path.display()))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// The file's text.
pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    let failed = |cause| FileError::Read {
        path: path.to_owned(),
        cause,
    };
    let mut octets = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    // Not by the file's length, since a pipe has none.
    let mut limited = file.take(MAX_LEN + 1);
    limited.read_to_end(&mut octets).map_err(failed)?;
    if octets.len() as u64 > MAX_LEN {
        let message = format!("more than {MAX_LEN} octets");
        return Err(failed(std::io::Error::other(message)));
    }
    String::from_utf8(octets).map_err(|error| {
        let before = error.utf8_error().valid_up_to();
        let lines = error.as_bytes().iter().take(before);
        FileError::Line {
            path: path.to_owned(),
            line: 1 + lines.filter(|&&octet| octet == b'\n').count(),
            message: "not UTF-8".to_owned(),
        }
    })
}

/// A file and its text, to tell lines by.
#[derive(Clone, Copy, Debug)]
struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn line_at(self, offset: usize) -> usize {
        let before = self.text.bytes().take(offset);
        1 + before.filter(|&octet| octet == b'\n').count()
    }

    fn error(self, line: usize, message: impl Into<String>) -> FileError {
        FileError::Line {
            path: self.path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

/// A table, from which the keys that mean something are taken one by one.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    file: File<'a>,
    offset: usize,
    /// Empty for the top of the file, else as `[[host]]`.
    name: String,
    entries: DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// Parses `text`, which `path` holds.
    pub(crate) fn parse(path: &'a Path, text: &'a str) -> Result<Self, FileError> {
        let file = File { path, text };
        let entries = DeTable::parse(text).map_err(|error| {
            let line = file.line_at(error.span().map_or(0, |span| span.start));
            // The parser's message can be of several lines: what, and what was expected.
            file.error(line, error.message().trim().replace('\n', ", "))
        })?;
        Ok(Self {
            file,
            offset: 0,
            name: String::new(),
            entries: entries.into_inner(),
            known: Vec::new(),
        })
    }

    /// The value of `key`, which is thereby known.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Item<'a>> {
        self.known.push(key);
        let (found, value) = self.entries.remove_entry(key)?;
        Some(Item {
            file: self.file,
            key,
            offset: found.span().start,
            value: value.into_inner(),
        })
    }

    /// As [`Self::take`], for a key that must be there.
    pub(crate) fn require(&mut self, key: &'static str) -> Result<Item<'a>, FileError> {
        self.take(key).ok_or_else(|| {
            let line = self.file.line_at(self.offset);
            self.file
                .error(line, format!("{} has no `{key}`", self.name))
        })
    }

    /// Refuses the first key that nobody took.
    pub(crate) fn finish(mut self) -> Result<(), FileError> {
        let first = self.entries.keys().min_by_key(|key| key.span().start);
        let Some(key) = first else { return Ok(()) };
        let line = self.file.line_at(key.span().start);
        self.known.sort_unstable();
        let place = if self.name.is_empty() {
            String::new()
        } else {
            format!(" in {}", self.name)
        };
        let hint = nearest(key.get_ref(), &self.known).map_or_else(
            || format!("known are {}", self.known.join(", ")),
            |known| format!("did you mean `{known}`?"),
        );
        let message = format!("unknown key `{}`{place} ({hint})", key.get_ref());
        Err(self.file.error(line, message))
    }
}

/// One value, and where it stood.
#[derive(Debug)]
pub(crate) struct Item<'a> {
    file: File<'a>,
    key: &'static str,
    /// Lines are counted only when one is told: doing so for each value would take time by
    /// the square of the file's length.
    offset: usize,
    value: DeValue<'a>,
}

impl<'a> Item<'a> {
    /// The file that it stood in.
    pub(crate) fn path(&self) -> &'a Path {
        self.file.path
    }

    /// Where in the file it stood.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The line of a place in the same file, from 1.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        self.file.line_at(offset)
    }

    /// The key that it was the value of.
    pub(crate) fn key(&self) -> &'static str {
        self.key
    }

    /// An error about this value.
    pub(crate) fn error(&self, message: impl std::fmt::Display) -> FileError {
        let line = self.line_at(self.offset);
        self.file.error(line, format!("{}: {message}", self.key))
    }

    /// An error about this value's type.
    pub(crate) fn wants(&self, what: &str) -> FileError {
        let found = match &self.value {
            DeValue::String(text) => format!("\"{}\"", text.escape_debug()),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(time) => format!("the date or time {time}"),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        };
        self.error(format_args!("wants {what}, not {found}"))
    }

    /// The text of a string.
    pub(crate) fn string(&self) -> Result<String, FileError> {
        let text = self.value.as_str().ok_or_else(|| self.wants("a string"))?;
        Ok(text.to_owned())
    }

    /// Exactly `true` or `false`.
    pub(crate) fn boolean(&self) -> Result<bool, FileError> {
        let value = self.value.as_bool();
        value.ok_or_else(|| self.wants("true or false"))
    }

    /// A whole number of 0 or more.
    pub(crate) fn number(&self) -> Result<u64, FileError> {
        let value = self.integer().and_then(|number| number.try_into().ok());
        value.ok_or_else(|| self.wants("a whole number of 0 or more"))
    }

    /// A date without a time.
    pub(crate) fn date(&self) -> Result<Date, FileError> {
        match self.value.as_datetime() {
            Some(&Datetime {
                date: Some(date),
                time: None,
                offset: None,
            }) => Ok(date),
            _ => Err(self.wants("a date without quotes, as 2027-01-31")),
        }
    }

    /// As the command line would have it: a string, a number, or a date and time as text.
    pub(crate) fn scalar(&self, what: &str) -> Result<String, FileError> {
        match &self.value {
            DeValue::String(text) => Ok(text.clone().into_owned()),
            DeValue::Integer(_) => {
                let number = self.integer().ok_or_else(|| self.wants(what))?;
                Ok(number.to_string())
            }
            DeValue::Float(number) => Ok(number.as_str().to_owned()),
            DeValue::Datetime(time) => Ok(time.to_string()),
            _ => Err(self.wants(what)),
        }
    }

    /// The items of a list, or this one item if it is none.
    pub(crate) fn one_or_more(self) -> Vec<Self> {
        match self.value {
            DeValue::Array(items) => items
                .into_iter()
                .map(|item| Self {
                    file: self.file,
                    key: self.key,
                    offset: item.span().start,
                    value: item.into_inner(),
                })
                .collect(),
            _ => vec![self],
        }
    }

    /// A table: `[key]`.
    pub(crate) fn table(self) -> Result<Table<'a>, FileError> {
        let name = format!("[{}]", self.key);
        self.named_table(name)
    }

    /// A list of tables: `[[key]]`.
    pub(crate) fn tables(self) -> Result<Vec<Table<'a>>, FileError> {
        let name = format!("[[{}]]", self.key);
        if !self.value.is_array() {
            return Err(self.error(format_args!("wants a list: write {name}")));
        }
        let items = self.one_or_more().into_iter();
        items.map(|item| item.named_table(name.clone())).collect()
    }

    fn named_table(self, name: String) -> Result<Table<'a>, FileError> {
        match self.value {
            DeValue::Table(entries) => Ok(Table {
                file: self.file,
                offset: self.offset,
                name,
                entries,
                known: Vec::new(),
            }),
            _ => Err(self.error(format_args!("wants a table: write {name}"))),
        }
    }

    fn integer(&self) -> Option<i64> {
        let number = self.value.as_integer()?;
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    }
}

/// The known key that `key` is a slip of: few edits away, measured by its length.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let distances = known.iter().map(|&word| (distance(key, word), word));
    let (edits, word) = distances.min()?;
    (edits <= 1 + word.len() / 4).then_some(word)
}

/// Levenshtein's distance over octets, with `_` for `-` free, as that slip is common.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<u8> = to.bytes().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, from) in (1..).zip(from.bytes()) {
        let from = if from == b'_' { b'-' } else { from };
        let mut diagonal = above - 1;
        let mut left = above;
        for (&octet, cell) in to.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(octet != from);
            diagonal = *cell;
            left = replaced.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = above;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, edits) in [
            ("filter", "filter", 0),
            ("filtr", "filter", 1),
            ("exit_code", "exit-code", 0),
            ("", "home", 4),
            ("home", "", 4),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(from, to), edits, "{from} {to}");
        }
        assert_eq!(nearest("hosst", &["home", "hosts"]), Some("hosts"));
        assert_eq!(nearest("frobnicate", &["home", "hosts"]), None);
    }

    #[test]
    fn a_file_that_is_not_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, b"home = 1\n\xd4\xc3").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.ends_with("a.toml:2: not UTF-8"), "{error}");
        let error = read(&folder.path().join("b.toml")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read /"), "{error}");
    }
}
