use std::{borrow::Cow, collections::HashSet, fmt};

use actix_web::dev::ResourceDef;
use percent_encoding::percent_decode_str;
use regex_lite::Regex;

use crate::InvalidSetting;

/// Paths that are served without a tenant.
#[derive(Clone, Default)]
pub(crate) struct ExcludedPaths(Vec<Excluded>);

#[derive(Clone)]
enum Excluded {
    /// That path.
    Exact(String),
    /// Everything that begins so.
    Below(String),
    /// What actix's routes match.
    Pattern(ResourceDef),
}

impl ExcludedPaths {
    pub(crate) fn add(&mut self, path: &str) -> Result<(), InvalidSetting> {
        let invalid = |reason: String| InvalidSetting::new("the excluded path", path, reason);
        if !path.starts_with('/') {
            return Err(invalid("it does not begin with '/'".to_owned()));
        }
        if path.contains('%') {
            return Err(invalid("write it as routes do, without escapes".to_owned()));
        }
        self.0.push(if path.contains('{') {
            check_pattern(path).map_err(invalid)?;
            Excluded::Pattern(ResourceDef::new(path))
        } else if path.contains('*') {
            let prefix = path
                .strip_suffix('*')
                .filter(|prefix| {
                    prefix.ends_with('/') && is_normal(prefix) && !prefix.contains('*')
                })
                .ok_or_else(|| invalid("'*' stands for whole segments at the end".to_owned()))?;
            Excluded::Below(prefix.to_owned())
        } else if !is_normal(path) {
            return Err(invalid(
                "it is not in normal form, and would never match".to_owned(),
            ));
        } else {
            Excluded::Exact(path.to_owned())
        });
        Ok(())
    }

    /// Whether a path, as actix routes it, is served without a tenant.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.iter().any(|excluded| match excluded {
            Excluded::Exact(exact) => path == exact,
            Excluded::Below(prefix) => path.starts_with(prefix),
            Excluded::Pattern(pattern) => pattern.is_match(path),
        }) && is_normal(path)
    }
}

impl fmt::Debug for ExcludedPaths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|excluded| match excluded {
                Excluded::Exact(path) => Cow::Borrowed(path.as_str()),
                Excluded::Below(prefix) => Cow::Owned(format!("{prefix}*")),
                Excluded::Pattern(pattern) => Cow::Borrowed(pattern.pattern().unwrap_or_default()),
            }))
            .finish()
    }
}

/// Whether a path means what it says, to whoever reads it: a proxy, actix, a file system. All others
/// could be taken for an excluded path by one of them, and for a tenant's by another.
fn is_normal(path: &str) -> bool {
    let decoded = percent_decode_str(path).collect::<Vec<u8>>();
    let slashes = |text: &[u8]| text.iter().filter(|byte| **byte == b'/').count();
    let is_plain = decoded
        .iter()
        .all(|byte| !matches!(byte, b'\\' | b'%' | 0..=0x1f | 0x7f));
    let mut segments = decoded.split(|byte| *byte == b'/').skip(1).peekable();
    let mut is_resolved = true;
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        // Parameters of a segment (`..;x`) are cut off by some.
        let name = segment
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default();
        is_resolved &= match name {
            b"." | b".." => false,
            b"" => is_last && segment.is_empty(),
            _ => true,
        };
    }
    is_plain && is_resolved && slashes(&decoded) == slashes(path.as_bytes())
}

/// Finds what actix's own parser would panic on.
fn check_pattern(pattern: &str) -> Result<(), String> {
    /// As many parameters as actix takes in one pattern.
    const MOST: usize = 16;

    let mut names = HashSet::new();
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        let parameter = &rest[open..];
        let close = closing_brace(parameter).ok_or("a '{' has no '}'")?;
        let (parameter, behind) = (&parameter[1..close], &parameter[close + 1..]);
        let (name, expression) = match parameter.split_once(':') {
            Some((name, expression)) => (name, Some(expression)),
            None => (parameter, None),
        };
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            return Err(format!(
                "{{{parameter}}} has no name that a parameter can have"
            ));
        }
        if !names.insert(name) {
            return Err(format!("{{{name}}} is there twice"));
        }
        if let Some(expression) = expression {
            Regex::new(expression).map_err(|error| format!("{{{parameter}}}: {error}"))?;
            if behind == "*" {
                return Err("a tail has no expression: write {tail}*, or {tail:.*}".to_owned());
            }
        }
        rest = behind;
    }
    if rest.contains('*') && rest != "*" {
        return Err("a tail has a name: write {tail}*".to_owned());
    }
    if names.len() > MOST {
        return Err(format!("it has more than {MOST} parameters"));
    }
    Ok(())
}

