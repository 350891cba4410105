//! What goes wrong in one simulation: drawn from a seed, and a plain list, so that a failing one can be shrunk.

use super::network::Weather;
use super::random::Random;

/// At an output, where the machine stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Boundary {
    /// Nothing of the output is done.
    Before,
    /// The write is started, nothing is sent or applied.
    AfterWrite,
    /// Some of the messages are sent, nothing is applied.
    AmongMessages,
    /// Everything is done.
    After,
}

/// What an operator asks the leader for.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    AddLearner { server: u64 },
    AddVoter { server: u64 },
    RemoveVoter { server: u64 },
    RemoveLearner { server: u64 },
    ReplaceVoters { set: u64 },
    SetAttributes { server: u64 },
    Transfer { server: u64 },
}

/// One thing that goes wrong, or that an operator does. Servers are meant modulo their number.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Crash {
        server: u64,
        down: u64,
    },
    CrashAll {
        down: u64,
    },
    CrashAtOutput {
        server: u64,
        skip: u64,
        boundary: Boundary,
        down: u64,
    },
    Partition {
        sides: u64,
        lasts: u64,
    },
    OneWay {
        from: u64,
        to: u64,
        lasts: u64,
    },
    Isolate {
        server: u64,
        lasts: u64,
    },
    IsolateLeader {
        lasts: u64,
        outward_only: bool,
    },
    CrashLeader {
        down: u64,
    },
    DiskStall {
        server: u64,
        lasts: u64,
    },
    DiskError {
        server: u64,
        down: u64,
    },
    ClockJump {
        server: u64,
        by: i64,
    },
    Operate(Operation),
    Garbage {
        server: u64,
        kind: u64,
    },
}

/// A world and its misfortunes.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) voters: u64,
    pub(crate) spares: u64,
    pub(crate) clients: u64,
    pub(crate) weather: Weather,
    pub(crate) disk_latency: (u64, u64),
    pub(crate) apply_latency: (u64, u64),
    pub(crate) drift_ppm: i64,
    pub(crate) lease: bool,
    pub(crate) snapshot_every: u64,
    pub(crate) trailing: u64,
    pub(crate) chunk_bytes: u64,
    pub(crate) window: u64,
    /// When the faults end, in microseconds.
    pub(crate) end: u64,
    pub(crate) faults: Vec<(u64, Fault)>,
}

impl Plan {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let r = &mut random;
        let lease = r.chance(400);
        let rough = r.chance(600);
        let mut plan = Self {
            seed,
            voters: r.choose(&[1, 2, 3, 3, 3, 4, 5, 5]),
            spares: r.below(3),
            clients: r.between((1, 4)),
            weather: Weather {
                loss: if rough { r.below(300) } else { 0 },
                duplication: if rough { r.below(200) } else { 0 },
                delay: (100, r.between((500, 20_000))),
                straggling: if rough { r.below(50) } else { 0 },
                long_delay: (10_000, 800_000),
            },
            disk_latency: (50, r.between((100, 20_000))),
            apply_latency: (0, r.between((10, 20_000))),
            drift_ppm: if lease {
                50_000
            } else {
                r.choose(&[0, 50_000, 300_000])
            },
            lease,
            snapshot_every: r.between((4, 60)),
            trailing: r.below(12),
            chunk_bytes: r.between((7, 64)),
            window: r.between((1, 8)),
            end: 4_000_000 + r.below(4_000_000),
            faults: Vec::new(),
        };
        let count = r.between((5, 45));
        for _ in 0..count {
            let at = r.below(plan.end);
            if let Some(fault) = plan.draw(r) {
                plan.faults.push((at, fault));
            }
        }
        let churn = r.choose(&[0, 10, 40]);
        for _ in 0..churn {
            let at = r.below(plan.end);
            plan.faults
                .push((at, Fault::Operate(plan.draw_operation(r))));
        }
        plan.faults.sort_by_key(|(at, _)| *at);
        plan
    }

    pub(crate) fn servers(&self) -> u64 {
        self.voters + self.spares
    }

    fn draw_operation(&self, r: &mut Random) -> Operation {
        let server = r.below(self.servers());
        match r.below(10) {
            0..=2 => Operation::AddLearner { server },
            3..=5 => Operation::AddVoter { server },
            6 => Operation::RemoveVoter { server },
            7 => Operation::ReplaceVoters { set: r.next_u64() },
            8 => Operation::Transfer { server },
            _ => Operation::RemoveLearner { server },
        }
    }

    fn draw(&self, r: &mut Random) -> Option<Fault> {
        let server = r.below(self.servers());
        let lasts = r.between((20_000, 1_500_000));
        let down = r.between((1_000, 1_200_000));
        Some(match r.below(24) {
            0 => Fault::Crash { server, down },
            1 => Fault::CrashAll { down },
            2..=6 => Fault::CrashAtOutput {
                server,
                skip: r.below(20),
                boundary: r.choose(&[
                    Boundary::Before,
                    Boundary::AfterWrite,
                    Boundary::AmongMessages,
                    Boundary::After,
                ]),
                down,
            },
            7 => Fault::Partition {
                sides: r.next_u64(),
                lasts,
            },
            8 => Fault::OneWay {
                from: server,
                to: r.below(self.servers()),
                lasts,
            },
            9 => Fault::Isolate { server, lasts },
            10 => Fault::IsolateLeader {
                lasts,
                outward_only: r.chance(500),
            },
            11 => Fault::CrashLeader { down },
            12 => Fault::DiskStall { server, lasts },
            13 => Fault::DiskError { server, down },
            14 if !self.lease => {
                let by = i64::try_from(r.below(900_000)).unwrap();
                Fault::ClockJump {
                    server,
                    by: by - 100_000,
                }
            }
            14 => return None,
            15 | 16 => Fault::Operate(Operation::AddLearner { server }),
            17 | 18 => Fault::Operate(Operation::AddVoter { server }),
            19 => Fault::Operate(Operation::RemoveVoter { server }),
            20 if r.chance(500) => Fault::Operate(Operation::RemoveLearner { server }),
            20 => Fault::Operate(Operation::SetAttributes { server }),
            21 => Fault::Operate(Operation::ReplaceVoters { set: r.next_u64() }),
            22 => Fault::Operate(Operation::Transfer { server }),
            _ => Fault::Garbage {
                server,
                kind: r.next_u64(),
            },
        })
    }
}
