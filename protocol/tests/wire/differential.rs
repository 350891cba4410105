//! Bytes made from the schemas pass through our code and through `kafka-protocol` unchanged.
//!
//! That crate knows Kafka 4.1; what it lacks only passes through ours.

use std::error::Error;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey as TheirKey, RequestKind, ResponseKind};

use crate::bytes_from_schema::{Style, generate};
use crate::random::Random;
use crate::schema::{Kind, Message};
use crate::subjects;

const CASES: u64 = 24;

/// Requests whose newest version Kafka 4.1 called unstable, so that the crate refuses it.
const UNSTABLE_IN_THEIRS: [(&str, i16); 3] = [
    ("InitProducerIdRequest", 6),
    ("OffsetCommitRequest", 10),
    ("OffsetFetchRequest", 10),
];

#[test]
fn valid_bytes_pass_through_ours_and_theirs_unchanged() {
    let (mut ours, mut both) = (0, 0);
    let mut differences = Vec::new();
    for subject in subjects() {
        let schema = &subject.schema;
        for version in schema.versions.first..=schema.versions.last {
            let theirs = their_key(schema, version);
            for case in 0..CASES {
                let seed = Random::seed(schema.name(), &[version.cast_unsigned().into(), case]);
                let style = Style::Random(&mut Random::new(seed));
                let style = if case == 0 { Style::Defaults } else { style };
                let bytes = Bytes::from(generate(schema, version, style));
                let what = format!("{} version {version} seed {seed}", schema.name());

                let recoded = (subject.codec.recode)(bytes.clone(), version);
                let recoded = recoded.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(recoded.read, bytes.len(), "{what}");
                assert_eq!(recoded.bytes, bytes, "{what}");
                ours += 1;
                if let Some(key) = theirs {
                    let output = through_theirs(key, schema.kind, &bytes, version);
                    if output.as_ref().is_ok_and(|output| *output == bytes) {
                        both += 1;
                    } else {
                        differences.push(format!("{what}: {bytes:02x?} became {output:02x?}"));
                    }
                }
            }
        }
    }
    println!("{ours} values through ours, {both} of them through kafka-protocol too");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(both > 0 && ours > both);
}

/// The other implementation's key, if it knows the API in this version.
fn their_key(schema: &Message, version: i16) -> Option<TheirKey> {
    let is_api = matches!(schema.kind, Kind::Request | Kind::Response);
    if !is_api || UNSTABLE_IN_THEIRS.contains(&(schema.name(), version)) {
        return None;
    }
    let key = TheirKey::try_from(schema.id?).ok()?;
    let versions = key.valid_versions();
    (versions.min <= version && version <= versions.max).then_some(key)
}

fn through_theirs(
    key: TheirKey,
    kind: Kind,
    bytes: &Bytes,
    version: i16,
) -> Result<BytesMut, Box<dyn Error>> {
    let mut input = bytes.clone();
    let mut output = BytesMut::new();
    if kind == Kind::Request {
        RequestKind::decode(key, &mut input, version)?.encode(&mut output, version)?;
    } else {
        ResponseKind::decode(key, &mut input, version)?.encode(&mut output, version)?;
    }
    assert!(input.is_empty(), "they leave {} bytes", input.len());
    Ok(output)
}
