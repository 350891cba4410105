//! How many connections each shard serves and each address holds, so that the acceptor spreads and
//! bounds them.
//!
//! Only those of shard 0, which accepts, are used: it adds, and a shard that a connection left
//! tells it so. Pure but for the look-up of names.

use std::cell::RefCell;
use std::net::{IpAddr, ToSocketAddrs};

use foldhash::{HashMap, HashMapExt};

use crate::config::effective::Limits;

/// How many connections there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionLimits {
    total: usize,
    per_address: usize,
    overrides: HashMap<IpAddr, usize>,
}

impl ConnectionLimits {
    /// Of the broker's settings. A name among the overrides stands for all its addresses.
    pub(crate) fn new(limits: &Limits) -> Self {
        let mut overrides = HashMap::new();
        for (host, count) in &limits.connections_per_ip_overrides {
            match (host.as_str(), 0).to_socket_addrs() {
                Ok(found) => overrides
                    .extend(found.map(|address| (address.ip().to_canonical(), *count as usize))),
                Err(error) => {
                    tracing::warn!(
                        "max.connections.per.ip.overrides: {host} is not found: {error}"
                    );
                }
            }
        }
        Self {
            total: limits.connections_max as usize,
            per_address: limits.connections_per_ip_max as usize,
            overrides,
        }
    }

    fn of(&self, address: IpAddr) -> usize {
        self.overrides
            .get(&address)
            .copied()
            .unwrap_or(self.per_address)
    }
}

/// Why a connection is not taken: the setting that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectionRefused {
    #[error("max.connections is reached")]
    Total,
    #[error("max.connections.per.ip is reached")]
    Address,
}

#[derive(Debug)]
struct Counts {
    limits: ConnectionLimits,
    by_shard: Vec<usize>,
    by_address: HashMap<IpAddr, usize>,
}

/// Connection counters of the broker.
#[derive(Debug)]
pub(crate) struct ConnectionCounts(RefCell<Counts>);

impl ConnectionCounts {
    pub(crate) fn new(shards: usize, limits: ConnectionLimits) -> Self {
        assert!(shards > 0, "a broker has at least one shard");
        let (by_shard, by_address) = (vec![0; shards], HashMap::new());
        Self(RefCell::new(Counts {
            limits,
            by_shard,
            by_address,
        }))
    }

    /// Other limits from now on; connections that there are already stay.
    pub(crate) fn set_limits(&self, limits: ConnectionLimits) {
        self.0.borrow_mut().limits = limits;
    }

    /// The shard that takes the next connection from this address, already counted.
    ///
    /// # Errors
    /// The broker, or the address, has as many as it may.
    pub(crate) fn admit(&self, address: IpAddr) -> Result<usize, ConnectionRefused> {
        let address = address.to_canonical();
        let counts = &mut *self.0.borrow_mut();
        if counts.by_shard.iter().sum::<usize>() >= counts.limits.total {
            return Err(ConnectionRefused::Total);
        }
        let held = counts.by_address.get(&address).copied().unwrap_or(0);
        if held >= counts.limits.of(address) {
            return Err(ConnectionRefused::Address);
        }
        counts.by_address.insert(address, held + 1);
        let fewest = counts
            .by_shard
            .iter()
            .enumerate()
            .min_by_key(|(_, count)| **count);
        let shard = fewest.map_or(0, |(shard, _)| shard);
        counts.by_shard[shard] += 1;
        Ok(shard)
    }

    /// A connection of this shard is gone.
    pub(crate) fn release(&self, shard: usize, address: IpAddr) {
        let address = address.to_canonical();
        let counts = &mut *self.0.borrow_mut();
        let held = counts.by_address.get(&address).copied().unwrap_or(0);
        assert!(
            held > 0 && counts.by_shard[shard] > 0,
            "every release follows an admission"
        );
        counts.by_shard[shard] -= 1;
        if held == 1 {
            counts.by_address.remove(&address);
        } else {
            counts.by_address.insert(address, held - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn limits(total: usize, per_address: usize, overrides: &[(IpAddr, usize)]) -> ConnectionLimits {
        ConnectionLimits {
            total,
            per_address,
            overrides: overrides.iter().copied().collect(),
        }
    }

    #[test]
    fn connections_are_spread_bounded_and_given_back() {
        let counts = ConnectionCounts::new(2, limits(3, 9, &[]));
        assert_eq!(
            [counts.admit(A), counts.admit(A), counts.admit(B)],
            [Ok(0), Ok(1), Ok(0)]
        );
        assert_eq!(counts.admit(B), Err(ConnectionRefused::Total));
        counts.release(0, A);
        counts.release(0, B);
        assert_eq!(counts.admit(B), Ok(0), "the shard with the fewest is next");
    }

    #[test]
    fn an_address_has_its_own_bound_also_in_its_ipv6_form() {
        let counts = ConnectionCounts::new(1, limits(9, 1, &[(B, 2)]));
        assert_eq!(counts.admit(A), Ok(0));
        let IpAddr::V4(a) = A else { unreachable!() };
        assert_eq!(
            counts.admit(a.to_ipv6_mapped().into()),
            Err(ConnectionRefused::Address)
        );
        assert_eq!([counts.admit(B), counts.admit(B)], [Ok(0), Ok(0)]);
        assert_eq!(counts.admit(B), Err(ConnectionRefused::Address));
        counts.release(0, A);
        assert_eq!(counts.admit(A), Ok(0));
        counts.set_limits(limits(9, 5, &[]));
        assert_eq!(counts.admit(B), Ok(0), "a raised bound counts at once");
    }
}
