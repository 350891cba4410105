//! One entry of the table of messages: the generated code behind plain function pointers.

use bytes::Bytes;
use protocol::api_key::{ApiKey, VersionRange};
use protocol::codec::{DecodeError, Message, Reader, Request, Writer};

#[derive(Debug)]
pub(crate) struct Codec {
    pub(crate) name: &'static str,
    pub(crate) versions: VersionRange,
    /// The API and the response's versions, of a request.
    pub(crate) request: Option<(ApiKey, VersionRange)>,
    pub(crate) recode: fn(Bytes, i16) -> Result<Recoded, DecodeError>,
    pub(crate) decode: fn(Bytes, i16) -> Result<(), DecodeError>,
}

/// A decoded value, encoded again.
#[derive(Debug)]
pub(crate) struct Recoded {
    pub(crate) bytes: Bytes,
    /// How many of the input's bytes the value took.
    pub(crate) read: usize,
}

impl Codec {
    pub(crate) const fn of<M: Message>(name: &'static str) -> Self {
        Self {
            name,
            versions: M::VERSIONS,
            request: None,
            recode: recode::<M>,
            decode: decode::<M>,
        }
    }

    pub(crate) const fn request<R: Request>(name: &'static str) -> Self {
        Self {
            request: Some((R::KEY, R::Response::VERSIONS)),
            ..Self::of::<R>(name)
        }
    }
}

fn decode<M: Message>(bytes: Bytes, version: i16) -> Result<(), DecodeError> {
    M::decode(&mut Reader::new(bytes), version).map(drop)
}

fn recode<M: Message>(bytes: Bytes, version: i16) -> Result<Recoded, DecodeError> {
    let mut reader = Reader::new(bytes);
    let value = M::decode(&mut reader, version)?;
    let mut writer = Writer::new();
    value.encode(&mut writer, version);
    Ok(Recoded {
        bytes: writer.freeze(),
        read: reader.position(),
    })
}
