//! Many members that come, leave, die and are slow, with a seed; heartbeats and answers are late or
//! lost. A partition never has two owners, every group comes to rest, and a crash loses nothing.
//!
//! A member owns a partition from the answer that assigns it until it has given it up, or is dead.
//! One that the broker has fenced may still believe that it owns something: that cannot be helped,
//! and its commits are refused; so it is the members that the broker counts as such that must not
//! overlap.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

type Partitions = BTreeSet<(Uuid, i32)>;

/// A client: what it believes, and what is on its way.
struct Client {
    id: String,
    instance: Option<String>,
    subscription: Request,
    epoch: i32,
    owned: Partitions,
    /// What it was last told to own; it gives up first, and takes on after that.
    told: Option<Partitions>,
    /// When it next does something.
    wakes_at: Duration,
    /// The last answer may have been lost: the next request says everything.
    is_unsure: bool,
    answers: VecDeque<(Duration, Result<Response, Refusal>)>,
}

impl Client {
    fn request(&self) -> Request {
        let joins = self.epoch == 0;
        let mut request = if joins || self.is_unsure {
            self.subscription.clone()
        } else {
            idle(&self.id, self.epoch)
        };
        request.member_id.clone_from(&self.id);
        request.member_epoch = self.epoch;
        request.instance_id.clone_from(&self.instance);
        let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in &self.owned {
            topics.entry(*topic).or_default().push(*partition);
        }
        let owned: Vec<(Uuid, &[i32])> = topics.iter().map(|(t, ps)| (*t, &ps[..])).collect();
        // while it is on its way to what it was told it says nothing of what it owns
        if self.told.is_some() {
            return request;
        }
        request.topic_partitions = alive(&self.id, self.epoch, &owned).topic_partitions;
        request
    }

    fn hear(&mut self, answer: Result<Response, Refusal>) {
        self.is_unsure = false;
        match answer {
            Ok(response) => {
                self.epoch = response.member_epoch;
                if let Some(assignment) = response.assignment {
                    let topics = assignment.topic_partitions.iter();
                    let all = topics.flat_map(|t| t.partitions.iter().map(|p| (t.topic_id, *p)));
                    self.told = Some(all.collect());
                }
            }
            Err(_) => {
                self.epoch = 0;
                self.owned.clear();
                self.told = None;
            }
        }
    }

    /// Gives up at one time and takes on at another, as real consumers do.
    fn reconcile(&mut self) {
        let Some(told) = &self.told else { return };
        if self.owned.is_subset(told) {
            self.owned.clone_from(told);
            self.told = None;
        } else {
            self.owned = self.owned.intersection(told).copied().collect();
        }
    }
}

