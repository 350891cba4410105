//! The five codecs of record batches. Pure. Output is bounded by the caller and grows as it is
//! produced, so that neither a stated length nor a bomb decides what is allocated.
//! Snappy comes in two dialects: Java frames it (xerial), librdkafka may send it raw.

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::error::BatchError;
use super::record::RecordFacts;
use super::stream::RecordStream;

/// How much one batch may hold when nothing else is configured.
pub const DECOMPRESSED_BYTES_MAX: usize = 128 << 20;

/// What is decompressed at a time when the records are only looked at.
const WINDOW_BYTES: usize = 16 << 10;
/// Level 22 of zstd needs this window; larger ones are refused.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
const XERIAL_MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// Magic, version, and the oldest version that can read it.
const XERIAL_HEADER: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
const XERIAL_BLOCK_BYTES: usize = 32 << 10;
/// Three bytes of snappy can stand for at most 64.
const SNAPPY_RATIO_MAX: usize = 22;

/// A batch's codec, by the number in its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl Compression {
    /// Every codec, by its number.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec of the attributes' lowest three bits.
    #[must_use]
    pub fn from_id(id: i16) -> Option<Self> {
        Self::ALL.get(usize::try_from(id).ok()?).copied()
    }

    /// The number in the attributes.
    #[must_use]
    pub fn id(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd => 4,
        }
    }

    /// The name in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// Why a payload does not decompress.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompressionError {
    #[error("more than {bytes_max} bytes come out")]
    TooLarge { bytes_max: usize },
    #[error("the {} data are malformed: {reason}", codec.name())]
    Malformed { codec: Compression, reason: String },
}

/// Decompresses a whole payload to at most `bytes_max` bytes.
///
/// # Errors
/// The data are malformed or truncated, or more would come out.
pub fn decompress(
    codec: Compression,
    payload: &[u8],
    bytes_max: usize,
) -> Result<Vec<u8>, CompressionError> {
    let malformed = |error: io::Error| CompressionError::Malformed {
        codec,
        reason: error.to_string(),
    };
    let mut out = Output {
        bytes: Vec::new(),
        bytes_max,
    };
    match codec {
        Compression::None => out.fill_from(payload),
        Compression::Gzip => out.fill_from(MultiGzDecoder::new(payload)),
        Compression::Snappy => decompress_snappy(payload, &mut out),
        Compression::Lz4 => decompress_lz4(payload, &mut out),
        Compression::Zstd => zstd_reader(payload).and_then(|reader| out.fill_from(reader)),
    }
    .map_err(malformed)?;
    if out.bytes.len() > bytes_max {
        return Err(CompressionError::TooLarge { bytes_max });
    }
    Ok(out.bytes)
}

/// Hands the records of a payload to `look`, as they come out of it, a window at a time.
///
/// # Errors
/// Those of `look`; or the payload cannot be decompressed at all.
pub(super) fn with_decompressed<T>(
    codec: Compression,
    payload: &[u8],
    bytes_max: usize,
    look: impl FnOnce(
        &mut dyn Iterator<Item = Result<RecordFacts, BatchError>>,
    ) -> Result<T, BatchError>,
) -> Result<T, BatchError> {
    let malformed = |error: io::Error| CompressionError::Malformed {
        codec,
        reason: error.to_string(),
    };
    match codec {
        Compression::None => look(&mut RecordStream::new(payload, codec, bytes_max)),
        Compression::Gzip => {
            let reader = windowed(MultiGzDecoder::new(payload));
            look(&mut RecordStream::new(reader, codec, bytes_max))
        }
        Compression::Snappy => {
            let blocks = SnappyBlocks::new(payload, bytes_max);
            look(&mut RecordStream::new(blocks, codec, bytes_max))
        }
        Compression::Lz4 => {
            let reader = windowed(Lz4Frames::new(payload));
            look(&mut RecordStream::new(reader, codec, bytes_max))
        }
        Compression::Zstd => {
            let reader = windowed(zstd_reader(payload).map_err(malformed)?);
            look(&mut RecordStream::new(reader, codec, bytes_max))
        }
    }
}

fn windowed<R: Read>(reader: R) -> BufReader<R> {
    BufReader::with_capacity(WINDOW_BYTES, reader)
}

