//! Values against each other: identity, quorum, directories, listeners. Pure.
//!
//! This version is one broker with PLAINTEXT listeners; what asks for more is refused here, with
//! the reason, rather than ignored.

use super::effective::{Listener, Machine, Reader};
use super::layers::Layers;
use super::listeners::{Endpoint, SecurityProtocol, is_wildcard, parse_protocol_map};
use super::problem::Problem;
use super::setting::list_elements;

/// A problem with the value of `name` that counts.
fn problem(layers: &Layers, name: &str, reason: impl Into<String>) -> Problem {
    let value = layers.value_of(name);
    Problem {
        place: value.as_ref().and_then(|value| value.place.cloned()),
        name: name.to_owned(),
        value: value.map(|value| value.text.to_owned()),
        reason: reason.into(),
    }
}

/// Everything but listeners.
pub(crate) fn check(layers: &Layers, problems: &mut Vec<Problem>) {
    let found = [
        identity(layers),
        cluster_id(layers),
        roles(layers),
        voters(layers),
        bootstrap_servers(layers),
        directories(layers),
        request_memory(layers),
        ip_overrides(layers),
    ];
    problems.extend(found.into_iter().flatten());
}

fn identity(layers: &Layers) -> Option<Problem> {
    let read = Reader { layers };
    let both = layers.is_given("node.id") && read.long("broker.id") >= 0;
    let (node, broker) = (read.long("node.id"), read.long("broker.id"));
    (both && node != broker).then(|| {
        problem(
            layers,
            "broker.id",
            format!("differs from node.id = {node}"),
        )
    })
}

fn cluster_id(layers: &Layers) -> Option<Problem> {
    let id = Reader { layers }.optional("cluster.id")?;
    let fits = id.len() <= 64
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (!fits).then(|| {
        let reason = "expected at most 64 letters, digits, - and _, such as 22 of URL-safe base64";
        problem(layers, "cluster.id", reason)
    })
}

fn roles(layers: &Layers) -> Option<Problem> {
    let roles = Reader { layers }.text("process.roles");
    let has = |role: &str| list_elements(roles).any(|element| element == role);
    (!has("broker") || !has("controller")).then(|| {
        let reason = "separate brokers and controllers come with clusters; \
                      in this version a process is both: broker,controller";
        problem(layers, "process.roles", reason)
    })
}

fn voters(layers: &Layers) -> Option<Problem> {
    let name = "controller.quorum.voters";
    let read = Reader { layers };
    let node_id = match read.long("broker.id") {
        broker if broker >= 0 && !layers.is_given("node.id") => broker,
        _ => read.long("node.id"),
    };
    let voters: Vec<&str> = list_elements(read.text(name)).collect();
    match voters.as_slice() {
        [] => None,
        [voter] => match voter
            .split_once('@')
            .map(|(id, _)| id.trim().parse::<i64>())
        {
            Some(Ok(id)) if id == node_id => None,
            Some(Ok(id)) => Some(problem(
                layers,
                name,
                format!("voter {id} is not this node, {node_id}"),
            )),
            Some(Err(_)) | None => Some(problem(layers, name, "expected id@host:port")),
        },
        _ => {
            let reason = "a quorum of several nodes comes with clusters; \
                          in this version the only voter is this node";
            Some(problem(layers, name, reason))
        }
    }
}

fn bootstrap_servers(layers: &Layers) -> Option<Problem> {
    let name = "controller.quorum.bootstrap.servers";
    let several = list_elements(Reader { layers }.text(name)).count() > 1;
    several.then(|| {
        let reason = "a quorum of several nodes comes with clusters; \
                      in this version the only member is this node";
        problem(layers, name, reason)
    })
}

fn directories(layers: &Layers) -> Option<Problem> {
    let read = Reader { layers };
    let name = if read.text("log.dirs").is_empty() {
        "log.dir"
    } else {
        "log.dirs"
    };
    match list_elements(read.data_dir()).count() {
        1 => None,
        0 => Some(problem(layers, name, "names no directory")),
        count => Some(problem(
            layers,
            name,
            format!("{count} directories; this version uses one (join the disks below it)"),
        )),
    }
}

