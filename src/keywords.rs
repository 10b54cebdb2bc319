//! The mail keywords: which first labels of query names count as a guess at a mail host.
//!
//! A leaf but for reading the word lists that `--keywords` names. [`Keywords::tier`] is asked
//! for every query name: it neither allocates nor panics, and most labels leave it at the
//! first octet.

use crate::words::one_line;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The words that count when nobody says otherwise: those of the study.
const DEFAULT: [&str; 7] = ["mx", "mxs", "ns", "mail", "smtp", "gate", "relay"];

/// The most words there may be. All could begin with the same letter, and each such word is
/// compared with each such label: this many take a few microseconds, which is the most that
/// one query should cost.
const MAX_WORDS: usize = 1_000;

/// The most octets of a word list: a capture given by mistake is not read whole.
const MAX_FILE: u64 = 1 << 20;

/// How a first label matches. The three are disjoint; the order is that of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Any other label that begins with a keyword: `mailing-list`, `mx1a`, `smtp-`.
    Prefix,
    /// A keyword, perhaps a hyphen, then digits and nothing else: `mx01`, `mail-2`.
    Numbered,
    /// A keyword.
    Exact,
}

/// A set of mail keywords, ready to be asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Keywords {
    /// Sorted, lower case, each once.
    words: Vec<Box<str>>,
    /// For each first octet, in either case, where in `words` those begin and end that start
    /// with it.
    by_first: Box<[(u16, u16); 256]>,
}

impl Keywords {
    /// The default words, to be changed.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            words: DEFAULT.map(Box::from).to_vec(),
        }
    }

    /// The tier of `first_label`, given as the octets on the wire, or `None` where it does
    /// not begin with a keyword.
    #[must_use]
    pub fn tier(&self, first_label: &[u8]) -> Option<Tier> {
        let first = *first_label.first()?;
        let &(start, end) = self.by_first.get(usize::from(first))?;
        let mut best = None;
        for word in self.words.get(usize::from(start)..usize::from(end))? {
            match first_label.split_at_checked(word.len()) {
                Some((head, rest)) if head.eq_ignore_ascii_case(word.as_bytes()) => {
                    best = best.max(Some(tier_of_rest(rest)));
                }
                _ => {}
            }
        }
        best
    }

    /// The words, sorted.
    #[must_use]
    pub fn words(&self) -> impl ExactSizeIterator<Item = &str> {
        self.words.iter().map(|word| &**word)
    }

    fn from_words(mut words: Vec<Box<str>>) -> Result<Self, Error> {
        words.sort_unstable();
        words.dedup();
        if words.len() > MAX_WORDS {
            return Err(Error::TooMany { count: words.len() });
        }
        let mut by_first = Box::new([(0, 0); 256]);
        for (index, word) in (0u16..).zip(&words) {
            let first = word.bytes().next().unwrap_or_default();
            for octet in [first, first.to_ascii_uppercase()] {
                if let Some((start, end)) = by_first.get_mut(usize::from(octet)) {
                    if start == end {
                        *start = index;
                    }
                    *end = index + 1;
                }
            }
        }
        Ok(Self { words, by_first })
    }
}

/// What follows the keyword decides the tier.
fn tier_of_rest(rest: &[u8]) -> Tier {
    if rest.is_empty() {
        return Tier::Exact;
    }
    let digits = rest.strip_prefix(b"-").unwrap_or(rest);
    if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        Tier::Numbered
    } else {
        Tier::Prefix
    }
}

impl Default for Keywords {
    fn default() -> Self {
        Self::builder()
            .build()
            .expect("the default words are fewer than MAX_WORDS")
    }
}

/// The words only: the table says nothing more.
impl fmt::Debug for Keywords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keywords").field(&self.words).finish()
    }
}

/// Words on their way to be [`Keywords`]; one [`Spec`] after the other changes them.
#[derive(Clone, Debug)]
pub struct Builder {
    words: Vec<Box<str>>,
}

impl Builder {
    /// Applies one `--keywords`.
    pub fn apply(&mut self, spec: &Spec) -> Result<(), Error> {
        match spec {
            Spec::Extend(list) => self.add_list(list),
            Spec::Replace(list) => {
                self.words.clear();
                self.add_list(list)
            }
            Spec::File(path) => self.add_file(path),
        }
    }

    /// The words so far, ready to be asked.
    pub fn build(self) -> Result<Keywords, Error> {
        Keywords::from_words(self.words)
    }

    fn add_list(&mut self, list: &str) -> Result<(), Error> {
        for text in list.split(',') {
            let text = text.trim();
            self.words
                .push(word(text).ok_or_else(|| Error::Word(text.to_owned()))?);
        }
        Ok(())
    }

