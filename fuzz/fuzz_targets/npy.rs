//! Any bytes as an array file of NumPy: refused, or as many elements as its shape says.
#![no_main]

#[path = "../../rexnetc/src/file.rs"]
#[allow(dead_code, reason = "arrays are read and written, no more")]
mod file;
#[path = "../../rexnetc/src/npy.rs"]
#[allow(dead_code, reason = "what is read comes from memory")]
mod npy;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    if let Ok(array) = npy::parse(file) {
        assert_eq!(array.data.len(), array.dims.iter().product::<usize>());
        let printed = npy::print(&array.dims, &array.data);
        let again = npy::parse(&printed).expect("what is written can be read");
        assert_eq!(again.dims, array.dims);
    }
});