/// A request that may be received has to fit the memory for requests.
fn request_memory(layers: &Layers) -> Option<Problem> {
    let read = Reader { layers };
    let largest = read.long("socket.request.max.bytes");
    let queued = read.long("queued.max.request.bytes");
    let (name, memory) = if queued > 0 {
        ("queued.max.request.bytes", queued)
    } else {
        (
            "millrace.request.memory.bytes",
            read.long("millrace.request.memory.bytes"),
        )
    };
    (memory < largest).then(|| {
        problem(
            layers,
            name,
            format!("must be at least socket.request.max.bytes = {largest}"),
        )
    })
}

fn ip_overrides(layers: &Layers) -> Option<Problem> {
    let name = "max.connections.per.ip.overrides";
    let reason = per_ip_overrides(Reader { layers }.text(name)).err()?;
    Some(problem(layers, name, reason))
}

/// `address:count` pairs; an IPv6 address has its own colons, the count is after the last one.
pub(crate) fn per_ip_overrides(text: &str) -> Result<Vec<(String, u32)>, String> {
    let pairs = list_elements(text).map(|element| {
        let wrong = || format!("{element:?} is not address:count");
        let (address, count) = element.rsplit_once(':').ok_or_else(wrong)?;
        let count = count.trim().parse::<u32>().map_err(|_| wrong())?;
        let address = address.trim().trim_matches(['[', ']']);
        if address.is_empty() {
            return Err(wrong());
        }
        Ok((address.to_owned(), count))
    });
    pairs.collect()
}

/// The listeners to open; none when there is a problem.
pub(crate) fn listeners(
    layers: &Layers,
    machine: &Machine,
    problems: &mut Vec<Problem>,
) -> Vec<Listener> {
    match (endpoints(layers), advertised(layers), protocols(layers)) {
        (Ok(endpoints), Ok(advertised), Ok(protocols)) => {
            let before = problems.len();
            let names = controller_names(layers);
            check_advertised(layers, &endpoints, &advertised, problems);
            check_endpoints(layers, &endpoints, &names, problems);
            let listeners = endpoints.into_iter().filter_map(|endpoint| {
                let controller = names.contains(&endpoint.name);
                let protocol = match protocol_of(&endpoint.name, &protocols, controller) {
                    Ok(protocol) => protocol,
                    Err(reason) => {
                        problems.push(problem(layers, "listeners", reason));
                        return None;
                    }
                };
                Some(listener(
                    endpoint,
                    protocol,
                    controller,
                    &advertised,
                    machine,
                ))
            });
            let listeners: Vec<_> = listeners.collect();
            check_inter_broker(layers, &listeners, problems);
            if problems.len() > before {
                Vec::new()
            } else {
                listeners
            }
        }
        (endpoints, advertised, protocols) => {
            problems.extend(
                [endpoints.err(), advertised.err(), protocols.err()]
                    .into_iter()
                    .flatten(),
            );
            Vec::new()
        }
    }
}

/// As in Kafka, a broker that advertises an address listens on every interface unless told where.
fn endpoints(layers: &Layers) -> Result<Vec<Endpoint>, Problem> {
    let name = "listeners";
    let text = match layers.is_given(name) || !layers.is_given("advertised.listeners") {
        true => Reader { layers }.text(name),
        false => "PLAINTEXT://:9092",
    };
    let endpoints = Endpoint::parse_list(text).map_err(|reason| problem(layers, name, reason))?;
    if endpoints.is_empty() {
        return Err(problem(layers, name, "names no listener"));
    }
    Ok(endpoints)
}

fn advertised(layers: &Layers) -> Result<Vec<Endpoint>, Problem> {
    let name = "advertised.listeners";
    Endpoint::parse_list(Reader { layers }.text(name))
        .map_err(|reason| problem(layers, name, reason))
}

fn protocols(layers: &Layers) -> Result<Vec<(String, SecurityProtocol)>, Problem> {
    let name = "listener.security.protocol.map";
    parse_protocol_map(Reader { layers }.text(name)).map_err(|reason| problem(layers, name, reason))
}

fn controller_names(layers: &Layers) -> Vec<String> {
    let text = Reader { layers }.text("controller.listener.names");
    list_elements(text).map(str::to_ascii_uppercase).collect()
}

