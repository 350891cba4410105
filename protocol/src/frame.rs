//! The frame around every message: its length, and the headers of requests and responses. Pure.

use thiserror::Error;

use crate::api_key::ApiKey;
use crate::codec::{DecodeError, Reader, Writer};

/// No request is smaller: key, version, correlation id and the length of a client id.
pub const REQUEST_BYTES_MIN: usize = 10;

/// The length in front of a frame cannot be a request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes is too small for a request")]
    TooSmall(i32),
    #[error("a frame of {length} bytes exceeds the limit of {limit}")]
    TooLarge { length: i32, limit: usize },
    #[error("this is no Kafka request but {0}")]
    ForeignProtocol(&'static str),
}

/// The length of a request frame from its first four bytes.
///
/// # Errors
/// The length is negative, smaller than any request, or above the limit.
pub fn request_length(prefix: [u8; 4], limit: usize) -> Result<usize, FrameError> {
    let length = i32::from_be_bytes(prefix);
    let bytes = usize::try_from(length).map_err(|_| FrameError::TooSmall(length))?;
    if bytes < REQUEST_BYTES_MIN {
        return Err(FrameError::TooSmall(length));
    }
    if bytes > limit {
        return Err(match foreign_protocol(prefix) {
            Some(name) => FrameError::ForeignProtocol(name),
            None => FrameError::TooLarge { length, limit },
        });
    }
    Ok(bytes)
}

fn foreign_protocol(prefix: [u8; 4]) -> Option<&'static str> {
    match &prefix {
        b"GET " | b"POST" | b"PUT " | b"HEAD" | b"OPTI" | b"DELE" => Some("HTTP"),
        b"SSH-" => Some("SSH"),
        b"PROX" => Some("the PROXY protocol"),
        [0x16, 0x03, ..] => Some("TLS"),
        _ => None,
    }
}

/// What every request begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    pub api_key: i16,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
}

impl RequestHeader {
    /// Reads the header and leaves the reader at the body. The version is not checked against the
    /// API's range: an unsupported `ApiVersions` must still be answered.
    ///
    /// # Errors
    /// The API is unknown, so that the header's form is too, or the bytes are not a header.
    pub fn decode(reader: &mut Reader) -> Result<Self, DecodeError> {
        let api_key = reader.i16()?;
        let api_version = reader.i16()?;
        let correlation_id = reader.i32()?;
        let key = ApiKey::from_code(api_key).ok_or(DecodeError::UnknownApiKey(api_key))?;
        // the client id keeps its old form in flexible headers
        let client_id = reader.nullable_string()?;
        if key.is_flexible(api_version) {
            reader.skip_tagged_fields()?;
        }
        Ok(Self {
            api_key,
            api_version,
            correlation_id,
            client_id,
        })
    }

    /// Appends the header, in the form that its API and version ask for.
    pub fn encode(&self, writer: &mut Writer) {
        writer.i16(self.api_key);
        writer.i16(self.api_version);
        writer.i32(self.correlation_id);
        writer.nullable_string(self.client_id.as_deref());
        if ApiKey::from_code(self.api_key).is_some_and(|key| key.is_flexible(self.api_version)) {
            writer.empty_tagged_fields();
        }
    }
}

/// What every response begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHeader {
    pub correlation_id: i32,
}

impl ResponseHeader {
    /// Reads the header of a response to a request of this API and version.
    ///
    /// # Errors
    /// The bytes are not a header.
    pub fn decode(reader: &mut Reader, key: ApiKey, version: i16) -> Result<Self, DecodeError> {
        let correlation_id = reader.i32()?;
        if key.response_header_version(version) >= 1 {
            reader.skip_tagged_fields()?;
        }
        Ok(Self { correlation_id })
    }