    /// Reads octets and not text, so that a stray octet is told with its line.
    fn add_file(&mut self, path: &Path) -> Result<(), Error> {
        let octets = read(path).map_err(|cause| Error::Read {
            path: path.to_owned(),
            cause,
        })?;
        let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&octets);
        for (number, line) in (1..).zip(octets.split(|&octet| octet == b'\n')) {
            let content = line.split(|&octet| octet == b'#').next().unwrap_or(line);
            let text = String::from_utf8_lossy(content.trim_ascii());
            if text.is_empty() {
                continue;
            }
            self.words.push(word(&text).ok_or_else(|| Error::Line {
                path: path.to_owned(),
                line: number,
                text: shortened(&text),
            })?);
        }
        Ok(())
    }
}

/// One `--keywords`: how it changes the words so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// `+word,word`: these too.
    Extend(String),
    /// `=word,word`: these and no others.
    Replace(String),
    /// `FILE`: those in the file too, one a line.
    File(PathBuf),
}

impl Spec {
    /// Takes `text` apart; a relative FILE lies in `folder`. A file whose name begins with
    /// `+` or `=` is written `./+name`.
    #[must_use]
    pub fn new(text: &str, folder: &Path) -> Self {
        if let Some(words) = text.strip_prefix('+') {
            Self::Extend(words.to_owned())
        } else if let Some(words) = text.strip_prefix('=') {
            Self::Replace(words.to_owned())
        } else {
            Self::File(folder.join(text))
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(MAX_FILE + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > MAX_FILE {
        let message = format!("more than {MAX_FILE} octets, which is no list of words");
        return Err(std::io::Error::other(message));
    }
    Ok(octets)
}

/// A keyword in lower case, or `None` where `text` is none.
fn word(text: &str) -> Option<Box<str>> {
    let fits = (1..=63).contains(&text.len()); // RFC 1035, 2.3.4: the length of a label
    let letters = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    (fits && text.bytes().all(letters)).then(|| text.to_ascii_lowercase().into())
}

/// A capture given as a word list is one line of megabytes: show its beginning.
fn shortened(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { '?' } else { c });
    clean.take(70).collect()
}

/// Why there are no keywords.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line of a file is no keyword.
    #[error("{}:{line}: `{text}` is no keyword: 1 to 63 letters, digits and hyphens, one word a line", one_line(path.display()))]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {cause}", one_line(path.display()))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// More words than one query should be compared with.
    #[error("{count} words: at most {MAX_WORDS} can be looked for")]
    TooMany {
        /// How many there were.
        count: usize,
    },
    /// A word of a list is no keyword.
    #[error("`{0}` is no keyword: 1 to 63 letters, digits and hyphens, then a comma or the end")]
    Word(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keywords(specs: &[&str]) -> Result<Keywords, Error> {
        let mut builder = Keywords::builder();
        for text in specs {
            builder.apply(&Spec::new(text, Path::new("")))?;
        }
        builder.build()
    }

    fn words(specs: &[&str]) -> String {
        let keywords = keywords(specs).unwrap();
        keywords.words().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn tiers_of_the_default_words() {
        let keywords = Keywords::default();
        for (label, tier) in [
            ("mx", Some(Tier::Exact)),
            ("MxS", Some(Tier::Exact)),
            ("SMTP", Some(Tier::Exact)),
            ("mx01", Some(Tier::Numbered)),
            ("mail-2", Some(Tier::Numbered)),
            ("mxs1", Some(Tier::Numbered)),
            ("Ns-10", Some(Tier::Numbered)),
            ("mx1a", Some(Tier::Prefix)),
            ("mx-", Some(Tier::Prefix)),
            ("mx--1", Some(Tier::Prefix)),
            ("mx-1-", Some(Tier::Prefix)),
            ("mxsx", Some(Tier::Prefix)),
            ("mail2-3", Some(Tier::Prefix)),
            ("mailing-list", Some(Tier::Prefix)),
            ("relay.x", Some(Tier::Prefix)), // a dot inside of a label is an octet like others
            ("www", None),
            ("m", None),
            ("my", None),
            ("webmail", None),
            ("", None),
        ] {
            assert_eq!(keywords.tier(label.as_bytes()), tier, "{label}");
        }
        assert_eq!(keywords.tier(b"mx\xff"), Some(Tier::Prefix));
        assert_eq!(keywords.tier(b"\xffmx"), None);
        assert_eq!(keywords.tier(b"\xedx"), None); // `m` with its top bit set
    }

    #[test]
    fn a_word_may_end_in_a_digit() {
        let keywords = keywords(&["=mx,mx1"]).unwrap();
        assert_eq!(keywords.tier(b"mx1"), Some(Tier::Exact));
        assert_eq!(keywords.tier(b"mx12"), Some(Tier::Numbered));
        assert_eq!(keywords.tier(b"mx1-2"), Some(Tier::Numbered));
        assert_eq!(keywords.tier(b"mx1-b"), Some(Tier::Prefix));
    }

    #[test]
    fn specs_apply_in_order() {
        assert_eq!(words(&[]), "gate mail mx mxs ns relay smtp");
        assert_eq!(words(&["+Post,mx"]), "gate mail mx mxs ns post relay smtp");
        assert_eq!(words(&["=b, a", "+c"]), "a b c");
        assert_eq!(words(&["+c", "=b,a"]), "a b");
    }

    #[test]
    fn a_file_extends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.txt");
        let text = "\u{feff}# ours\r\n\r\n  Post\r\nmta # the gateways\n#\nmx9";
        std::fs::write(&path, text).unwrap();
        assert_eq!(words(&["=a", path.to_str().unwrap()]), "a mta mx9 post");
        assert_eq!(
            Spec::new("words.txt", folder.path()),
            Spec::File(path.clone())
        );
        assert_eq!(
            Spec::new("/w", folder.path()),
            Spec::File(PathBuf::from("/w"))
        );

        std::fs::write(&path, b"post\nmail gate\n").unwrap();
        let error = keywords(&[path.to_str().unwrap()]).unwrap_err().to_string();
        let (_, message) = error.split_once("words.txt:2: ").unwrap();
        assert!(message.starts_with("`mail gate` is no keyword"), "{error}");

        std::fs::write(&path, b"post\n\nm\xff\n").unwrap();
        let error = keywords(&[path.to_str().unwrap()]).unwrap_err().to_string();
        assert!(error.contains("words.txt:3: "), "{error}");
    }

    #[test]
    fn what_is_no_list() {
        for (spec, message) in [
            ("+", "`` is no keyword"),
            ("=", "`` is no keyword"),
            ("+a,,b", "`` is no keyword"),
            ("+mail_gw", "`mail_gw` is no keyword"),
            ("+mx.example", "`mx.example` is no keyword"),
            ("+pöst", "`pöst` is no keyword"),
            ("/nonexistent/words", "cannot read /nonexistent/words: "),
        ] {
            let error = keywords(&[spec]).unwrap_err().to_string();
            assert!(error.starts_with(message), "{spec}: {error}");
        }
        assert!(keywords(&[&format!("+{}", "a".repeat(63))]).is_ok());
        assert!(keywords(&[&format!("+{}", "a".repeat(64))]).is_err());
        let many: Vec<String> = (0..MAX_WORDS).map(|n| format!("w{n}")).collect();
        assert!(keywords(&[&format!("={}", many.join(","))]).is_ok());
        let error = keywords(&[&format!("+{}", many.join(","))]).unwrap_err();
        assert!(matches!(error, Error::TooMany { count: 1007 }), "{error}");
    }

    /// The definition, word for word.
    fn naive(words: &[String], label: &[u8]) -> Option<Tier> {
        let label: Vec<char> = label
            .iter()
            .map(|&o| char::from(o).to_ascii_lowercase())
            .collect();
        let label: String = label.into_iter().collect();
        let numbered = |word: &String| {
            label.strip_prefix(word.as_str()).is_some_and(|rest| {
                let digits = rest.strip_prefix('-').unwrap_or(rest);
                !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
            })
        };
        if words.contains(&label) {
            Some(Tier::Exact)
        } else if words.iter().any(numbered) {
            Some(Tier::Numbered)
        } else if words.iter().any(|word| label.starts_with(word.as_str())) {
            Some(Tier::Prefix)
        } else {
            None
        }
    }

    proptest! {
        /// Few letters, so that words overlap and labels hit them.
        #[test]
        fn agrees_with_the_definition(
            words in prop::collection::vec("[mxs1-]{1,4}", 1..8),
            label in prop_oneof![
                "[mxsMXS1-]{0,7}".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..6),
            ],
        ) {
            let keywords = keywords(&[&format!("={}", words.join(","))]).unwrap();
            prop_assert_eq!(keywords.tier(&label), naive(&words, &label));
        }

        #[test]
        fn agrees_on_the_default_words(
            word in prop::sample::select(DEFAULT.to_vec()),
            rest in "[-]?[0-9]{0,3}[a-s]{0,1}",
        ) {
            let label = format!("{word}{rest}");
            let words = DEFAULT.map(String::from);
            prop_assert_eq!(
                Keywords::default().tier(label.as_bytes()),
                naive(&words, label.as_bytes())
            );
        }
    }
}
