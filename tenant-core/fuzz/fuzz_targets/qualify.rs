//!     cd tenant-core && cargo +nightly fuzz run qualify -- -dict=fuzz/sql.dict -max_total_time=60

#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = tenant_core::fuzzing::qualify(&mut Unstructured::new(input));
});
