//! One producer's connection to one broker: requests go out as long as fewer than allowed are in
//! flight, and answers settle their batches. Shell. When the connection breaks, or the broker
//! says that a batch may succeed later, what is unanswered is sent again in its old order.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::future;
use protocol::error_code::ErrorCode;
use protocol::frame::RequestHeader;
use protocol::messages::produce_request::ProduceRequest;
use protocol::messages::produce_response::{PartitionProduceResponse, ProduceResponse};
use storage::ring::SendPart;
use storage::tasks;

use super::accumulator::Loaded;
use super::producer::Producer;
use super::signal::Signal;
use crate::client::connection::{Connection, ConnectionError, Inlet, Outlet};
use crate::client::produce_frame::{self, TopicBatches};
use crate::client::refusal::Refusal;
use crate::measure::now;

/// Between two attempts to reach a broker, or to store a batch.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a link cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("partition {partition}: {refusal}")]
    Refused { partition: i32, refusal: Refusal },
    #[error("an answer is not about the partition that was written to")]
    Foreign,
    #[error("partition {0}: records were stored before ones that were sent earlier")]
    Backwards(i32),
}

/// A request under way.
#[derive(Debug)]
struct InFlight {
    batches: Vec<Loaded>,
    sent: u64,
}

#[derive(Debug)]
pub(crate) struct Link {
    number: usize,
    address: SocketAddr,
    in_flight: RefCell<VecDeque<InFlight>>,
    /// To be sent again, before anything else.
    again: RefCell<VecDeque<Loaded>>,
    /// Something to send, or room for it.
    pub(crate) send: Signal,
    /// A request is under way.
    sent: Signal,
    /// Since when nothing is stored although it should be.
    failing: Cell<Option<u64>>,
}

impl Link {
    pub(crate) fn new(number: usize, address: SocketAddr) -> Self {
        Self {
            number,
            address,
            in_flight: RefCell::default(),
            again: RefCell::default(),
            send: Signal::default(),
            sent: Signal::default(),
            failing: Cell::new(None),
        }
    }

    pub(crate) async fn connect(&self, own: &Producer) -> Result<Connection, LinkError> {
        Ok(Connection::open(own.here.ring.clone(), self.address).await?)
    }

