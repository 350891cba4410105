//! A batch in another codec than the one it came in, as `compression.type` of its topic asks. Pure.

use super::batch::{BATCH_HEADER_BYTES, BatchHeader, LOG_OVERHEAD_BYTES, seal};
use super::compression::{Compression, compress};
use super::error::BatchError;
use super::record::records_of;

const CODEC_BITS: i16 = 0b111;

/// The same records under the same header, with their payload in `codec`.
///
/// # Errors
/// The payload does not decompress, or not to at most `bytes_max` bytes; or it has become too long
/// for a batch.
pub fn recompress(
    batch: &[u8],
    header: &BatchHeader,
    codec: Compression,
    level: Option<i32>,
    bytes_max: usize,
) -> Result<Vec<u8>, BatchError> {
    let payload = records_of(batch, header, bytes_max)?;
    let mut out = Vec::with_capacity(batch.len());
    out.extend_from_slice(&[0; BATCH_HEADER_BYTES]);
    compress(codec, level, &payload, &mut out)?;
    let bytes = out.len();
    let too_large = |_| BatchError::TooLarge { bytes, bytes_max };
    let header = BatchHeader {
        batch_length: i32::try_from(bytes - LOG_OVERHEAD_BYTES).map_err(too_large)?,
        attributes: (header.attributes & !CODEC_BITS) | codec.id(),
        ..*header
    };
    if let Some(start) = out.first_chunk_mut() {
        *start = header.to_bytes();
    }
    seal(&mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::batch::check_crc;
    use super::super::builder::{BatchBuilder, BatchOptions};
    use super::*;

    #[test]
    fn every_codec_becomes_every_other() {
        for from in Compression::ALL {
            let mut builder = BatchBuilder::new(BatchOptions {
                compression: from,
                ..BatchOptions::default()
            });
            for time in 0..50 {
                builder.append(time, Some(b"key"), Some(&[7; 100]), &[]);
            }
            let batch = builder.build();
            let header = BatchHeader::parse(&batch).unwrap();
            let records = records_of(&batch, &header, 1 << 20).unwrap();
            for to in Compression::ALL {
                let other = recompress(&batch, &header, to, None, 1 << 20).unwrap();
                let changed = BatchHeader::parse(&other).unwrap();
                assert_eq!(changed.compression(), Ok(to));
                assert_eq!(changed.size_bytes(), other.len());
                check_crc(&other, &changed).unwrap();
                assert_eq!(records_of(&other, &changed, 1 << 20).unwrap(), records);
                let same = |header: &BatchHeader| BatchHeader {
                    attributes: 0,
                    batch_length: 0,
                    crc: 0,
                    ..*header
                };
                assert_eq!(same(&changed), same(&header));
            }
        }
    }
}
