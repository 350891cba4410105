//! Consensus for the cluster metadata: a pure state machine without clock or I/O.