/// Appends the compressed payload to `out`. The level is for gzip and zstd; `None` is the codec's
/// own default.
///
/// # Errors
/// The codec refuses the level.
pub fn compress(
    codec: Compression,
    level: Option<i32>,
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), CompressionError> {
    match codec {
        Compression::None => out.write_all(payload),
        Compression::Gzip => compress_gzip(level, payload, out),
        Compression::Snappy => compress_snappy(payload, out),
        Compression::Lz4 => compress_lz4(payload, out),
        Compression::Zstd => zstd::stream::copy_encode(payload, out, level.unwrap_or_default()),
    }
    .map_err(|error| CompressionError::Malformed {
        codec,
        reason: error.to_string(),
    })
}

/// What came out so far; one byte more than allowed tells that there is more.
struct Output {
    bytes: Vec<u8>,
    bytes_max: usize,
}

impl Output {
    fn room(&self) -> usize {
        (self.bytes_max.saturating_add(1)).saturating_sub(self.bytes.len())
    }

    fn fill_from(&mut self, reader: impl Read) -> io::Result<()> {
        let room = u64::try_from(self.room()).unwrap_or(u64::MAX);
        reader.take(room).read_to_end(&mut self.bytes)?;
        Ok(())
    }

    fn append_snappy(&mut self, block: &[u8]) -> io::Result<()> {
        let length = snap::raw::decompress_len(block)?;
        if length > block.len().saturating_mul(SNAPPY_RATIO_MAX) {
            return Err(invalid("a snappy block states an impossible length"));
        }
        let start = self.bytes.len();
        if length >= self.room() {
            self.bytes.resize(start + self.room(), 0);
            return Ok(());
        }
        self.bytes.resize(start + length, 0);
        let into = self.bytes.get_mut(start..).unwrap_or_default();
        let written = snap::raw::Decoder::new().decompress(block, into)?;
        self.bytes.truncate(start + written);
        Ok(())
    }
}

fn zstd_reader(payload: &[u8]) -> io::Result<impl Read> {
    let mut reader = zstd::stream::read::Decoder::with_buffer(payload)?;
    reader.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(reader)
}

/// Concatenated frames are one payload, although the decoder ends after each.
struct Lz4Frames<'a> {
    decoder: FrameDecoder<&'a [u8]>,
    /// From the start of the frame that is being read.
    payload: &'a [u8],
}

impl<'a> Lz4Frames<'a> {
    fn new(payload: &'a [u8]) -> Self {
        Self {
            decoder: FrameDecoder::new(payload),
            payload,
        }
    }
}

impl Read for Lz4Frames<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.decoder.read(into)?;
            if read > 0 || self.payload.is_empty() {
                return Ok(read);
            }
            let behind = *self.decoder.get_ref();
            let frame_bytes = self.payload.len() - behind.len();
            if !has_lz4_end(self.payload.get(..frame_bytes).unwrap_or_default()) {
                return Err(invalid("an lz4 frame is truncated"));
            }
            *self = Self::new(behind);
        }
    }
}

/// The blocks of a snappy payload, one at a time; a payload without framing is one block.
struct SnappyBlocks<'a> {
    rest: &'a [u8],
    framed: bool,
    out: Output,
    /// Bytes of `out` that are used.
    used: usize,
    bytes_max: usize,
}

impl<'a> SnappyBlocks<'a> {
    fn new(payload: &'a [u8], bytes_max: usize) -> Self {
        let framed = payload.starts_with(&XERIAL_MAGIC);
        Self {
            rest: payload,
            framed,
            out: Output {
                bytes: Vec::new(),
                bytes_max,
            },
            used: 0,
            bytes_max,
        }
    }

    fn next_block(&mut self) -> io::Result<()> {
        self.used = 0;
        self.out.bytes.clear();
        self.out.bytes_max = self.bytes_max;
        if !self.framed {
            return self.out.append_snappy(std::mem::take(&mut self.rest));
        }
        if self.rest.starts_with(&XERIAL_MAGIC) {
            let behind = self.rest.get(XERIAL_HEADER.len()..);
            self.rest = behind.ok_or_else(|| invalid("the snappy header is truncated"))?;
            if self.rest.is_empty() {
                return Ok(());
            }
        }
        let (block, behind) = xerial_block(self.rest)?;
        self.rest = behind;
        self.out.append_snappy(block)
    }
}

