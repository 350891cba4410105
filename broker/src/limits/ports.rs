//! Who holds a TCP port: from the kernel's socket tables to the process with the descriptor. Shell.

use std::fmt;
use std::fs;
use std::path::Path;

/// A process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    /// None when the process belongs to another user, or to another container.
    pub(crate) process: Option<(u32, String)>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.process {
            Some((pid, command)) => write!(f, "process {pid} ({command})"),
            None => f.write_str("a process of another user or container"),
        }
    }
}

/// The line for a port that cannot be bound because it is in use.
pub(crate) fn in_use(address: &str, port: u16) -> String {
    let who = holder(port).map_or_else(String::new, |holder| format!(" by {holder}"));
    format!(
        "{address} is in use{who}; stop it, or start with --listen HOST:PORT \
         (port 0 takes any free one)"
    )
}

/// Who listens on a port, on any address; None when nobody does.
pub(crate) fn holder(port: u16) -> Option<Holder> {
    let inodes: Vec<u64> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_inodes(&table, port))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    Some(Holder {
        process: process_with_socket(&inodes),
    })
}

/// Inodes of the sockets that listen on a port, from a table like /proc/net/tcp.
fn listening_inodes(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let listens = *fields.get(3)? == LISTEN
            && u16::from_str_radix(local_port, 16).is_ok_and(|local| local == port);
        if listens {
            fields.get(9)?.parse().ok()
        } else {
            None
        }
    };
    table.lines().skip(1).filter_map(inode).collect()
}

fn process_with_socket(inodes: &[u64]) -> Option<(u32, String)> {
    let links: Vec<String> = inodes
        .iter()
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let has_socket = |process: &Path| {
        let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
            return false;
        };
        descriptors.flatten().any(|descriptor| {
            fs::read_link(descriptor.path()).is_ok_and(|link| {
                links
                    .iter()
                    .any(|wanted| link.as_os_str() == wanted.as_str())
            })
        })
    };
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        has_socket(&entry.path()).then(|| (pid, command(pid)))
    })
}

/// A process's command line, shortened.
pub(crate) fn command(pid: u32) -> String {
    const CHARS_MAX: usize = 60;
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line)
        .trim_end_matches('\0')
        .replace('\0', " ");
    if line.is_empty() {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        return name.trim().to_owned();
    }
    match line.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn the_holder_of_a_port_is_this_process() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else {
                continue;
            };
            let port = listener.local_addr().unwrap().port();
            let (pid, command) = holder(port).unwrap().process.unwrap();
            assert_eq!(pid, std::process::id());
            assert!(!command.is_empty());
            let text = in_use(address, port);
            assert!(
                text.contains(&format!("in use by process {pid} (")),
                "{text}"
            );
            drop(listener);
            assert_eq!(holder(port), None);
        }
    }

    #[test]
    fn only_listening_sockets_of_the_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
            uid  timeout inode\n\
            0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1\n\
            1: 0100007F:2384 0100007F:D431 01 00000000:00000000 00:00000000 00000000 0 0 4712 1\n\
            2: 0100007F:2385 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4713 1\n\
            cut off\n";
        assert_eq!(listening_inodes(table, 9092), [4711]);
        assert_eq!(listening_inodes("", 9092), []);
    }
}
