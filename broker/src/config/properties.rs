//! Java's properties format: comments, continued lines, three kinds of separator, escapes. Pure,
//! total: any text parses. A name given twice counts with its last value, as in Java.

/// One `name = value`, and the line on which its name stands (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) line: u32,
}

/// All properties of a text, in order.
pub(crate) fn parse(text: &str) -> Vec<Property> {
    let mut properties = Vec::new();
    let mut lines = text.lines().zip(1_u32..);
    while let Some((first, line)) = lines.next() {
        let first = first.trim_start_matches(BLANKS);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_owned();
        while ends_in_continuation(&logical) {
            logical.pop();
            let Some((next, _)) = lines.next() else { break };
            logical.push_str(next.trim_start_matches(BLANKS));
        }
        let (name, value) = split(&logical);
        properties.push(Property {
            name: unescape(name),
            value: unescape(value),
            line,
        });
    }
    properties
}

/// What Java skips between tokens.
const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];

/// An odd number of backslashes at the end: the last one is not itself escaped.
fn ends_in_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// The name ends at the first separator that is not escaped; blanks around `=` or `:` belong to it.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line
        .char_indices()
        .find(|(_, c)| {
            let separates = !escaped && (matches!(c, '=' | ':') || BLANKS.contains(c));
            escaped = !escaped && *c == '\\';
            separates
        })
        .map_or(line.len(), |(index, _)| index);
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(BLANKS);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (name, rest.trim_start_matches(BLANKS))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16)
                    .ok()
                    .and_then(char::from_u32);
                plain.push(code.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(text: &str) -> Vec<(String, String, u32)> {
        parse(text)
            .into_iter()
            .map(|p| (p.name, p.value, p.line))
            .collect()
    }

    fn pair(name: &str, value: &str, line: u32) -> (String, String, u32) {
        (name.to_owned(), value.to_owned(), line)
    }

    #[test]
    fn separators_comments_and_blank_lines() {
        let text = "# a comment\n! another\n\na=1\n b : 2\nc 3\nd\n\te\t=\tf g \n";
        let expected = [
            pair("a", "1", 4),
            pair("b", "2", 5),
            pair("c", "3", 6),
            pair("d", "", 7),
            pair("e", "f g ", 8),
        ];
        assert_eq!(pairs(text), expected);
    }

    #[test]
    fn a_backslash_continues_the_line_and_the_name_keeps_its_line() {
        let text = "list=a,\\\n    b,\\\n    c\nnext=1\nend=x\\";
        assert_eq!(
            pairs(text),
            [
                pair("list", "a,b,c", 1),
                pair("next", "1", 4),
                pair("end", "x", 5)
            ]
        );
        assert_eq!(
            pairs("a=b\\\\\nc=d"),
            [pair("a", "b\\", 1), pair("c", "d", 2)]
        );
    }

    #[test]
    fn escapes_are_taken_off() {
        assert_eq!(pairs("a\\=b\\ c=\\u0041\\t\\q"), [pair("a=b c", "A\tq", 1)]);
        assert_eq!(pairs("a=\\uZZ"), [pair("a", "\u{fffd}", 1)]);
        assert_eq!(pairs("a=b=c:d"), [pair("a", "b=c:d", 1)]);
    }

    #[test]
    fn windows_line_ends_are_no_part_of_a_value() {
        assert_eq!(
            pairs("a=1\r\nb=2\r\n"),
            [pair("a", "1", 1), pair("b", "2", 2)]
        );
    }

    proptest! {
        #[test]
        fn any_text_parses(text in ".{0,200}") {
            let lines = text.lines().count();
            prop_assert!(parse(&text).len() <= lines);
        }

        #[test]
        fn a_plain_pair_comes_back(name in "[a-z.]{1,20}", value in "[a-zA-Z0-9:/,=]{0,30}") {
            let parsed = parse(&format!("{name}={value}\n"));
            prop_assert_eq!(parsed, [Property { name, value, line: 1 }]);
        }
    }
}
