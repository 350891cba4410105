//! The Kafka wire protocol: bytes to values and back. No runtime, no I/O, no unsafe.
