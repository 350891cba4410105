//! The enum of metadata records finds the right type for each number.

use bytes::Bytes;
use protocol::codec::{DecodeError, Reader, Writer};
use protocol::messages::metadata::MetadataRecord;

use crate::bytes_from_schema::{Style, generate};
use crate::random::Random;
use crate::schema::Kind;
use crate::subjects;

#[test]
fn metadata_records_pass_through_the_enum_unchanged() {
    let subjects = subjects();
    let records = subjects
        .iter()
        .filter(|subject| subject.schema.kind == Kind::Record);
    let mut seen = 0;
    for subject in records {
        let schema = &subject.schema;
        let record_type = schema.id.expect("a record has a type");
        for version in schema.versions.first..=schema.versions.last {
            let mut random = Random::new(Random::seed(schema.name(), &[seen]));
            let bytes = Bytes::from(generate(schema, version, Style::Random(&mut random)));
            let mut reader = Reader::new(bytes.clone());
            let record = MetadataRecord::decode(record_type, version, &mut reader);
            let record = record.unwrap_or_else(|error| panic!("{}: {error}", schema.name()));
            assert_eq!(record.record_type(), record_type);
            assert_eq!(record.versions(), subject.codec.versions);
            let mut writer = Writer::new();
            record.encode(&mut writer, version);
            assert_eq!(writer.freeze(), bytes, "{}", schema.name());
            seen += 1;
        }
    }
    assert!(seen >= 26, "{seen} records");
    let unknown = MetadataRecord::decode(99, 0, &mut Reader::new(Bytes::new()));
    assert_eq!(unknown, Err(DecodeError::UnknownRecordType(99)));
}