    /// Sends until the producer has no more. The connection is made anew when it breaks, until
    /// the broker was away for too long.
    pub(crate) async fn run(
        self: Rc<Self>,
        own: Rc<Producer>,
        connection: Connection,
    ) -> Result<(), LinkError> {
        let mut next = Some(connection);
        loop {
            let error = match self.reconnect(&own, &mut next).await {
                Ok(connection) => match self.use_up(&own, connection).await {
                    Ok(()) => return Ok(()),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            let passes = matches!(&error, LinkError::Connection(broken) if broken.may_pass());
            if !passes || own.is_stopped() || !self.has_patience(&own, &error) {
                return Err(error);
            }
            self.take_back();
            tasks::sleep(PAUSE).await;
        }
    }

    async fn use_up(&self, own: &Producer, connection: Connection) -> Result<(), LinkError> {
        let version = own.version(connection.outlet.version::<ProduceRequest>()?);
        let Connection { outlet, inlet } = connection;
        let sending = self.send_all(own, outlet, version);
        let receiving = self.receive_all(own, inlet, version);
        future::or(sending, receiving).await
    }

    /// Whether failing may still go on; says once why nothing is stored just now.
    fn has_patience(&self, own: &Producer, why: &LinkError) -> bool {
        let limit = own.here.setup.give_up;
        let since = self.failing.get().unwrap_or_else(|| {
            let seconds = limit.as_secs();
            own.here.say(format!("{why}; trying again for {seconds} s"));
            now()
        });
        self.failing.set(Some(since));
        u128::from(now().saturating_sub(since)) <= limit.as_nanos()
    }

    async fn reconnect(
        &self,
        own: &Producer,
        next: &mut Option<Connection>,
    ) -> Result<Connection, LinkError> {
        match next.take() {
            Some(connection) => Ok(connection),
            None => self.connect(own).await,
        }
    }

    /// What is unanswered goes again, before what was to go again already.
    fn take_back(&self) {
        let mut again = self.again.borrow_mut();
        for request in self.in_flight.borrow_mut().drain(..).rev() {
            for loaded in request.batches.into_iter().rev() {
                again.push_front(loaded);
            }
        }
    }

    async fn send_all(
        &self,
        own: &Producer,
        mut outlet: Outlet,
        version: i16,
    ) -> Result<(), LinkError> {
        let in_flight_max = own.here.setup.producer.in_flight as usize;
        loop {
            let in_flight = self.in_flight.borrow().len();
            let batches = if in_flight < in_flight_max {
                self.next_request(own, in_flight)
            } else {
                Vec::new()
            };
            if !batches.is_empty() {
                self.send_one(own, &mut outlet, version, batches).await?;
                continue;
            }
            if own.is_ending() && in_flight == 0 && own.is_empty() {
                return Ok(());
            }
            let deadline = own.accumulator.borrow_mut().linger_deadline(self.number);
            // What cannot go although it has lingered waits for an answer.
            let is_ahead = |deadline: &u64| in_flight < in_flight_max && *deadline > now();
            let deadline = deadline.filter(is_ahead);
            self.send.wait_until(deadline).await;
        }
    }

    /// The batches of the next request. Those that go again go first, alone, when nothing else
    /// is in flight: so they keep their order.
    fn next_request(&self, own: &Producer, in_flight: usize) -> Vec<Loaded> {
        if self.again.borrow().is_empty() {
            let flush = own.is_flushing();
            let mut accumulator = own.accumulator.borrow_mut();
            return accumulator.take_request(self.number, now(), flush);
        }
        if in_flight > 0 {
            return Vec::new();
        }
        let mut again = self.again.borrow_mut();
        let mut batches: Vec<Loaded> = Vec::new();
        while let Some((lane, _)) = again.front()
            && batches.iter().all(|(taken, _)| taken != lane)
        {
            batches.extend(again.pop_front());
        }
        own.here.count(now(), |counts| counts.retries += 1);
        batches
    }

    async fn send_one(
        &self,
        own: &Producer,
        outlet: &mut Outlet,
        version: i16,
        batches: Vec<Loaded>,
    ) -> Result<(), LinkError> {
        let header = outlet.header::<ProduceRequest>(version);
        let parts = Self::encode(own, &header, &batches);
        let sent = now();
        self.in_flight
            .borrow_mut()
            .push_back(InFlight { batches, sent });
        self.sent.raise();
        outlet.send_parts(parts).await?;
        if own.terms.acks == 0
            && let Some(request) = self.in_flight.borrow_mut().pop_back()
        {
            // Nobody will ever say more about them.
            let now = now();
            own.here.count(now, |counts| counts.requests += 1);
            for (lane, batch) in request.batches {
                own.acknowledged(lane, batch, request.sent, now);
            }
        }
        Ok(())
    }

    fn encode(own: &Producer, header: &RequestHeader, batches: &[Loaded]) -> Vec<SendPart> {
        let topic = &own.here.setup.topics[own.plan.topic];
        let lanes = &own.accumulator.borrow().lanes;
        let partition = |(lane, batch): &Loaded| (lanes[*lane].partition, batch.bytes.clone());
        let of_topic = TopicBatches {
            name: &topic.name,
            id: topic.id,
            batches: batches.iter().map(partition).collect(),
        };
        produce_frame::encode(header, &own.terms, &[of_topic])
    }

    async fn receive_all(
        &self,
        own: &Producer,
        mut inlet: Inlet,
        version: i16,
    ) -> Result<(), LinkError> {
        let limit = u64::try_from(own.here.setup.producer.request_timeout_ms).unwrap_or(30_000);
        let limit = Duration::from_millis(limit);
        loop {
            while self.in_flight.borrow().is_empty() || own.terms.acks == 0 {
                self.sent.wait().await;
            }
            let frame = tasks::timeout(limit, inlet.frame_without_limit()).await;
            let frame = frame.map_err(ConnectionError::from)??;
            let response = inlet.decode::<ProduceRequest>(frame, version)?;
            let Some(request) = self.in_flight.borrow_mut().pop_front() else {
                return Err(LinkError::Foreign);
            };
            let now = now();
            own.here.count(now, |counts| counts.requests += 1);
            let delayed = self.settle(own, request, &response, now)?;
            if delayed {
                tasks::sleep(PAUSE).await;
            }
            self.send.raise();
            own.room.raise();
        }
    }

    /// Settles the batches of a request; true when some have to go again.
    fn settle(
        &self,
        own: &Producer,
        request: InFlight,
        response: &ProduceResponse,
        now: u64,
    ) -> Result<bool, LinkError> {
        let topic = response.responses.first().ok_or(LinkError::Foreign)?;
        let mut delayed = false;
        for (place, (lane, batch)) in request.batches.into_iter().enumerate() {
            let partition = own.accumulator.borrow().lanes[lane].partition;
            let of_partition = |stored: &&PartitionProduceResponse| stored.index == partition;
            let stored = topic.partition_responses.get(place).filter(of_partition);
            let stored = stored.or_else(|| topic.partition_responses.iter().find(of_partition));
            let stored = stored.ok_or(LinkError::Foreign)?;
            let is_behind_a_delayed_one = self.again.borrow().iter().any(|(at, _)| *at == lane);
            match Refusal::check(stored.error_code) {
                Ok(()) => {
                    self.failing.set(None);
                    own.check_offset(lane, stored.base_offset, batch.records())?;
                    own.acknowledged(lane, batch, request.sent, now);
                }
                Err(refusal) if refusal.is(ErrorCode::DuplicateSequenceNumber) => {
                    own.acknowledged(lane, batch, request.sent, now);
                }
                Err(refusal) if refusal.is_retriable() || is_behind_a_delayed_one => {
                    self.again.borrow_mut().push_back((lane, batch));
                    let refused = LinkError::Refused { partition, refusal };
                    if !self.has_patience(own, &refused) {
                        return Err(refused);
                    }
                    delayed = true;
                }
                Err(refusal) => {
                    own.given_up(&batch);
                    if own.is_idempotent() {
                        return Err(LinkError::Refused { partition, refusal });
                    }
                    own.here.fail(&LinkError::Refused { partition, refusal });
                }
            }
        }
        Ok(delayed)
    }

    /// What was sent or was to be sent again, when the link has ended: it stays without an
    /// answer.
    pub(crate) fn abandon(&self) -> Vec<Loaded> {
        self.take_back();
        self.again.borrow_mut().drain(..).collect()
    }
}
