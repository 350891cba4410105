//! Too much of what is allowed: clients that do not read, too many connections, too many closes.

use std::net::TcpStream;
use std::time::Duration;

use protocol::messages::metadata_request::{MetadataRequest, MetadataRequestTopic};

use crate::broker::{Broker, now, pause};
use crate::client::{Client, Reply};
use crate::requests;

#[test]
fn a_client_that_does_not_read_is_held_back() {
    let broker = Broker::start();
    let frames = requests::framed(&requests::api_versions()).repeat(1_000_000);
    let before = broker.peak_memory();
    let mut client = broker.client();
    let taken = client.flood(&frames, Duration::from_millis(300));
    assert!(
        taken < frames.len(),
        "all of {} MB was taken",
        frames.len() / 1_000_000
    );
    let cost = broker.peak_memory().saturating_sub(before);
    assert!(cost < 16 << 20, "{} MiB", cost >> 20);
    broker.serves();
    drop(client);
    broker.is_unharmed();
}

#[test]
fn large_answers_that_nobody_reads_are_bounded() {
    const CLIENTS: usize = 40;
    let broker = Broker::start();
    let response = broker
        .client()
        .call(7, &requests::create_topic("wide", 5_000, &[]));
    assert_eq!(response.topics[0].error_code, 0);
    let wide = MetadataRequestTopic {
        name: Some("wide".to_owned()),
        ..Default::default()
    };
    let request = MetadataRequest {
        topics: Some(vec![wide; 8]),
        ..Default::default()
    };
    let mut first = broker.client();
    first.send_request(12, &request);
    let Reply::Frame(answer) = first.reply() else {
        panic!("the topic is described")
    };
    assert!(answer.len() > 100_000, "{} bytes", answer.len());
    let before = broker.peak_memory();
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|_| {
            let mut client = broker.client();
            for _ in 0..64 {
                client.send_request(12, &request);
            }
            client
        })
        .collect();
    broker.serves();
    let cost = broker.peak_memory().saturating_sub(before) / CLIENTS as u64;
    assert!(
        cost < 8 * answer.len() as u64 + (1 << 20),
        "{cost} bytes a connection"
    );
    drop((clients, first));
    broker.is_unharmed_within(384 << 20);
}

#[test]
fn without_descriptors_the_broker_waits_for_some() {
    const DESCRIPTORS: u32 = 128;
    let broker = Broker::start_with_descriptors(DESCRIPTORS);
    let mut many: Vec<TcpStream> = (0..DESCRIPTORS)
        .map(|_| TcpStream::connect(broker.address).unwrap())
        .collect();
    broker.logs("cannot accept a connection");
    let (ticks, start) = (broker.cpu_ticks(), now());
    pause(Duration::from_secs(1));
    let busy = Duration::from_millis(10 * (broker.cpu_ticks() - ticks));
    assert!(
        busy < start.elapsed() / 4,
        "{busy:?} of {:?} busy without descriptors",
        start.elapsed()
    );
    many.truncate(DESCRIPTORS as usize / 4);
    broker.serves();
    let warnings = broker.log().matches("cannot accept a connection").count();
    assert!(warnings < 60, "{warnings} lines");
    drop(many);
    broker.is_unharmed();
}

#[test]
fn a_storm_of_connections_and_closes_is_survived_and_summed_up() {
    const CLOSES: usize = 2_000;
    let broker = Broker::start();
    let start = now();
    for _ in 0..CLOSES {
        let mut client = broker.client();
        client.send(b"GET /");
        client.is_closed();
    }
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap() + 2;
    broker.logs("more connections closed");
    let lines = broker.log().matches("no Kafka request but HTTP").count();
    assert!(lines <= 2 * 10 * seconds, "{lines} lines in {seconds} s");
    broker.is_unharmed();
}

#[test]
fn connections_beyond_the_limit_are_refused() {
    let broker = Broker::start_with(&["max.connections=20"]);
    let mut served: Vec<Client> = Vec::new();
    // the connection that saw the broker start may still count
    crate::broker::eventually("all within the limit are served", || {
        let mut client = broker.client();
        client.send_frame(&requests::api_versions());
        if client.reply() != Reply::Closed {
            served.push(client);
        }
        served.len() == 20
    });
    for _ in 0..50 {
        broker.client().is_closed();
    }
    broker.logs("max.connections is reached");
    drop(served);
    crate::broker::eventually("there is room again", || {
        let mut client = broker.client();
        client.send_frame(&requests::api_versions());
        client.reply() != Reply::Closed
    });
    broker.is_unharmed();
}
