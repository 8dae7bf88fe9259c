//! What fuzzers do with this crate: each function takes anything, and panics where a promise is
//! broken. libFuzzer drives them (`fuzz/`, with a nightly compiler), and so do the tests below, with
//! random input and for a bounded time.

use actix_web::{
    dev::ServiceRequest,
    http::{Uri, header::HeaderValue},
    test::TestRequest,
};
use arbitrary::{Result, Unstructured};
use tenant_core::TenantId;

use crate::{
    TenantRequest, TenantStrategy, TrustedProxies,
    exclude::ExcludedPaths,
    host::Host,
    strategy::{HostMap, Identification, PathSegment, Subdomain},
};

/// Hosts, as a client, a URL and proxies may say them: whoever is found is who was meant.
pub fn host(input: &mut Unstructured<'_>) -> Result<()> {
    const PIECES: [&str; 32] = [
        "acme",
        "ACME",
        "Acme",
        "globex",
        "books",
        "example",
        ".",
        "..",
        ".books.example",
        "acme.books.example",
        "www",
        ":",
        ":80",
        ":99999",
        "@",
        "[",
        "]",
        "::1",
        "%",
        "%2e",
        "%61",
        ",",
        ";",
        "=",
        "\"",
        "host=",
        "for=",
        " ",
        "\t",
        "-",
        "_",
        "xn--",
    ];
    let text = |input: &mut Unstructured<'_>| text(input, &PIECES, 12);
    let (name, forwarded, also) = (text(input)?, text(input)?, text(input)?);

    if let Ok(host) = Host::parse(&name) {
        assert_eq!(Host::parse(host.as_str()).as_ref(), Ok(&host));
        assert!(name.to_ascii_lowercase().starts_with(host.as_str()));
        assert!(
            !host
                .as_str()
                .contains(|c: char| !c.is_ascii() || c.is_ascii_uppercase())
        );
    }

    let mut request = TestRequest::get().peer_addr(([10, 0, 0, 1], 1).into());
    for (header, value) in [
        ("host", &name),
        ("forwarded", &forwarded),
        ("x-forwarded-host", &also),
    ] {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
            && input.ratio(2, 3)?
        {
            request = request.append_header((header, value));
        }
    }
    let request = request.to_srv_request();
    let Ok(trusting) = TrustedProxies::new(["10.0.0.0/8"]) else {
        return Ok(());
    };
    for proxies in [TrustedProxies::default(), trusting] {
        let seen = TenantRequest::new(&request, &proxies);
        let host = seen.host();
        let found = identified(&subdomain(), &seen);
        if let Some(tenant) = found {
            // Whoever is found is the whole label in front of the domain.
            let host = host.clone().ok().flatten();
            assert_eq!(host, Some(format!("{tenant}.books.example")));
        }
        if let Some(tenant) = identified(&host_map(), &seen) {
            assert_eq!(host.ok().flatten(), Some(format!("{tenant}.example")));
        }
    }
    Ok(())
}

/// Paths, as a client may send them: an excluded one means to nobody what a tenant's means, and
/// what is left without the tenant's segment is a path.
pub fn path(input: &mut Unstructured<'_>) -> Result<()> {
    const PIECES: [&str; 28] = [
        "/", "/", "//", ".", "..", "%2e", "%2E", "%2f", "%5c", "\\", "%25", "%00", "%0a", "%0d%0a",
        ";", ";x", "acme", "ACME", "docs", "docs/", "health", "a", "%61", "?", "#", "*", "{a}",
        "%C3%A4",
    ];
    let sent = format!("/{}", text(input, &PIECES, 16)?);
    let index = input.int_in_range(0..=2)?;
    let Ok(uri) = sent.parse::<Uri>() else {
        return Ok(());
    };
    let mut request = TestRequest::default().uri(&sent).to_srv_request();
    let routed = request.match_info().as_str().to_owned();

    let mut excluded = ExcludedPaths::default();
    for path in ["/health", "/docs/*", "/i/{tail:.*}"] {
        assert!(excluded.add(path).is_ok());
    }
    if excluded.has(&routed) {
        assert!(is_resolved(uri.path()), "{sent} is excluded");
    }

    let strategy = match input.arbitrary()? {
        true => PathSegment::at(index).strip(),
        false => PathSegment::at(index),
    };
    let proxies = TrustedProxies::default();
    let found = identified(&strategy, &TenantRequest::new(&request, &proxies));
    if let Some(tenant) = found {
        let segment = routed.split('/').nth(index + 1);
        assert_eq!(segment, Some(tenant.as_str()), "{sent}");
        strategy.consume(&mut request);
        assert_whole(&request);
    }
    Ok(())
}

/// Neither decoding once nor twice, nor taking backslashes for slashes, changes where it leads.
fn is_resolved(path: &str) -> bool {
    let mut read = path.to_owned();
    for _ in 0..2 {
        read = percent_encoding::percent_decode_str(&read)
            .decode_utf8_lossy()
            .replace('\\', "/");
        let is_one = |segment: &str| {
            let name = segment.split(';').next().unwrap_or_default();
            !matches!(name, "." | "..")
        };
        if !read.split('/').all(is_one) || read.contains("//") {
            return false;
        }
    }
    true
}

fn assert_whole(request: &ServiceRequest) {
    let path = request.uri().path();
    assert!(path.starts_with('/'), "{path}");
    assert!(!path.starts_with("//"), "{path} names a host");
}

fn subdomain() -> Subdomain {
    Subdomain::of("books.example").unwrap_or_else(|error| panic!("{error}"))
}

fn host_map() -> HostMap {
    let hosts = ["acme", "globex"].map(|id| (format!("{id}.example"), TenantId::from_static(id)));
    HostMap::new(hosts).unwrap_or_else(|error| panic!("{error}"))
}

/// The tenant that is found. None of these strategies has to ask.
fn identified(strategy: &impl TenantStrategy, request: &TenantRequest<'_>) -> Option<TenantId> {
    match strategy.identify(request) {
        Identification::Now(identified) => identified.ok().flatten(),
        Identification::Later(_) => None,
    }
}

/// Text of pieces that matter where it is read, with anything in between.
fn text(input: &mut Unstructured<'_>, pieces: &[&str], most: usize) -> Result<String> {
    let mut text = String::new();
    for _ in 0..input.int_in_range(0..=most)? {
        match input.int_in_range(0..=15)? {
            0 => text.push(input.arbitrary()?),
            _ => text.push_str(input.choose(pieces)?),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use arbtest::arbtest;

    use super::*;

    /// As long as the form of the attacks that runs says.
    fn fuzz(fuzzed: impl Fn(&mut Unstructured<'_>) -> Result<()>) {
        let mut inputs = 0_u64;
        arbtest(|input| {
            inputs += 1;
            fuzzed(input)
        })
        .size_max(2048)
        .budget(figures::fuzzing_time())
        .run();
        figures::figure("inputs-fuzzed", inputs);
    }

    #[test]
    fn no_host_is_taken_for_another() {
        fuzz(host);
    }

    #[test]
    fn no_path_is_taken_for_another() {
        fuzz(path);
    }
}
