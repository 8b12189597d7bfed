//! JSON-RPC framing, each dialect's requests and the guard: none of them may panic, whatever comes.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| okibi_server::fuzzing::read(data));
