//! Numbers, names and other people's text in sentences. A leaf: uses nothing of ours.

use std::fmt::Display;

/// A number of things: `1 host`, `2 hosts`, `3 addresses`.
#[must_use]
pub fn counted(number: impl Into<u64>, thing: &str) -> String {
    let number = number.into();
    let plural = match (number, thing.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        _ => "s",
    };
    format!("{number} {thing}{plural}")
}

/// A thing by its name: `a monitor`, `an auto-responder`.
#[must_use]
pub fn with_article(name: impl Display) -> String {
    let name = name.to_string();
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

/// What is told, on one line: control characters, as a file that is at fault may have them in
/// its values, are written as Rust writes them (`\n`, `\u{1b}`).
#[must_use]
pub fn one_line(told: impl Display) -> String {
    let told = told.to_string();
    let mut line = String::with_capacity(told.len());
    for character in told.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_many() {
        assert_eq!(counted(1_u32, "address"), "1 address");
        assert_eq!(counted(0_u64, "address"), "0 addresses");
        assert_eq!(counted(2_u64, "host"), "2 hosts");
    }

    #[test]
    fn control_characters_do_nothing() {
        assert_eq!(one_line("a\nb\u{1b}[31m`é`"), "a\\nb\\u{1b}[31m`é`");
    }

    #[test]
    fn articles() {
        assert_eq!(with_article("resolver"), "a resolver");
        assert_eq!(with_article("unregistered-mta"), "an unregistered-mta");
    }
}
