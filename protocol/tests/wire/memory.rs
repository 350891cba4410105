//! Decoding allocates within a multiple of the bytes received, whatever they are.

use bytes::Bytes;
use protocol::codec::DecodeError;

use crate::allocation::peak_of;
use crate::bytes_from_schema::{Style, generate};
use crate::mutation::mutate;
use crate::random::Random;
use crate::schema::{Kind, Type};
use crate::{Subject, subjects};

/// A request may take up so many times its size...
const REQUEST_MULTIPLE: usize = 50;
/// ... and other messages, which come from brokers and logs, so many.
const OTHER_MULTIPLE: usize = 60;
/// What a value takes even when it is tiny.
const FIXED_BYTES: usize = 8 * 1024;
/// The sizes of the larger inputs.
const INPUT_BYTES: [usize; 3] = [40_000, 64 * 1024, 90_000];

/// Decodes, checks the bound, and returns the multiple in hundredths.
fn check(subject: &Subject, version: i16, input: Vec<u8>, what: &str) -> usize {
    let received = input.len();
    let bytes = Bytes::from(input);
    let (result, peak) = peak_of(|| (subject.codec.decode)(bytes, version));
    let _: Result<(), DecodeError> = result;
    let request = subject.schema.kind == Kind::Request;
    let multiple = if request {
        REQUEST_MULTIPLE
    } else {
        OTHER_MULTIPLE
    };
    assert!(
        peak <= received * multiple + FIXED_BYTES,
        "{} version {version}, {what}: {received} bytes took {peak}",
        subject.schema.name(),
    );
    (peak.saturating_sub(FIXED_BYTES) * 100)
        .checked_div(received)
        .unwrap_or(0)
}

#[test]
fn mutated_and_random_bytes_take_bounded_memory() {
    for subject in subjects() {
        let schema = &subject.schema;
        for version in schema.versions.first..=schema.versions.last {
            for case in 0..24 {
                let seed = Random::seed(schema.name(), &[version.cast_unsigned().into(), case, 7]);
                let mut random = Random::new(seed);
                let mut input = generate(schema, version, Style::Random(&mut random));
                mutate(&mut random, &mut input);
                check(&subject, version, input, &format!("mutated, seed {seed}"));
                let length = random.below(4096);
                check(
                    &subject,
                    version,
                    random.bytes(length),
                    &format!("random, seed {seed}"),
                );
            }
            for byte in [0x00, 0x01, 0x02, 0x7f, 0xff] {
                check(
                    &subject,
                    version,
                    vec![byte; INPUT_BYTES[1]],
                    &format!("all {byte}"),
                );
            }
        }
    }
}

/// The worst a sender can do: one array filled with the smallest elements there are.
#[test]
fn floods_of_smallest_elements_take_bounded_memory() {
    let mut worst = [(0, String::new()), (0, String::new())];
    for subject in subjects() {
        let schema = &subject.schema;
        for structure in &schema.structs {
            for field in &structure.fields {
                let versions = field.versions.intersect(schema.versions);
                if !matches!(field.ty, Type::Array(_)) {
                    continue;
                }
                for version in versions.first..=versions.last {
                    let flood = |count| {
                        let style = Style::Flood(&structure.name, &field.name, count);
                        generate(schema, version, style)
                    };
                    let (one, two) = (flood(1).len(), flood(2).len());
                    if two <= one {
                        continue;
                    }
                    for size in INPUT_BYTES {
                        let input = flood(size / (two - one));
                        let multiple = check(&subject, version, input, &field.name);
                        let place = &mut worst[usize::from(schema.kind == Kind::Request)];
                        if multiple > place.0 {
                            let what = format!("{} v{version} {}", schema.name(), field.name);
                            *place = (multiple, what);
                        }
                    }
                }
            }
        }
    }
    println!("hundredths of the input's size: {worst:?}");
}
