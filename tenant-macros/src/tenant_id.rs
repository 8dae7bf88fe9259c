use std::fmt::Write as _;

/// `TenantId::MAX_LEN`.
const MAX_LEN: usize = 56;

/// How many characters of a refused id an error repeats.
const SHOWN: usize = 64;

/// Checks `id` by the rule of `tenant_core::TenantId`, and says what is wrong in its words.
///
/// The rule is written twice because a crate of macros depends on no other member. A test of the
/// root package, `tests/macros/tenant_id.rs`, holds the two together, down to the wording.
pub(crate) fn check(id: &str) -> Result<(), String> {
    let Some(fault) = fault(id) else {
        return Ok(());
    };
    let shown: String = id.chars().take(SHOWN).collect();
    Err(format!("tenant id {shown:?} is invalid: {fault}"))
}

fn fault(id: &str) -> Option<String> {
    let mut fault = String::new();
    let written = if id.is_empty() {
        write!(fault, "it is empty")
    } else if id.len() > MAX_LEN {
        write!(fault, "it has {} bytes, at most {MAX_LEN} fit", id.len())
    } else if let Some(first @ (b'_' | b'-')) = id.bytes().next() {
        write!(
            fault,
            "it begins with '{}'; the first byte is a lowercase letter or a digit",
            first.escape_ascii()
        )
    } else {
        let (at, byte) = id
            .bytes()
            .enumerate()
            .find(|(_, byte)| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))?;
        write!(
            fault,
            "byte {at} is '{}'; ids are lowercase letters, digits, '_' and '-'",
            byte.escape_ascii()
        )
    };
    written.ok().map(|()| fault)
}
