use std::fmt;

use actix_web::{
    dev::ServiceRequest,
    http::header::{self, HeaderName, HeaderValue},
};

use crate::{TenantProblem, TrustedProxies, host::Host};

/// A request as [strategies](crate::TenantStrategy) see it: before it is routed, and with care for
/// what a client can make up.
pub struct TenantRequest<'r> {
    request: &'r ServiceRequest,
    proxies: &'r TrustedProxies,
}

static FORWARDED: HeaderName = header::FORWARDED;
static X_FORWARDED_HOST: HeaderName = header::X_FORWARDED_HOST;

impl<'r> TenantRequest<'r> {
    pub(crate) fn new(request: &'r ServiceRequest, proxies: &'r TrustedProxies) -> Self {
        Self { request, proxies }
    }

    /// The request itself.
    #[must_use]
    pub fn request(&self) -> &'r ServiceRequest {
        self.request
    }

    /// The value of a header that may be there once.
    ///
    /// # Errors
    ///
    /// [`TenantProblem::Ambiguous`] when it is there more than once, even with the same value: who
    /// reads the first is told something else than who reads the last. Also when its bytes are no
    /// visible ASCII.
    pub fn header(&self, name: &HeaderName) -> Result<Option<&'r str>, TenantProblem> {
        match self.only(name)? {
            Some(value) => match value.to_str() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(TenantProblem::ambiguous(format!(
                    "the header {name} is not ASCII"
                ))),
            },
            None => Ok(None),
        }
    }

    /// The host that the request is for: lower-case, without a port and a dot at the end. An IPv6
    /// address has its brackets.
    ///
    /// It is what the `Host` header or the request's own URL says; of a request from one of the
    /// [trusted proxies](crate::TenantMiddleware::trusted_proxies), what that says of the client's
    /// request.
    ///
    /// # Errors
    ///
    /// [`TenantProblem::Ambiguous`] when two places say different things, when one has more than one
    /// value, and when it is no host.
    pub fn host(&self) -> Result<Option<String>, TenantProblem> {
        Ok(self.parsed_host()?.map(|host| host.to_string()))
    }

    pub(crate) fn parsed_host(&self) -> Result<Option<Host>, TenantProblem> {
        if self.proxies.trust(self.request.peer_addr())
            && let Some(host) = self.forwarded_host()?
        {
            return Ok(Some(host));
        }
        let in_header = self.header(&header::HOST)?.map(parse).transpose()?;
        let in_url = self.request.uri().authority();
        let in_url = in_url.map(|host| parse(host.as_str())).transpose()?;
        agreed(in_url, in_header, "the URL and the Host header")
    }

    fn forwarded_host(&self) -> Result<Option<Host>, TenantProblem> {
        let forwarded = self.header(&FORWARDED)?.map(forwarded_host).transpose()?;
        let x_forwarded = self.header(&X_FORWARDED_HOST)?.map(parse).transpose()?;
        agreed(
            forwarded.flatten(),
            x_forwarded,
            "Forwarded and X-Forwarded-Host",
        )
    }

    fn only(&self, name: &HeaderName) -> Result<Option<&'r HeaderValue>, TenantProblem> {
        let mut values = self.request.headers().get_all(name);
        let first = values.next();
        match values.next() {
            None => Ok(first),
            Some(_) => Err(TenantProblem::ambiguous(format!(
                "the header {name} is there more than once"
            ))),
        }
    }
}

/// Headers and queries have secrets, and which ones only the application knows.
impl fmt::Debug for TenantRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantRequest")
            .field("method", self.request.method())
            .field("path", &self.request.path())
            .field("proxies", self.proxies)
            .finish_non_exhaustive()
    }
}

fn parse(host: &str) -> Result<Host, TenantProblem> {
    Host::parse(host).map_err(|invalid| TenantProblem::ambiguous(invalid.to_string()))
}

fn agreed(
    one: Option<Host>,
    other: Option<Host>,
    who: &'static str,
) -> Result<Option<Host>, TenantProblem> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(TenantProblem::ambiguous(format!(
            "{who} name different hosts"
        ))),
        (one, other) => Ok(one.or(other)),
    }
}

