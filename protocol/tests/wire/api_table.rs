//! The table of APIs says the same as the schemas.

use protocol::api_key::{ApiKey, VersionRange};

use crate::schema::Kind;
use crate::subjects;

#[test]
fn api_table_agrees_with_the_schemas() {
    let mut apis = 0;
    for subject in subjects() {
        let schema = &subject.schema;
        let VersionRange { min, max } = subject.codec.versions;
        assert_eq!((schema.versions.first, schema.versions.last), (min, max));
        let Some((key, response)) = subject.codec.request else {
            assert_ne!(schema.kind, Kind::Request);
            continue;
        };
        apis += 1;
        assert_eq!(Some(key.code()), schema.id);
        assert_eq!(format!("{key}Request"), schema.name());
        assert_eq!(response, subject.codec.versions, "{key}");
        let stable = schema.unstable.map_or(max, |unstable| unstable - 1);
        assert_eq!(key.versions(), VersionRange { min, max: stable }, "{key}");
        for version in min..=max {
            assert_eq!(
                key.is_flexible(version),
                schema.flexible.contains(version),
                "{key}"
            );
        }
    }
    assert_eq!(apis, ApiKey::ALL.len());
}
