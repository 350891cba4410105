//! Subscriptions by regular expression: whether a pattern is valid, and which topics it matches.
//!
//! Pure. Matching takes time linear in the names, whatever the pattern; its size when compiled is
//! bounded. A topic matches when the pattern matches all of its name, as in Kafka.

use regex_automata::meta;
use regex_automata::util::syntax;
use regex_syntax::hir::{Hir, Look};

/// Largest compiled pattern. A list of several hundred topic names fits, `(a{1000}){1000}` does not.
const COMPILED_BYTES_MAX: usize = 4 << 20;
/// Memory that matching may use to go fast; with less it is slower, never wrong.
const CACHE_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of groups: parsing recurses.
const NESTING_MAX: u32 = 100;

/// The pattern is not one that can be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidPattern {
    pub(crate) message: String,
}

/// A valid pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    compiled: meta::Regex,
}

impl Pattern {
    /// # Errors
    /// The text is no pattern, or one that is too large when compiled.
    pub(crate) fn compile(text: &str) -> Result<Self, InvalidPattern> {
        let refuse = |cause: &dyn std::fmt::Display| InvalidPattern {
            message: format!(
                "SubscribedTopicRegex `{text}` is not a valid regular expression: {cause}."
            ),
        };
        let syntax = syntax::Config::new().nest_limit(NESTING_MAX);
        let hir = syntax::parse_with(text, &syntax).map_err(|error| refuse(&one_line(&error)))?;
        // the ends go around what was parsed, not around the text: `a)|(b` stays invalid
        let whole = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
        let config = meta::Config::new()
            .nfa_size_limit(Some(COMPILED_BYTES_MAX))
            .onepass_size_limit(Some(CACHE_BYTES_MAX))
            .dfa_size_limit(Some(CACHE_BYTES_MAX))
            .hybrid_cache_capacity(CACHE_BYTES_MAX);
        let compiled = meta::Regex::builder()
            .configure(config)
            .build_from_hir(&whole)
            .map_err(|_| refuse(&"it is too large when compiled"))?;
        Ok(Self { compiled })
    }

    pub(crate) fn matches(&self, topic: &str) -> bool {
        self.compiled.is_match(topic)
    }
}

/// The last line of a parser's error says what is wrong; those before draw the pattern.
fn one_line(error: &regex_syntax::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next_back().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, topic: &str) -> bool {
        Pattern::compile(pattern).unwrap().matches(topic)
    }

    #[test]
    fn a_pattern_must_match_the_whole_name() {
        assert!(matches("foo.*", "foobar"));
        assert!(!matches("foo", "foobar"));
        assert!(!matches("bar", "foobar"));
        assert!(matches("a|ab", "ab"), "the longer alternative counts");
        assert!(matches("(?x) a b # a comment", "ab"));
        assert!(matches("", ""));
    }

    #[test]
    fn a_text_that_is_no_pattern_says_why() {
        for text in ["[", "a)|(b", "*", "(", r"\1", "(?=a)", "a{2,1}"] {
            let error = Pattern::compile(text).unwrap_err();
            let start =
                format!("SubscribedTopicRegex `{text}` is not a valid regular expression: ");
            assert!(error.message.starts_with(&start), "{}", error.message);
            assert!(!error.message.contains('\n'), "{}", error.message);
        }
    }

    #[test]
    fn a_pattern_that_explodes_is_refused_or_harmless() {
        for text in [
            "((a{1000}){1000}){1000}",
            "(((((a*)*)*)*)*){999}{999}",
            &"(".repeat(20_000),
        ] {
            assert!(Pattern::compile(text).is_err());
        }
        let nested = Pattern::compile("(a+)+b").unwrap();
        assert!(!nested.matches(&"a".repeat(249)));
    }
}