impl Read for SnappyBlocks<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for SnappyBlocks<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.used == self.out.bytes.len() && !self.rest.is_empty() {
            self.next_block()?;
        }
        Ok(self.out.bytes.get(self.used..).unwrap_or_default())
    }

    fn consume(&mut self, bytes: usize) {
        self.used += bytes;
    }
}

/// The first block of what follows a snappy header, and what follows the block.
fn xerial_block(rest: &[u8]) -> io::Result<(&[u8], &[u8])> {
    let Some((length, behind)) = rest.split_first_chunk() else {
        return Err(invalid("a snappy block's length is truncated"));
    };
    let length = usize::try_from(i32::from_be_bytes(*length))
        .map_err(|_| invalid("a snappy block's length is negative"))?;
    behind
        .split_at_checked(length)
        .ok_or_else(|| invalid("a snappy block is truncated"))
}

/// As [`Lz4Frames`], all at once.
fn decompress_lz4(payload: &[u8], out: &mut Output) -> io::Result<()> {
    let mut rest = payload;
    loop {
        let mut decoder = FrameDecoder::new(rest);
        out.fill_from(&mut decoder)?;
        if out.room() == 0 {
            return Ok(());
        }
        let behind = decoder.into_inner();
        let frame = rest.get(..rest.len() - behind.len()).unwrap_or_default();
        if !has_lz4_end(frame) {
            return Err(invalid("an lz4 frame is truncated"));
        }
        if behind.is_empty() {
            return Ok(());
        }
        rest = behind;
    }
}

/// The decoder takes an end of input between blocks for the end of the frame; a whole frame
/// ends with four zero bytes, and a checksum if its flags say so.
fn has_lz4_end(frame: &[u8]) -> bool {
    const HEADER_BYTES_MIN: usize = 7;
    const DICTIONARY_ID: u8 = 1;
    const CONTENT_CHECKSUM: u8 = 1 << 2;
    const CONTENT_SIZE: u8 = 1 << 3;
    let flags = frame.get(4).copied().unwrap_or_default();
    let bytes_for = |flag, bytes| if flags & flag == 0 { 0 } else { bytes };
    let header_bytes = HEADER_BYTES_MIN + bytes_for(CONTENT_SIZE, 8) + bytes_for(DICTIONARY_ID, 4);
    let end = frame.len().saturating_sub(bytes_for(CONTENT_CHECKSUM, 4));
    let blocks = frame.get(header_bytes..end).unwrap_or_default();
    blocks.ends_with(&[0; 4])
}

fn decompress_snappy(payload: &[u8], out: &mut Output) -> io::Result<()> {
    if !payload.starts_with(&XERIAL_MAGIC) {
        return out.append_snappy(payload);
    }
    let Some(mut rest) = payload.get(XERIAL_HEADER.len()..) else {
        return Err(invalid("the snappy header is truncated"));
    };
    while !rest.is_empty() && out.room() > 0 {
        let (block, behind) = xerial_block(rest)?;
        out.append_snappy(block)?;
        rest = behind;
    }
    Ok(())
}

fn compress_gzip(level: Option<i32>, payload: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let level = match level.map(u32::try_from) {
        Some(Ok(level @ 0..=9)) => flate2::Compression::new(level),
        None | Some(Err(_)) => flate2::Compression::default(),
        Some(Ok(_)) => return Err(invalid("gzip has the levels 0 to 9")),
    };
    let mut encoder = GzEncoder::new(out, level);
    encoder.write_all(payload)?;
    encoder.finish().map(drop)
}

fn compress_snappy(payload: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.write_all(&XERIAL_HEADER)?;
    let mut encoder = snap::raw::Encoder::new();
    for chunk in payload.chunks(XERIAL_BLOCK_BYTES) {
        let block = encoder.compress_vec(chunk)?;
        let length = i32::try_from(block.len()).map_err(|_| invalid("the block is too long"))?;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(&block)?;
    }
    Ok(())
}

