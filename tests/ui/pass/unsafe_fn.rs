#![deny(warnings)]

use sea_orm_tenant::{TenantContext, with_tenant};

unsafe fn raw(byte: *const u8) -> u8 {
    // SAFETY: the caller's.
    unsafe { *byte }
}

/// # Safety
///
/// `byte` is valid.
#[with_tenant("acme")]
pub unsafe fn read(byte: *const u8) -> u8 {
    assert!(TenantContext::try_current().is_some());
    unsafe { raw(byte) }
}

/// # Safety
///
/// `byte` is valid until the future has run.
#[with_tenant("acme")]
pub async unsafe fn read_later(byte: *const u8) -> u8 {
    assert!(TenantContext::try_current().is_some());
    unsafe { raw(byte) }
}

fn main() {
    let one = 1;
    assert_eq!(unsafe { read(&one) }, 1);
    let _ = unsafe { read_later(&one) };
}