/// Where the parameter that begins with `{` ends. Expressions may have braces of their own.
fn closing_brace(parameter: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in parameter.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    fn excluded(paths: &[&str]) -> ExcludedPaths {
        let mut excluded = ExcludedPaths::default();
        for path in paths {
            excluded.add(path).unwrap();
        }
        excluded
    }

    /// As the middleware asks: by the path that actix routes.
    fn has(paths: &ExcludedPaths, sent: &str) -> bool {
        let request = TestRequest::with_uri(sent).to_srv_request();
        paths.has(request.match_info().as_str())
    }

    #[test]
    fn three_forms_match() {
        let paths = excluded(&[
            "/health",
            "/docs/*",
            "/i/{code}",
            "/f/{tail}*",
            r"/n/{id:\d{2}}",
        ]);
        for path in [
            "/health",
            "/health?x=/books",
            "/h%65alth",
            "/docs/",
            "/docs/a",
            "/docs/a/b.html",
            "/docs/a%20b",
            "/docs/%C3%A4",
            "/i/x1",
            "/f/a/b",
            "/n/12",
        ] {
            assert!(has(&paths, path), "{path}");
        }
        for path in [
            "/",
            "/healt",
            "/healthy",
            "/health/",
            "/health/x",
            "/docs",
            "/docsx",
            "/i/",
            "/i/a/b",
            "/n/1",
            "/n/123",
            "/books",
        ] {
            assert!(!has(&paths, path), "{path}");
        }
    }

    #[test]
    fn tricks_slip_past_nothing() {
        let paths = excluded(&["/health", "/docs/*", "/i/{tail:.*}"]);
        for path in [
            "//health",
            "/./health",
            "/x/../health",
            "/HEALTH",
            "/Health",
            "/health;x",
            "/docs/../books",
            "/docs/./a",
            "/docs//a",
            "/docs/%2e%2e/books",
            "/docs/%2E%2e/books",
            "/docs/.%2e/books",
            "/docs/..;a/books",
            "/docs/;/books",
            "/docs/%2e%2e%2fbooks",
            "/docs/..%5cbooks",
            "/docs/a%2fb",
            "/docs/%252e%252e/books",
            "/docs/a%00",
            "/docs/a%0a",
            "/docs/..",
            "/i/../books",
            "/i/a//b",
            "/i/%2e%2e/books",
        ] {
            assert!(!has(&paths, path), "{path}");
        }
    }

    #[test]
    fn patterns_that_actix_would_panic_on_are_refused() {
        for (path, reason) in [
            ("health", "does not begin with '/'"),
            ("", "does not begin with '/'"),
            ("/a%20b", "without escapes"),
            ("/a//*", "whole segments"),
            ("/a//b", "normal form"),
            ("/a/../b", "normal form"),
            ("/a*", "whole segments"),
            ("/a/*/b", "whole segments"),
            ("/*/*", "whole segments"),
            ("/{a", "no '}'"),
            ("/{}", "no name"),
            ("/{1a}", "no name"),
            ("/{a b}", "no name"),
            ("/{a}/{a}", "twice"),
            ("/{a:[}", "{a:[}"),
            ("/{a:\\d}*", "a tail has no expression"),
            ("/{a}/*", "a tail has a name"),
        ] {
            let error = ExcludedPaths::default()
                .add(path)
                .map_err(|e| e.to_string());
            let error = error.expect_err(path);
            assert!(error.contains(reason), "{path}: {error}");
        }
        let many: String = (0..17).map(|n| format!("/{{p{n}}}")).collect();
        assert!(ExcludedPaths::default().add(&many).is_err());
    }

    proptest! {
        /// No pattern makes actix panic, and no path is excluded that has a twin in normal form.
        #[test]
        fn any_pattern_is_taken_or_refused(pattern in "/[a-z{}:*/\\\\d.+\\[\\]()]{0,20}") {
            let _ = ExcludedPaths::default().add(&pattern);
        }

        #[test]
        fn excluded_is_what_is_resolved(path in "(/|/[a-z.;%25e2fF\\\\]{1,4}){1,5}") {
            let paths = excluded(&["/a/*", "/{all:.*}"]);
            if paths.has(&path) {
                let once = percent_decode_str(&path).decode_utf8_lossy().into_owned();
                let base = url::Url::parse("http://h").unwrap();
                let resolved = base.join(&once.replace(['?', '#'], "_")).unwrap();
                let resolved = percent_decode_str(resolved.path()).decode_utf8_lossy().into_owned();
                prop_assert_eq!(resolved, once.replace(['?', '#'], "_"));
            }
        }
    }
}
