//! Hostile bytes into every decoder for a bounded time: no panic, and whatever is accepted has a
//! form that decodes to itself.
//!
//! `MILLRACE_FUZZ_SECONDS` (5) bounds the time, `MILLRACE_FUZZ_SEED` (1) selects the cases. The
//! corpus holds inputs worth keeping, one a line: message, version, bytes, and what they are.

use std::env;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::codec::{DecodeError, Reader, Writer};
use protocol::frame::{RequestHeader, request_length};

use crate::bytes_from_schema::{Style, generate};
use crate::codec::Codec;
use crate::mutation::mutate;
use crate::random::Random;
use crate::subjects;
use crate::table::CODECS;

const CORPUS: &str = include_str!("corpus.txt");

fn number(name: &str, default: u64) -> u64 {
    env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Decodes; what is accepted must encode to bytes that decode and encode to themselves.
fn probe(codec: &Codec, version: i16, input: &Bytes, what: &str) -> Result<(), DecodeError> {
    let first = (codec.recode)(input.clone(), version)?;
    assert!(first.read <= input.len(), "{what}");
    let second = (codec.recode)(first.bytes.clone(), version);
    let second = second.unwrap_or_else(|error| panic!("{what}: own bytes refused: {error}"));
    assert_eq!(second.bytes, first.bytes, "{what}");
    assert_eq!(second.read, first.bytes.len(), "{what}");
    Ok(())
}

fn probe_header(input: &Bytes) {
    if let Some(prefix) = input.first_chunk::<4>() {
        let length = request_length(*prefix, 1 << 20);
        assert!(length.is_err() || length.is_ok_and(|length| (10..=1 << 20).contains(&length)));
    }
    if let Ok(header) = RequestHeader::decode(&mut Reader::new(input.clone())) {
        let mut writer = Writer::new();
        header.encode(&mut writer);
        let again = RequestHeader::decode(&mut Reader::new(writer.freeze()));
        assert_eq!(again.as_ref(), Ok(&header));
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the time bound is the machine's own time"
)]
fn hostile_bytes_are_refused_or_understood() {
    let seconds = number("MILLRACE_FUZZ_SECONDS", 5);
    let seed = number("MILLRACE_FUZZ_SEED", 1);
    println!("fuzz: seed {seed}, {seconds} s");
    let subjects = subjects();
    let started = Instant::now();
    let (mut cases, mut accepted) = (0_u64, 0_u64);
    while started.elapsed() < Duration::from_secs(seconds) {
        for subject in &subjects {
            let mut random = Random::new(Random::seed(subject.codec.name, &[seed, cases]));
            let versions = subject.schema.versions;
            let span = usize::try_from(versions.last - versions.first).expect("not empty") + 1;
            let version = versions.first + i16::try_from(random.below(span)).expect("small");
            let mut input = generate(&subject.schema, version, Style::Random(&mut random));
            mutate(&mut random, &mut input);
            let input = Bytes::from(input);
            let what = format!("{} v{version} seed {seed} case {cases}", subject.codec.name);
            accepted += u64::from(probe(subject.codec, version, &input, &what).is_ok());
            probe_header(&input);
            cases += 1;
        }
    }
    println!("fuzz: {cases} cases, {accepted} accepted");
    assert!(0 < accepted && accepted < cases);
}

#[test]
fn corpus_is_refused_or_understood_as_noted() {
    for line in CORPUS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, version, verdict, hex, ..] = words[..] else {
            panic!("bad line: {line}")
        };
        let version = version.parse().expect("a version");
        let hex = if hex == "-" { "" } else { hex };
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        let input = Bytes::from((0..hex.len()).step_by(2).map(byte).collect::<Vec<_>>());
        let result = if name == "header" {
            RequestHeader::decode(&mut Reader::new(input)).map(drop)
        } else {
            let codec = CODECS
                .iter()
                .find(|codec| codec.name == name)
                .expect("a message");
            probe(codec, version, &input, line)
        };
        assert_eq!(result.is_ok(), verdict == "ok", "{line}: {result:?}");
    }
}