/// The host in a `Forwarded` header (RFC 7239) of one element.
fn forwarded_host(header: &str) -> Result<Option<Host>, TenantProblem> {
    let malformed = || TenantProblem::ambiguous("the Forwarded header is malformed");
    let mut host = None;
    let mut rest = header.trim();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=').ok_or_else(malformed)?;
        if name.contains([';', ',', ' ', '\t', '"']) {
            return Err(malformed());
        }
        let (value, behind) = match value.strip_prefix('"') {
            // No value that anybody needs has an escaped quote.
            Some(quoted) => quoted
                .split_once('"')
                .filter(|(value, _)| !value.contains('\\'))
                .ok_or_else(malformed)?,
            None => value.split_at(value.find([';', ',']).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case("host") && host.replace(parse(value.trim())?).is_some() {
            return Err(malformed());
        }
        rest = match behind.trim_start() {
            "" => "",
            behind => behind
                .strip_prefix(';')
                // A comma begins another proxy's element.
                .ok_or_else(malformed)?
                .trim_start(),
        };
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn host(peer: &str, request: TestRequest) -> Result<Option<String>, String> {
        let request = request.peer_addr(peer.parse().unwrap()).to_srv_request();
        let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
        TenantRequest::new(&request, &proxies)
            .host()
            .map_err(|problem| problem.to_string())
    }

    const PROXY: &str = "10.0.0.1:1";
    const STRANGER: &str = "192.0.2.1:1";

    fn found(name: &str) -> Result<Option<String>, String> {
        Ok(Some(name.to_owned()))
    }

    #[test]
    fn the_host_header_says_it() {
        let request = || TestRequest::get().insert_header(("host", "Acme.Example:8080"));
        assert_eq!(host(STRANGER, request()), found("acme.example"));
        assert_eq!(host(PROXY, request()), found("acme.example"));
        assert_eq!(host(STRANGER, TestRequest::get()), Ok(None));
    }

    #[test]
    fn two_hosts_are_refused() {
        let request = TestRequest::get()
            .append_header(("host", "a.example"))
            .append_header(("host", "a.example"));
        assert!(host(STRANGER, request).is_err());
        let request =
            TestRequest::with_uri("http://a.example/x").insert_header(("host", "b.example"));
        assert!(host(STRANGER, request).is_err());
        let request =
            TestRequest::with_uri("http://a.example/x").insert_header(("host", "a.example:80"));
        assert_eq!(host(STRANGER, request), found("a.example"));
    }

    #[test]
    fn only_a_trusted_proxy_forwards() {
        for forwarded in [
            (
                "forwarded",
                r#"for=192.0.2.1;host="b.example:443";proto=https"#,
            ),
            ("Forwarded", "Host=B.example"),
            ("x-forwarded-host", "b.example"),
        ] {
            let request = || {
                TestRequest::get()
                    .insert_header(("host", "a.example"))
                    .insert_header(forwarded)
            };
            assert_eq!(host(STRANGER, request()), found("a.example"));
            assert_eq!(host(PROXY, request()), found("b.example"));
        }
    }

    #[test]
    fn what_is_forwarded_more_than_once_is_refused() {
        for forwarded in [
            ("forwarded", "host=a.example, host=b.example"),
            ("forwarded", "for=x, host=b.example"),
            ("forwarded", "host=a.example;host=a.example"),
            ("forwarded", r#"host="a.example"#),
            ("forwarded", r#"for="x\";host=b.example";host=a.example"#),
            ("forwarded", "host"),
            ("forwarded", "for;host=b.example"),
            ("forwarded", "for host=b.example"),
            ("x-forwarded-host", "a.example, b.example"),
            ("x-forwarded-host", ""),
        ] {
            let request = TestRequest::get().insert_header(forwarded);
            assert!(host(PROXY, request).is_err(), "{forwarded:?}");
        }
        let request = TestRequest::get()
            .insert_header(("x-forwarded-host", "a.example"))
            .insert_header(("forwarded", "host=b.example"));
        assert!(host(PROXY, request).is_err());
        let request = TestRequest::get()
            .append_header(("x-forwarded-host", "a.example"))
            .append_header(("x-forwarded-host", "a.example"));
        assert!(host(PROXY, request).is_err());
    }

    #[test]
    fn debug_tells_the_path_and_neither_headers_nor_the_query() {
        let mut request = TestRequest::with_uri("/books?key=hunter2");
        for name in ["authorization", "cookie", "x-api-key"] {
            request = request.insert_header((name, "hunter2"));
        }
        let request = request.to_srv_request();
        let shown = format!(
            "{:?}",
            TenantRequest::new(&request, &TrustedProxies::default())
        );
        assert!(shown.contains("/books"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_a_client_quotes_is_no_host() {
        let request = TestRequest::get()
            .insert_header(("host", "a.example"))
            .insert_header(("forwarded", r#"for="x;host=b.example""#));
        assert_eq!(host(PROXY, request), found("a.example"));
    }
}
