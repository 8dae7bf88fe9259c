use actix_web::{
    dev::ServiceRequest,
    http::uri::{PathAndQuery, Uri},
};

use super::{Identification, TenantStrategy, tenant_named};
use crate::TenantRequest;

/// The tenant is named by a segment of the path: the first one, as in `/acme/books`, unless told.
///
/// Segments are counted from where the middleware is: inside of `web::scope("/api")`, the first
/// segment of `/api/acme/books` is `acme`. An empty segment before the tenant's, or in its place
/// (`//acme`), is an invalid id; a path that ends before it names no tenant.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathSegment {
    index: usize,
    strip: bool,
}

impl PathSegment {
    /// The first segment.
    #[must_use]
    pub fn first() -> Self {
        Self::default()
    }

    /// The segment with that many segments before it.
    #[must_use]
    pub fn at(index: usize) -> Self {
        Self {
            index,
            ..Self::default()
        }
    }

    /// Takes the segment out of the path before the request is routed, so that routes do not have
    /// to say `/{tenant}`. Handlers, and middleware inside, see the shorter path.
    #[must_use]
    pub fn strip(mut self) -> Self {
        self.strip = true;
        self
    }

    /// The tenant's segment of a path that begins with `/`.
    fn segment<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut segments = path.strip_prefix('/')?.split('/').peekable();
        for _ in 0..self.index {
            // What is empty in the middle makes the tenant's place a matter of opinion.
            if segments.next()?.is_empty() && segments.peek().is_some() {
                return Some("");
            }
        }
        let segment = segments.next()?;
        let is_end = segment.is_empty() && segments.peek().is_none();
        (!is_end).then_some(segment)
    }
}

impl TenantStrategy for PathSegment {
    fn name(&self) -> &'static str {
        "path"
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        let path = request.request().match_info().unprocessed();
        tenant_named(self.segment(path)).into()
    }

    fn consume(&self, request: &mut ServiceRequest) {
        if !self.strip {
            return;
        }
        let path = request.match_info();
        let routed = path.as_str().len() - path.unprocessed().len();
        // The path as it was sent has escapes that the routed one has not, but never in a slash.
        let before = path.as_str()[..routed].matches('/').count() + self.index;
        if let Some(uri) = without_segment(request.uri(), before) {
            request.match_info_mut().get_mut().update(&uri);
            request.head_mut().uri = uri;
        }
    }
}

/// The URI without the segment that has so many before it.
fn without_segment(uri: &Uri, before: usize) -> Option<Uri> {
    let path = uri.path();
    let (start, _) = path.match_indices('/').nth(before)?;
    let end = path[start + 1..]
        .find('/')
        .map_or(path.len(), |end| start + 1 + end);
    // Two slashes at the beginning would be read as a host by some.
    let rest = path[end..].trim_start_matches('/');
    let mut shorter = format!("{}/{rest}", &path[..start]);
    if let Some(query) = uri.query() {
        shorter.push('?');
        shorter.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(shorter).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_segment() {
        let first = |path| PathSegment::first().segment(path);
        assert_eq!(first("/acme/books"), Some("acme"));
        assert_eq!(first("/acme"), Some("acme"));
        assert_eq!(first("/acme/"), Some("acme"));
        assert_eq!(first("/"), None);
        assert_eq!(first(""), None);
        assert_eq!(first("//acme"), Some(""));
        let second = |path| PathSegment::at(1).segment(path);
        assert_eq!(second("/t/acme/books"), Some("acme"));
        assert_eq!(second("/t"), None);
        assert_eq!(second("/t/"), None);
        assert_eq!(second("//acme"), Some(""));
        assert_eq!(second("/t//acme"), Some(""));
    }

    #[test]
    fn takes_the_segment_out() {
        let shorter = |uri: &str, before| {
            without_segment(&uri.parse().unwrap(), before).map(|uri| uri.to_string())
        };
        assert_eq!(shorter("/acme/books?a=1", 0).as_deref(), Some("/books?a=1"));
        assert_eq!(shorter("/acme", 0).as_deref(), Some("/"));
        assert_eq!(shorter("/acme?x", 0).as_deref(), Some("/?x"));
        assert_eq!(shorter("/acme/", 0).as_deref(), Some("/"));
        assert_eq!(
            shorter("/api/acme/a%2Fb/c", 1).as_deref(),
            Some("/api/a%2Fb/c")
        );
        assert_eq!(
            shorter("http://h.example/acme/books", 0).as_deref(),
            Some("http://h.example/books")
        );
        assert_eq!(shorter("/acme", 1), None);
        assert_eq!(
            shorter("/acme//evil.example", 0).as_deref(),
            Some("/evil.example")
        );
    }
}
