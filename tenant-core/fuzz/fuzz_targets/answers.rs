//!     cd tenant-core && cargo +nightly fuzz run answers -- -max_total_time=60

#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = tenant_core::fuzzing::answers(&mut Unstructured::new(input));
});