    /// Appends the header of a response to a request of this API and version.
    pub fn encode(&self, writer: &mut Writer, key: ApiKey, version: i16) {
        writer.i32(self.correlation_id);
        if key.response_header_version(version) >= 1 {
            writer.empty_tagged_fields();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{FrameError, RequestHeader, ResponseHeader, request_length};
    use crate::api_key::ApiKey;
    use crate::codec::{DecodeError, Reader, Writer};

    const LIMIT: usize = 104_857_600;

    fn header(key: ApiKey, version: i16) -> RequestHeader {
        RequestHeader {
            api_key: key.code(),
            api_version: version,
            correlation_id: -7,
            client_id: Some("client".to_owned()),
        }
    }

    #[test]
    fn lengths_outside_the_limits_are_refused() {
        for length in [i32::MIN, -1, 0, 3, 9] {
            assert_eq!(
                request_length(length.to_be_bytes(), LIMIT),
                Err(FrameError::TooSmall(length))
            );
        }
        assert_eq!(request_length(10_i32.to_be_bytes(), LIMIT), Ok(10));
        assert_eq!(
            request_length(104_857_600_i32.to_be_bytes(), LIMIT),
            Ok(LIMIT)
        );
        for length in [104_857_601, i32::MAX] {
            let error = FrameError::TooLarge {
                length,
                limit: LIMIT,
            };
            assert_eq!(request_length(length.to_be_bytes(), LIMIT), Err(error));
        }
        assert_eq!(
            request_length(*b"GET ", LIMIT),
            Err(FrameError::ForeignProtocol("HTTP"))
        );
        let hello = [0x16, 3, 1, 2];
        assert_eq!(
            request_length(hello, LIMIT),
            Err(FrameError::ForeignProtocol("TLS"))
        );
    }

    #[test]
    fn headers_round_trip_for_every_api_and_version() {
        for key in ApiKey::ALL {
            for version in key.versions().min..=key.versions().max {
                let mut writer = Writer::new();
                header(*key, version).encode(&mut writer);
                assert_eq!(
                    writer.len(),
                    if key.request_header_version(version) == 2 {
                        17
                    } else {
                        16
                    }
                );
                let mut reader = Reader::new(writer.freeze());
                assert_eq!(
                    RequestHeader::decode(&mut reader),
                    Ok(header(*key, version))
                );
                assert!(reader.is_empty());

                let response = ResponseHeader { correlation_id: 5 };
                let mut writer = Writer::new();
                response.encode(&mut writer, *key, version);
                let mut reader = Reader::new(writer.freeze());
                assert_eq!(
                    ResponseHeader::decode(&mut reader, *key, version),
                    Ok(response)
                );
                assert!(reader.is_empty());
            }
        }
    }

    #[test]
    fn header_of_unknown_api_is_refused() {
        let mut writer = Writer::new();
        let unknown = RequestHeader {
            api_key: 9999,
            ..header(ApiKey::Fetch, 4)
        };
        unknown.encode(&mut writer);
        let mut reader = Reader::new(writer.freeze());
        assert_eq!(
            RequestHeader::decode(&mut reader),
            Err(DecodeError::UnknownApiKey(9999))
        );
    }

    #[test]
    fn header_tags_are_skipped_up_to_a_limit() {
        let mut writer = Writer::new();
        header(ApiKey::ApiVersions, 3).encode(&mut writer);
        let mut start = writer.as_slice().to_vec();
        assert_eq!(start.pop(), Some(0));
        let with = |tail: &[u8]| {
            let bytes = Bytes::from([start.as_slice(), tail].concat());
            RequestHeader::decode(&mut Reader::new(bytes))
        };
        assert_eq!(
            with(&[2, 9, 1, 7, 4, 0]),
            Ok(header(ApiKey::ApiVersions, 3))
        );
        assert_eq!(
            with(&[0xff, 0xff, 0xff, 0x7f]),
            Err(DecodeError::TooManyTaggedFields(0x0fff_ffff))
        );
        let end = DecodeError::UnexpectedEnd {
            needed: 200,
            remaining: 1,
        };
        assert_eq!(with(&[1, 9, 0xc8, 1, 0]), Err(end));
    }
}
