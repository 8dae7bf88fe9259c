use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::InvalidSetting;

/// The proxies whose word on the host of a request counts: what they say in `Forwarded` or in
/// `X-Forwarded-Host`. From anybody else, these headers are what a client made up, and not looked
/// at.
///
/// A trusted proxy must replace these headers, and not add to what the client sent: a value with
/// more than one element is refused. So is a request in which the two headers differ.
///
/// ```
/// # use tenant_actix::{TenantMiddleware, TrustedProxies};
/// # fn example(tenancy: tenant_core::Tenancy) -> Result<(), tenant_actix::InvalidSetting> {
/// let proxies = TrustedProxies::new(["10.0.0.0/8", "fd00::/8", "127.0.0.1"])?;
/// let tenants = TenantMiddleware::new(tenancy).trusted_proxies(proxies);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Proxies by address or network. What counts is the address that the connection comes from.
    ///
    /// # Errors
    ///
    /// One of them is neither an IP address nor a network in CIDR notation.
    pub fn new<N: AsRef<str>>(
        networks: impl IntoIterator<Item = N>,
    ) -> Result<Self, InvalidSetting> {
        networks
            .into_iter()
            .map(|network| parse(network.as_ref()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn trust(&self, peer: Option<SocketAddr>) -> bool {
        // A listener on `::` sees IPv4 clients as mapped addresses.
        peer.is_some_and(|peer| {
            let address = peer.ip().to_canonical();
            self.0.iter().any(|network| network.contains(&address))
        })
    }
}

fn parse(text: &str) -> Result<IpNet, InvalidSetting> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| {
            InvalidSetting::new(
                "the trusted proxy",
                text,
                "it is no IP address, and no network such as 10.0.0.0/8",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_trusted() {
        let proxies = TrustedProxies::new(["10.0.0.0/8", "::1"]).unwrap();
        let trusts = |peer: &str| proxies.trust(Some(peer.parse().unwrap()));
        assert!(trusts("10.1.2.3:5"));
        assert!(trusts("[::ffff:10.1.2.3]:5"));
        assert!(trusts("[::1]:5"));
        assert!(!trusts("11.1.2.3:5"));
        assert!(!trusts("[::2]:5"));
        assert!(!proxies.trust(None));
        assert!(!TrustedProxies::default().trust(Some(([127, 0, 0, 1], 5).into())));
    }

    #[test]
    fn a_name_is_no_network() {
        let error = TrustedProxies::new(["proxy.example"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the trusted proxy \"proxy.example\" is invalid: it is no IP address, and no network such as 10.0.0.0/8"
        );
    }
}