/// Java reads independent blocks only.
fn compress_lz4(payload: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let info = FrameInfo::new()
        .block_mode(BlockMode::Independent)
        .block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, out);
    encoder.write_all(payload)?;
    encoder.finish()?;
    Ok(())
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: usize = 1 << 20;

    fn compressed(codec: Compression, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        compress(codec, None, payload, &mut out).unwrap();
        out
    }

    fn text() -> Vec<u8> {
        b"the quick brown fox jumps over the lazy dog ".repeat(4_000)
    }

    #[test]
    fn every_codec_returns_the_payload() {
        for codec in Compression::ALL {
            for payload in [Vec::new(), b"x".to_vec(), text()] {
                let small = compressed(codec, &payload);
                assert_eq!(
                    decompress(codec, &small, CAP).unwrap(),
                    payload,
                    "{codec:?}"
                );
                assert_eq!(decompress(codec, &small, payload.len()).unwrap(), payload);
            }
        }
    }

    #[test]
    fn one_byte_over_the_cap_is_refused() {
        for codec in Compression::ALL {
            let small = compressed(codec, &text());
            let bytes_max = text().len() - 1;
            assert_eq!(
                decompress(codec, &small, bytes_max),
                Err(CompressionError::TooLarge { bytes_max }),
                "{codec:?}"
            );
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        for codec in Compression::ALL.into_iter().skip(1) {
            let small = compressed(codec, &text()[..5_000]);
            for length in 0..small.len() {
                let got = decompress(codec, &small[..length], CAP);
                assert!(
                    got.is_err() || codec == Compression::Snappy && length == XERIAL_HEADER.len(),
                    "{codec:?} cut at {length} of {} gives {got:?}",
                    small.len()
                );
            }
        }
    }

    #[test]
    fn levels_are_obeyed() {
        for (codec, low, high) in [(Compression::Gzip, 1, 9), (Compression::Zstd, 1, 19)] {
            let mut fast = Vec::new();
            let mut dense = Vec::new();
            let noise: Vec<u8> = (0..40_000_u32)
                .map(|i| (i * i / 7).to_le_bytes()[0] & 15)
                .collect();
            compress(codec, Some(low), &noise, &mut fast).unwrap();
            compress(codec, Some(high), &noise, &mut dense).unwrap();
            assert_ne!(fast, dense);
            assert_eq!(decompress(codec, &dense, CAP).unwrap(), noise);
        }
        assert!(compress(Compression::Gzip, Some(10), b"", &mut Vec::new()).is_err());
    }

    #[test]
    fn snappy_is_read_raw_and_framed() {
        let raw = snap::raw::Encoder::new().compress_vec(&text()).unwrap();
        assert_eq!(decompress(Compression::Snappy, &raw, CAP).unwrap(), text());
        assert!(compressed(Compression::Snappy, &text()).starts_with(&XERIAL_HEADER));
    }

    #[test]
    fn a_hostile_snappy_length_is_refused() {
        let mut framed = XERIAL_HEADER.to_vec();
        framed.extend((-1_i32).to_be_bytes());
        assert!(decompress(Compression::Snappy, &framed, CAP).is_err());
        // a raw block that states 4 GiB in six bytes
        let raw = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
        assert!(matches!(
            decompress(Compression::Snappy, &raw, usize::MAX),
            Err(CompressionError::Malformed { .. })
        ));
    }

    #[test]
    fn concatenated_frames_are_one_payload() {
        for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
            let twice = [compressed(codec, b"one "), compressed(codec, b"two")].concat();
            assert_eq!(
                decompress(codec, &twice, CAP).unwrap(),
                b"one two",
                "{codec:?}"
            );
        }
    }

    #[test]
    fn lz4_is_written_as_java_reads_it() {
        let frame = compressed(Compression::Lz4, &text());
        assert_eq!(frame[..7], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
    }

    #[test]
    fn lz4_frames_with_checksums_and_sizes_are_read() {
        let info = FrameInfo::new()
            .block_mode(BlockMode::Linked)
            .block_size(BlockSize::Max256KB)
            .block_checksums(true)
            .content_checksum(true)
            .content_size(Some(text().len() as u64));
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&text()).unwrap();
        let frame = encoder.finish().unwrap();
        assert_eq!(decompress(Compression::Lz4, &frame, CAP).unwrap(), text());
        for length in 0..frame.len() {
            let got = decompress(Compression::Lz4, &frame[..length], CAP);
            assert!(got.is_err(), "cut at {length} of {}", frame.len());
        }
    }

    #[test]
    fn a_zstd_window_of_two_gib_is_refused() {
        // Magic, a descriptor without content size, window log 31, one empty last block.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3, 1, 0, 0];
        assert!(decompress(Compression::Zstd, &frame, CAP).is_err());
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (20 - 10) << 3, 1, 0, 0];
        assert_eq!(decompress(Compression::Zstd, &frame, CAP).unwrap(), b"");
    }
}
