//! Which partition of an internal topic coordinates a group or a transactional id. Pure.
//! Kafka's rule: the absolute value of the Java string hash, modulo the number of partitions.

/// The index of the partition of `key` among `partitions`; `None` when there are none.
pub(crate) fn partition_of(key: &str, partitions: i32) -> Option<i32> {
    let hash = java_hash(key).checked_abs().unwrap_or(0);
    hash.checked_rem(partitions)
}

fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fall_where_kafka_puts_them() {
        // `"...".hashCode()` in Java
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        assert_eq!(partition_of("hello", 50), Some(22));
        assert_eq!(partition_of("polygenelubricants", 50), Some(0));
        assert_eq!(partition_of("hello", 0), None);
    }

    #[test]
    fn characters_beyond_sixteen_bits_count_as_java_counts_them() {
        assert_eq!(java_hash("\u{1F600}"), 0xD83D * 31 + 0xDE00);
    }
}
