use std::fmt;

use actix_web::http::uri::Authority;

/// The host that a request is for: lower-case, without a port and a dot at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Host(String);

/// A text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidHost;

/// The longest name that DNS has, in bytes.
const MAX_LEN: usize = 253;

impl Host {
    /// Reads what a `Host` header says, with or without a port.
    ///
    /// Stricter than URLs are: nothing is decoded and nothing normalised but the case of letters,
    /// so that no two spellings of one name are two hosts to one reader and one to another.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidHost> {
        let authority: Authority = text.parse().map_err(|_| InvalidHost)?;
        if text.contains('@') {
            return Err(InvalidHost);
        }
        let host = authority.host();
        let port = &text[host.len()..];
        if !port.is_empty()
            && port
                .strip_prefix(':')
                .is_none_or(|port| port.parse::<u16>().is_err() || port.starts_with('+'))
        {
            return Err(InvalidHost);
        }
        if host.starts_with('[') {
            return Ok(Self(host.to_ascii_lowercase()));
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_name = !host.is_empty()
            && host.len() <= MAX_LEN
            && host.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            });
        if is_name {
            Ok(Self(host.to_ascii_lowercase()))
        } else {
            Err(InvalidHost)
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InvalidHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a host is labels of letters, digits, '-' and '_' with dots in between")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(text: &str) -> Option<String> {
        Host::parse(text).ok().map(|host| host.0)
    }

    #[test]
    fn a_host_has_one_spelling() {
        for text in [
            "acme.books.example",
            "ACME.Books.Example",
            "acme.books.example.",
            "acme.books.example:8080",
            "acme.books.example.:443",
        ] {
            assert_eq!(host(text).as_deref(), Some("acme.books.example"), "{text}");
        }
        assert_eq!(host("[::1]:8080").as_deref(), Some("[::1]"));
        assert_eq!(host("[2001:DB8::1]").as_deref(), Some("[2001:db8::1]"));
        assert_eq!(host("127.0.0.1:80").as_deref(), Some("127.0.0.1"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a..",
            "user@a.example",
            "a.example@b.example",
            "a.example/x",
            "a b",
            "a%2eb",
            "%61cme.example",
            "acme.example,b.example",
            "äcme.example",
            "acme.example:",
            "acme.example:x",
            "acme.example:80:80",
            "acme.example:8x",
            "acme.example:8.b.example",
            "acme.example:+80",
            "acme.example:99999",
            "[::1",
            "::1",
            "a.example\r\nx",
            "a\0.example",
        ] {
            assert_eq!(host(text), None, "{text:?}");
        }
        assert_eq!(host(&"a".repeat(64)), None);
        assert_eq!(host(&["a"; 200].join(".")), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_host_or_refused(text in "\\PC{0,40}|[a-zA-Z0-9.:@\\[\\]%-]{0,40}") {
            if let Some(host) = host(&text) {
                prop_assert_eq!(Host::parse(&host).map(|host| host.0), Ok(host.clone()));
                prop_assert!(!host.bytes().any(|byte| byte.is_ascii_uppercase()));
                prop_assert!(text.to_ascii_lowercase().starts_with(&host));
            }
        }
    }
}
