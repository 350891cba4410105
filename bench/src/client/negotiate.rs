//! Which version of each API a connection speaks: the newest that both sides know. Shell, around
//! one rule. A broker older than our newest `ApiVersions` says so in version 0 of it, with the
//! range that it has.

use std::collections::BTreeMap;

use protocol::api_key::{ApiKey, VersionRange};
use protocol::codec::{Message, Request};
use protocol::error_code::ErrorCode;
use protocol::messages::api_versions_request::ApiVersionsRequest;
use protocol::messages::api_versions_response::ApiVersionsResponse;

use super::connection::{Connection, ConnectionError};

/// What a broker offers.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    ranges: BTreeMap<i16, VersionRange>,
    /// The levels of the cluster's features.
    pub(crate) features: BTreeMap<String, i16>,
}

impl Versions {
    /// The newest version of an API that both sides know.
    pub(crate) fn newest<R: Request>(&self) -> Option<i16> {
        let (schema, served) = (R::VERSIONS, R::KEY.versions());
        let offered = self.ranges.get(&R::KEY.code())?;
        let newest = schema.max.min(served.max).min(offered.max);
        (newest >= schema.min.max(offered.min)).then_some(newest)
    }
}

impl From<&ApiVersionsResponse> for Versions {
    fn from(response: &ApiVersionsResponse) -> Self {
        let range = |min, max| VersionRange { min, max };
        let offered = response.api_keys.iter();
        let features = response.finalized_features.iter();
        Self {
            ranges: offered
                .map(|api| (api.api_key, range(api.min_version, api.max_version)))
                .collect(),
            features: features
                .map(|feature| (feature.name.clone(), feature.max_version_level))
                .collect(),
        }
    }
}

/// Asks the broker what it speaks.
pub(crate) async fn negotiate(connection: &mut Connection) -> Result<Versions, ConnectionError> {
    let request = ApiVersionsRequest {
        client_software_name: env!("CARGO_PKG_NAME").to_owned(),
        client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let mut version = ApiVersionsRequest::VERSIONS.max;
    loop {
        connection.outlet.send(&request, version).await?;
        let frame = connection.inlet.frame().await?;
        let refused = is_refused(&frame);
        let read_as = if refused { 0 } else { version };
        let response = connection
            .inlet
            .decode::<ApiVersionsRequest>(frame, read_as)?;
        let versions = Versions::from(&response);
        if !refused && response.error_code == ErrorCode::None.code() {
            return Ok(versions);
        }
        let older = versions.newest::<ApiVersionsRequest>().unwrap_or(0);
        if older >= version {
            return Err(ConnectionError::NoVersion(ApiKey::ApiVersions));
        }
        version = older;
    }
}

/// The error code is the first field behind the header, in every version.
fn is_refused(frame: &[u8]) -> bool {
    let code = ErrorCode::UnsupportedVersion.code().to_be_bytes();
    frame
        .get(size_of::<i32>()..)
        .is_some_and(|body| body.starts_with(&code))
}

#[cfg(test)]
mod tests {
    use protocol::messages::api_versions_response::ApiVersion;
    use protocol::messages::produce_request::ProduceRequest;

    use super::*;

    fn offering(min_version: i16, max_version: i16) -> Versions {
        let api = ApiVersion {
            api_key: ApiKey::Produce.code(),
            min_version,
            max_version,
        };
        let response = ApiVersionsResponse {
            api_keys: vec![api],
            ..ApiVersionsResponse::default()
        };
        Versions::from(&response)
    }

    #[test]
    fn the_newest_version_that_both_know_is_chosen() {
        let newest = ProduceRequest::VERSIONS.max;
        for (min, max, chosen) in [
            (0, newest, Some(newest)),
            (0, 9, Some(9)),
            (0, 2, None),
            (3, newest + 2, Some(newest)),
            (newest + 1, newest + 2, None),
        ] {
            let offered = offering(min, max);
            assert_eq!(offered.newest::<ProduceRequest>(), chosen, "{min} to {max}");
        }
        assert_eq!(Versions::default().newest::<ProduceRequest>(), None);
    }
}
