//! Lengths, torn and foreign frames, half-closed and reset connections.

use std::net::TcpStream;
use std::time::Duration;

use protocol::api_key::ApiKey;
use protocol::messages::api_versions_request::ApiVersionsRequest;
use protocol::messages::produce_request::ProduceRequest;
use protocol::messages::produce_response::ProduceResponse;

use crate::broker::{Broker, HONEST, now};
use crate::client::Reply;
use crate::requests;

/// Connections that say nothing; each costs the broker a descriptor and little else.
const SILENT: usize = 500;
const SILENT_BYTES_MAX: u64 = 20 << 10;

#[test]
fn impossible_lengths_close_at_once() {
    let broker = Broker::start();
    let lengths = [-1, i32::MIN, 0, 3, 9, i32::MAX, 104_857_601];
    for length in lengths {
        let mut client = broker.client();
        client.send(&length.to_be_bytes());
        client.is_closed();
    }
    broker.logs("connection closed: a frame of 104857601 bytes exceeds the limit of 104857600");
    broker.is_unharmed();
}

#[test]
fn other_protocols_are_named_in_the_log_and_closed() {
    let broker = Broker::start();
    let banners: [(&[u8], Option<&str>); 6] = [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", Some("HTTP")),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Some("TLS")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Some("SSH")),
        (
            b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
            Some("the PROXY protocol"),
        ),
        (b"EHLO example.org\r\n", None),
        (b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7", None),
    ];
    for (banner, name) in banners {
        let mut client = broker.client();
        client.send(banner);
        client.is_closed();
        if let Some(name) = name {
            broker.logs(&format!("no Kafka request but {name}"));
        }
    }
    broker.is_unharmed();
}

#[test]
fn a_request_is_answered_although_its_sender_has_finished() {
    let broker = Broker::start();
    let mut client = broker.client();
    let batch = requests::batch(&[(None, Some(b"last words"))]);
    client.send_request(9, &requests::produce(HONEST, -1, vec![(0, Some(batch))]));
    client.send_request(0, &ApiVersionsRequest::default());
    client.finish_sending();
    let response: ProduceResponse = client.response::<ProduceRequest>(9);
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
    assert_eq!(client.response::<ApiVersionsRequest>(0).error_code, 0);
    client.is_closed();
    broker.is_unharmed();
}

#[test]
fn a_fetch_that_waits_ends_with_its_connection() {
    let broker = Broker::start();
    let mut fetch = requests::fetch(HONEST, 1_000);
    fetch.topics[0].partitions[0].fetch_offset = broker.client().fetch(HONEST, 0).high_watermark;
    fetch.max_wait_ms = i32::MAX;
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let mut client = broker.client();
            client.send_request(12, &fetch);
            client
        })
        .collect();
    let mut last = broker.client();
    last.send_request(12, &fetch);
    last.finish_sending();
    let Reply::Frame(_) = last.reply() else {
        panic!("the fetch of a half-closed client is answered")
    };
    last.is_closed();
    drop(clients);
    broker.is_unharmed();
}

#[test]
fn a_torn_frame_closes() {
    let broker = Broker::start();
    let frame = requests::framed(&requests::api_versions());
    for bytes in [&frame[..2], &frame[..4], &frame[..9]] {
        let mut client = broker.client();
        client.send(bytes);
        client.finish_sending();
        client.is_closed();
    }
    let mut large = 1_000_000_i32.to_be_bytes().to_vec();
    large.resize(300_000, 0);
    let mut client = broker.client();
    client.send(&large);
    client.finish_sending();
    client.is_closed();
    broker.is_unharmed();
}

#[test]
fn resets_leave_nothing_behind() {
    let broker = Broker::start();
    let value = vec![7; 900_000];
    let produced = broker
        .client()
        .produce(HONEST, requests::batch(&[(None, Some(&value))]));
    assert_eq!(produced.error_code, 0);
    for _ in 0..50 {
        let mut reading = broker.client();
        for _ in 0..10 {
            reading.send_request(12, &requests::fetch(HONEST, produced.base_offset));
        }
        reading.reset();
        let mut writing = broker.client();
        writing.send(&requests::framed(&requests::api_versions())[..9]);
        writing.reset();
    }
    broker.is_unharmed();
}

#[test]
fn bytes_behind_the_request_are_ignored_within_the_frame() {
    let broker = Broker::start();
    let mut client = broker.client();
    let mut frame = requests::request(ApiKey::DescribeCluster, 0, |writer| {
        writer.bool(false);
        writer.empty_tagged_fields();
    });
    frame.extend_from_slice(&[0xff; 300]);
    client.send_frame(&frame);
    client.send_frame(&requests::api_versions());
    for _ in 0..2 {
        let answer = client.frame();
        assert_eq!(answer[..4], 1_i32.to_be_bytes(), "the correlation id");
        assert_eq!(answer[4..6], [0, 0], "no error");
    }
    broker.is_unharmed();
}

#[test]
fn silent_connections_cost_little_and_are_closed_when_idle() {
    let broker = Broker::start_with(&["connections.max.idle.ms=1000"]);
    let before = broker.peak_memory();
    let mut drip = broker.client();
    drip.send(&[0]);
    let mut slow = broker.client();
    slow.send(&[0, 0, 1, 0, 0]);
    let silent: Vec<TcpStream> = (0..SILENT)
        .map(|_| TcpStream::connect(broker.address).unwrap())
        .collect();
    broker.serves();
    let cost = broker.peak_memory().saturating_sub(before) / SILENT as u64;
    assert!(cost < SILENT_BYTES_MAX, "{cost} bytes a connection");
    let start = now();
    drip.is_closed();
    slow.is_closed();
    assert!(
        start.elapsed() < Duration::from_secs(12),
        "after {:?}",
        start.elapsed()
    );
    broker.logs("connections.max.idle.ms");
    broker.is_unharmed();
    drop(silent);
}
