//! Listener texts: `NAME://host:port` lists and the map of names to security protocols. Pure.

use std::fmt;

use super::setting::list_elements;

/// How a listener's connections are secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecurityProtocol {
    Plaintext = 0,
    Ssl = 1,
    SaslPlaintext = 2,
    SaslSsl = 3,
}

impl SecurityProtocol {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "PLAINTEXT" => Some(Self::Plaintext),
            "SSL" => Some(Self::Ssl),
            "SASL_PLAINTEXT" => Some(Self::SaslPlaintext),
            "SASL_SSL" => Some(Self::SaslSsl),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// The number that broker registrations carry.
    pub(crate) fn wire_code(self) -> i16 {
        self as i16
    }
}

/// `NAME://host:port`; the name in upper case, the host without the brackets of an IPv6 address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    /// Empty means every interface.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Endpoint {
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not NAME://host:port");
        let (name, address) = text.split_once("://").ok_or_else(wrong)?;
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let port = port
            .parse::<u16>()
            .map_err(|_| format!("{port:?} in {text:?} is not a port"))?;
        let named = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        let host = match host.strip_prefix('[') {
            Some(inner) => inner.strip_suffix(']').ok_or_else(wrong)?,
            None => host,
        };
        if !named || host.contains(['/', '[', ']', ' ']) {
            return Err(wrong());
        }
        Ok(Self {
            name: name.to_ascii_uppercase(),
            host: host.to_owned(),
            port,
        })
    }

    /// # Errors
    /// What is wrong with the first element that is, or which name stands twice.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let mut endpoints: Vec<Self> = Vec::new();
        for element in list_elements(text) {
            let endpoint = Self::parse(element)?;
            if endpoints.iter().any(|other| other.name == endpoint.name) {
                return Err(format!("listener {} stands twice", endpoint.name));
            }
            endpoints.push(endpoint);
        }
        Ok(endpoints)
    }

    pub(crate) fn is_on_every_interface(&self) -> bool {
        is_wildcard(&self.host)
    }
}

pub(crate) fn is_wildcard(host: &str) -> bool {
    matches!(host, "" | "0.0.0.0" | "::")
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.name, HostPort(&self.host, self.port))
    }
}

/// `host:port`, an IPv6 host in brackets.
#[derive(Debug)]
pub(crate) struct HostPort<'a>(pub &'a str, pub u16);

impl fmt::Display for HostPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]:{}", self.0, self.1)
        } else {
            write!(f, "{}:{}", self.0, self.1)
        }
    }
}

/// `NAME:PROTOCOL` pairs; names in upper case.
///
/// # Errors
/// Which element is not such a pair, or names no security protocol.
pub(crate) fn parse_protocol_map(text: &str) -> Result<Vec<(String, SecurityProtocol)>, String> {
    let pairs = list_elements(text).map(|element| {
        let (name, protocol) = element
            .split_once(':')
            .ok_or_else(|| format!("{element:?} is not NAME:PROTOCOL"))?;
        let known = SecurityProtocol::parse(protocol.trim()).ok_or_else(|| {
            format!("{protocol:?} is not one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")
        })?;
        Ok((name.trim().to_ascii_uppercase(), known))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn endpoints_parse_with_and_without_a_host() {
        let endpoint = Endpoint::parse("plaintext://:9092").unwrap();
        assert_eq!(
            (endpoint.name.as_str(), endpoint.host.as_str()),
            ("PLAINTEXT", "")
        );
        assert!(endpoint.is_on_every_interface());
        let endpoint = Endpoint::parse("A://[::1]:9092").unwrap();
        assert_eq!(endpoint.host, "::1");
        assert_eq!(endpoint.to_string(), "A://[::1]:9092");
    }

    #[test]
    fn wrong_endpoints_are_refused() {
        for text in [
            "9092",
            "PLAINTEXT://host",
            "://h:1",
            "A://h:70000",
            "A://h/x:1",
            "A b://h:1",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
        assert!(
            Endpoint::parse_list("A://h:1,a://h:2")
                .unwrap_err()
                .contains("twice")
        );
    }

    #[test]
    fn the_protocol_map_names_what_it_does_not_know() {
        let map = parse_protocol_map("INTERNAL:PLAINTEXT, external:ssl").unwrap();
        assert_eq!(map[1], ("EXTERNAL".to_owned(), SecurityProtocol::Ssl));
        assert!(parse_protocol_map("A:TLS").unwrap_err().contains("TLS"));
    }

    proptest! {
        #[test]
        fn an_endpoint_reads_what_it_writes(
            name in "[A-Z][A-Z0-9_]{0,8}",
            host in "|[a-z0-9.-]{1,12}|[0-9a-f]{1,4}(:[0-9a-f]{1,4}){2,7}",
            port: u16,
        ) {
            let endpoint = Endpoint { name, host, port };
            prop_assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint));
        }

        #[test]
        fn any_text_is_an_endpoint_or_a_refusal(text in ".{0,40}") {
            drop(Endpoint::parse_list(&text));
        }
    }
}
