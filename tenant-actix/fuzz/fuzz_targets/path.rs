//!     cd tenant-actix && cargo +nightly fuzz run path -- -max_total_time=60

#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = tenant_actix::fuzzing::path(&mut Unstructured::new(input));
});