fn check_advertised(
    layers: &Layers,
    endpoints: &[Endpoint],
    advertised: &[Endpoint],
    problems: &mut Vec<Problem>,
) {
    for endpoint in advertised {
        let name = &endpoint.name;
        let reason = if is_wildcard(&endpoint.host) {
            format!("{endpoint} cannot be connected to; name a host that clients can reach")
        } else if !endpoints.iter().any(|other| other.name == *name) {
            format!("{name} is not among listeners")
        } else {
            continue;
        };
        problems.push(problem(layers, "advertised.listeners", reason));
    }
}

fn check_endpoints(
    layers: &Layers,
    endpoints: &[Endpoint],
    controllers: &[String],
    problems: &mut Vec<Problem>,
) {
    let mut refuse = |reason: String| problems.push(problem(layers, "listeners", reason));
    for (index, endpoint) in endpoints.iter().enumerate() {
        let same = |other: &&Endpoint| {
            let hosts_meet = other.host == endpoint.host
                || other.is_on_every_interface()
                || endpoint.is_on_every_interface();
            endpoint.port != 0 && other.port == endpoint.port && hosts_meet
        };
        if let Some(other) = endpoints[..index].iter().find(same) {
            refuse(format!(
                "{} and {} have the same address",
                other.name, endpoint.name
            ));
        }
    }
    if endpoints
        .iter()
        .all(|endpoint| controllers.contains(&endpoint.name))
    {
        refuse("no listener is left for clients besides controller.listener.names".to_owned());
    }
}

/// A controller listener that the map does not name is PLAINTEXT, as in Kafka.
fn protocol_of(
    name: &str,
    protocols: &[(String, SecurityProtocol)],
    controller: bool,
) -> Result<SecurityProtocol, String> {
    let mapped = protocols
        .iter()
        .find(|(other, _)| other == name)
        .map(|(_, protocol)| *protocol);
    match mapped {
        Some(SecurityProtocol::Plaintext) => Ok(SecurityProtocol::Plaintext),
        Some(secured) => Err(format!(
            "listener {name} asks for {}; this version serves PLAINTEXT only, \
             TLS and SASL come in a later one",
            secured.name()
        )),
        None if controller => Ok(SecurityProtocol::Plaintext),
        None => Err(format!(
            "listener {name} has no security protocol; \
             add {name}:PLAINTEXT to listener.security.protocol.map"
        )),
    }
}

fn listener(
    endpoint: Endpoint,
    protocol: SecurityProtocol,
    controller: bool,
    advertised: &[Endpoint],
    machine: &Machine,
) -> Listener {
    let (host, port) = match advertised.iter().find(|other| other.name == endpoint.name) {
        Some(advertised) => (advertised.host.clone(), advertised.port),
        None if endpoint.is_on_every_interface() => (machine.host_name.clone(), endpoint.port),
        None => (endpoint.host.clone(), endpoint.port),
    };
    Listener {
        endpoint,
        protocol,
        controller,
        advertised_host: host,
        advertised_port: port,
    }
}

fn check_inter_broker(layers: &Layers, listeners: &[Listener], problems: &mut Vec<Problem>) {
    let (name, read) = ("inter.broker.listener.name", Reader { layers });
    if !layers.is_given(name) {
        let protocol = "security.inter.broker.protocol";
        if read.text(protocol) != "PLAINTEXT" {
            let reason = "this version speaks PLAINTEXT only, TLS and SASL come in a later one";
            problems.push(problem(layers, protocol, reason));
        }
        return;
    }
    if layers.is_given("security.inter.broker.protocol") {
        let reason = "cannot be given together with security.inter.broker.protocol";
        problems.push(problem(layers, name, reason));
    }
    let wanted = read.text(name).to_ascii_uppercase();
    let served = |listener: &&Listener| !listener.controller && listener.endpoint.name == wanted;
    if !wanted.is_empty() && !listeners.is_empty() && !listeners.iter().any(|l| served(&l)) {
        problems.push(problem(
            layers,
            name,
            "is not among the listeners for clients",
        ));
    }
}