struct Simulation {
    world: World,
    numbers: Numbers,
    clients: Vec<Client>,
    named: u32,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let mut world = World::new(&[("t0", 7), ("t1", 1), ("u0", 12)]);
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        world.settings.assignment_interval_ms = [0, 1_000][usize::from(numbers.one_in(2))];
        Self {
            world,
            numbers,
            clients: Vec::new(),
            named: 0,
        }
    }

    fn join(&mut self) {
        self.named += 1;
        let id = format!("m{}", self.named);
        let mut subscription = match self.numbers.below(4) {
            0 => joining(&id, &["t0", "t1", "u0"]),
            1 => joining(&id, &["t0"]),
            2 => joining(&id, &["t0", "missing"]),
            _ => Request {
                subscribed_topic_names: None,
                subscribed_topic_regex: Some("t.*|u.*".to_owned()),
                ..joining(&id, &[])
            },
        };
        subscription.server_assignor =
            [None, Some("range".to_owned()), Some("uniform".to_owned())][self.index(3)].clone();
        let instance = self
            .numbers
            .one_in(3)
            .then(|| format!("i{}", self.numbers.below(4)));
        let is_free = |instance: &String| {
            self.clients
                .iter()
                .all(|client| client.instance.as_ref() != Some(instance))
        };
        self.clients.push(Client {
            instance: instance.filter(is_free),
            id,
            subscription,
            epoch: 0,
            owned: BTreeSet::new(),
            told: None,
            wakes_at: self.world.clock,
            is_unsure: false,
            answers: VecDeque::new(),
        });
    }

    fn index(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap();
        usize::try_from(self.numbers.below(length)).unwrap()
    }

    /// Something happens to the members or the topics.
    fn disturb(&mut self) {
        let count = self.clients.len();
        match self.numbers.below(8) {
            _ if count == 0 => self.join(),
            0..4 if count < 12 => self.join(),
            4 => {
                // killed: nobody is told
                let index = self.index(count);
                self.clients.remove(index);
            }
            5 | 6 => {
                let index = self.index(count);
                let client = self.clients.remove(index);
                let is_static = client.instance.is_some() && self.numbers.one_in(2);
                let epoch = if is_static { -2 } else { -1 };
                let mut request = idle(&client.id, epoch);
                request.instance_id = client.instance;
                drop(self.world.send(&request));
            }
            _ => {
                let number = self.world.image.topics.len();
                if number < 12 {
                    self.world.create_topic(&format!("t{number}"), 3);
                }
            }
        }
    }

    /// One client acts; afterwards nothing may overlap.
    fn act(&mut self, index: usize, is_calm: bool) {
        let clock = self.world.clock;
        let client = &mut self.clients[index];
        client.reconcile();
        let due = client.answers.front().is_some_and(|(at, _)| *at <= clock);
        if due && let Some((_, answer)) = client.answers.pop_front() {
            client.hear(answer);
        } else if client.answers.is_empty() {
            if client.is_unsure {
                // it will be told all of it again
                client.told = None;
            }
            let answer = self.world.send(&client.request());
            let delay = if is_calm {
                10
            } else {
                self.numbers.below(8_000)
            };
            if !is_calm && self.numbers.one_in(6) {
                client.is_unsure = true;
            } else {
                client
                    .answers
                    .push_back((clock + Duration::from_millis(delay), answer));
            }
        }
        let pause = if is_calm {
            500
        } else {
            self.numbers.below(6_000)
        };
        client.wakes_at = clock + Duration::from_millis(pause);
    }

    /// Time goes on until `end`.
    fn run(&mut self, end: Duration, is_calm: bool) {
        while self.world.clock < end {
            self.world.pass(100);
            let clock = self.world.clock;
            self.world.expire();
            if self.numbers.one_in(20) {
                self.world.resolve();
            }
            if !is_calm && self.numbers.one_in(40) {
                self.disturb();
            }
            for index in 0..self.clients.len() {
                if self.clients[index].wakes_at <= clock {
                    self.act(index, is_calm);
                    self.check_owners();
                }
            }
        }
        self.world.check_replay();
    }

    fn check_owners(&self) {
        let mut owners = BTreeMap::new();
        let known = self.clients.iter().filter(|client| {
            self.world
                .group
                .member(&client.id)
                .is_some_and(|member| member.epoch >= 0)
        });
        for client in known {
            for partition in &client.owned {
                let other = owners.insert(*partition, &client.id);
                assert_eq!(
                    other, None,
                    "{partition:?} has two owners, one is {}",
                    client.id
                );
            }
        }
    }

    /// Everybody has what the target says, and all of that is everything.
    fn check_at_rest(&self) {
        let group = &self.world.group;
        assert_eq!(group.member_count(), self.clients.len());
        let mut all = Partitions::new();
        for client in &self.clients {
            let member = group.member(&client.id).unwrap();
            assert!(member.is_reconciled_to(group.epoch()), "{member:?}");
            assert_eq!(client.owned, member.held().collect::<Partitions>());
            all.extend(&client.owned);
        }
        let topics = self.world.image.topics.iter();
        let subscribed = topics.filter(|topic| group.subscribes_to(&topic.name));
        let partitions = subscribed
            .flat_map(|topic| (0..topic.partition_count()).map(|partition| (topic.id, partition)));
        assert_eq!(all, partitions.collect::<Partitions>());
    }
}

fn simulate(seed: u64) {
    let mut simulation = Simulation::new(seed);
    for _ in 0..3 {
        let end = simulation.world.clock + Duration::from_secs(120);
        simulation.run(end, false);
        if simulation.clients.is_empty() {
            simulation.join();
        }
        // the silent are fenced, and what is left settles
        let end = simulation.world.clock + Duration::from_secs(120);
        simulation.run(end, true);
        simulation.check_at_rest();
    }
}

#[test]
fn a_partition_never_has_two_owners_and_every_group_comes_to_rest() {
    let count = std::env::var("SIMULATIONS")
        .ok()
        .and_then(|text| text.parse().ok());
    for seed in 1..=count.unwrap_or(40) {
        let outcome = std::panic::catch_unwind(|| simulate(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
