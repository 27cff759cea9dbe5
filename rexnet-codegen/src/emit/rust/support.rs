//! The parts of a generated module that every network has: reading packed weights, the processor's features and
//! floating-point mode, a fused multiply-add where there is no instruction for it.

use super::version::Version;
use super::{ModuleOptions, Notes};
use crate::plan::{PACKED_MAGIC, PACKED_VERSION, Program};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

fn has(programs: &[(Version, Program)], wanted: Version) -> bool {
    programs.iter().any(|(version, _)| *version == wanted)
}

/// What the kernels and their callers need.
pub(super) fn running(programs: &[(Version, Program)], notes: Notes) -> TokenStream {
    let fused = has(programs, Version::Portable).then(fused_multiply_add);
    let (parts, mode) = (parts(notes), float_mode(notes));
    quote!(#parts #mode #fused)
}

/// What making a network needs: its weights, and the choice of a version.
pub(super) fn making(programs: &[(Version, Program)], options: &ModuleOptions, notes: Notes) -> TokenStream {
    let x86 = has(programs, Version::Avx512) || has(programs, Version::Avx2);
    let features = x86.then(processor_features);
    let (errors, packed) = (errors(options), packed(options, notes));
    quote!(#errors #packed #features)
}

fn errors(options: &ModuleOptions) -> TokenStream {
    let read = options.std.then(|| {
        quote! {
            /// The file cannot be read.
            Read(std::io::Error),
        }
    });
    let read_text =
        options.std.then(|| quote!(Error::Read(error) => write!(f, "the weights cannot be read: {error}"),));
    let pack = "; pack them again with `rexnetc pack`";
    let foreign = format!("the file does not begin as packed weights do{pack}");
    let layout = format!("the weights were packed for another network or version{pack}");
    let length = format!("the weights are cut off, or too long{pack}");
    quote! {
        /// Why weights cannot be used.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum Error {
            #read
            /// This is no file of packed weights.
            Foreign,
            /// They were packed for another network, or by another version of the compiler.
            Layout,
            /// There are fewer or more bytes than the network's weights.
            Length,
            /// The content was damaged after it was packed.
            Checksum,
            /// The memory does not begin at a multiple of 64.
            Alignment,
            /// The processor has the features of none of the versions that were compiled.
            Processor,
        }

        impl core::fmt::Display for Error {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self {
                    #read_text
                    Error::Foreign => f.write_str(#foreign),
                    Error::Layout => f.write_str(#layout),
                    Error::Length => f.write_str(#length),
                    Error::Checksum => f.write_str("the weights were damaged: their checksum differs"),
                    Error::Alignment => f.write_str("the weights must lie at a multiple of 64 bytes"),
                    Error::Processor => f.write_str("the network was not compiled for this processor"),
                }
            }
        }

        impl core::error::Error for Error {}
    }
}

/// Checks of the `.rxw` header; see `plan::PackedWeights::to_rxw`.
fn packed(options: &ModuleOptions, notes: Notes) -> TokenStream {
    let magic = Literal::byte_string(PACKED_MAGIC);
    let version = Literal::u32_unsuffixed(PACKED_VERSION);
    let name = super::identifier(&options.type_name);
    let bytes_note = notes.write("SAFETY: lines are f32 without padding, and any bytes are f32 values.");
    let reader = options.std.then(|| {
        quote! {
            fn read_packed(file: &mut dyn std::io::Read) -> Result<std::vec::Vec<Line>, Error> {
                let fault = |error: std::io::Error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => Error::Length,
                    _ => Error::Read(error),
                };
                let mut header = [0; HEADER_BYTES];
                file.read_exact(&mut header).map_err(fault)?;
                check_header(&header)?;
                let mut lines = std::vec![Line([0.0; 16]); WEIGHTS / 16];
                #bytes_note
                let content = unsafe {
                    core::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<u8>(), 4 * WEIGHTS)
                };
                file.read_exact(content).map_err(fault)?;
                if file.read(&mut [0]).map_err(fault)? != 0 {
                    return Err(Error::Length);
                }
                check_content(&header, content)?;
                Ok(lines)
            }
        }
    });
    let borrow_note =
        notes.write("SAFETY: the content is aligned and as long as the weights; any bytes are f32 values.");
    quote! {
        #[cfg(target_endian = "big")]
        compile_error!("packed weights are little-endian");

        const HEADER_BYTES: usize = 64;

        const fn word(header: &[u8; HEADER_BYTES], at: usize) -> u64 {
            let mut bytes = [0; 8];
            let mut i = 0;
            while i < 8 {
                bytes[i] = header[at + i];
                i += 1;
            }
            u64::from_le_bytes(bytes)
        }

        const fn is_header(header: &[u8; HEADER_BYTES]) -> bool {
            word(header, 0) == u64::from_le_bytes(*#magic)
                && word(header, 8) == #version | 64 << 32
                && word(header, 16) == #name::LAYOUT_HASH
                && word(header, 32) == 4 * WEIGHTS as u64
        }

        fn check_header(header: &[u8; HEADER_BYTES]) -> Result<(), Error> {
            if word(header, 0) != u64::from_le_bytes(*#magic) {
                Err(Error::Foreign)
            } else if is_header(header) {
                Ok(())
            } else {
                Err(Error::Layout)
            }
        }

        fn check_content(header: &[u8; HEADER_BYTES], content: &[u8]) -> Result<(), Error> {
            if checksum(content) == word(header, 24) { Ok(()) } else { Err(Error::Checksum) }
        }

        fn borrow_packed(file: &'static [u8]) -> Result<&'static [f32; WEIGHTS], Error> {
            let (header, content) = file.split_first_chunk().ok_or(Error::Length)?;
            check_header(header)?;
            if content.len() != 4 * WEIGHTS {
                return Err(Error::Length);
            }
            if content.as_ptr().align_offset(64) != 0 {
                return Err(Error::Alignment);
            }
            check_content(header, content)?;
            #borrow_note
            Ok(unsafe { &*content.as_ptr().cast() })
        }

        #reader

        /// XXH64 of whole stripes of 32 bytes, seed 0.
        fn checksum(content: &[u8]) -> u64 {
            const PRIMES: [u64; 5] = [
                0x9e37_79b1_85eb_ca87,
                0xc2b2_ae3d_27d4_eb4f,
                0x1656_67b1_9e37_79f9,
                0x85eb_ca77_c2b2_ae63,
                0x27d4_eb2f_1656_67c5,
            ];
            let round = |lane: u64, word: u64| {
                let sum = lane.wrapping_add(word.wrapping_mul(PRIMES[1]));
                sum.rotate_left(31).wrapping_mul(PRIMES[0])
            };
            let mut lanes = [
                PRIMES[0].wrapping_add(PRIMES[1]),
                PRIMES[1],
                0,
                0u64.wrapping_sub(PRIMES[0]),
            ];
            for stripe in content.chunks_exact(32) {
                for (lane, bytes) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
                    let mut word = [0; 8];
                    word.copy_from_slice(bytes);
                    *lane = round(*lane, u64::from_le_bytes(word));
                }
            }
            let mut hash = PRIMES[4];
            if !content.is_empty() {
                hash = lanes[0]
                    .rotate_left(1)
                    .wrapping_add(lanes[1].rotate_left(7))
                    .wrapping_add(lanes[2].rotate_left(12))
                    .wrapping_add(lanes[3].rotate_left(18));
                for lane in lanes {
                    hash = (hash ^ round(0, lane)).wrapping_mul(PRIMES[0]).wrapping_add(PRIMES[3]);
                }
            }
            hash = hash.wrapping_add(content.len() as u64);
            hash = (hash ^ (hash >> 33)).wrapping_mul(PRIMES[1]);
            hash = (hash ^ (hash >> 29)).wrapping_mul(PRIMES[2]);
            hash ^ (hash >> 32)
        }
    }
}

fn parts(notes: Notes) -> TokenStream {
    let note = notes.write("SAFETY: the caller's.");
    quote! {
        /// `N` elements from `at` on, to read.
        #[inline]
        unsafe fn part<'a, const N: usize>(memory: *const f32, at: usize) -> &'a [f32; N] {
            #note
            unsafe { &*memory.add(at).cast() }
        }
    }
}

/// Whether processor and operating system have AVX2 with FMA, and AVX-512.
fn processor_features() -> TokenStream {
    quote! {
        /// Whether processor and operating system have AVX2 and FMA, and whether they have AVX-512 too.
        #[cfg(target_arch = "x86_64")]
        #[allow(unused_unsafe)]
        fn processor_features() -> (bool, bool) {
            use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
            #[target_feature(enable = "xsave")]
            unsafe fn saved_state() -> u64 {
                unsafe { _xgetbv(0) }
            }
            unsafe {
                let leaf = __cpuid(1).ecx;
                let (fma, xsave, avx) = (leaf >> 12 & 1, leaf >> 27 & 1, leaf >> 28 & 1);
                if fma & xsave & avx == 0 || __cpuid(0).eax < 7 {
                    return (false, false);
                }
                let (state, leaf) = (saved_state(), __cpuid_count(7, 0).ebx);
                let avx2 = leaf >> 5 & 1 == 1 && state & 0x6 == 0x6;
                let (f, dq, bw, vl) = (leaf >> 16 & 1, leaf >> 17 & 1, leaf >> 30 & 1, leaf >> 31 & 1);
                (avx2, avx2 && f & dq & bw & vl == 1 && state & 0xe6 == 0xe6)
            }
        }
    }
}

fn float_mode(notes: Notes) -> TokenStream {
    let read = notes.write("SAFETY: stores the control register to a local variable.");
    let write = notes.write("SAFETY: the mode is the default or was read from the register.");
    quote! {
        /// Rounding to nearest, subnormals kept and no traps while it lives; then the caller's mode again.
        struct FloatMode {
            #[allow(dead_code)]
            saved: u64,
        }

        #[cfg(target_arch = "x86_64")]
        impl FloatMode {
            fn enter() -> Self {
                let mut saved = 0u32;
                #read
                unsafe {
                    core::arch::asm!("stmxcsr [{}]", in(reg) &raw mut saved, options(nostack, preserves_flags));
                }
                Self::set(0x1f80);
                Self { saved: u64::from(saved) }
            }

            fn set(mode: u32) {
                #write
                unsafe {
                    core::arch::asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack, preserves_flags, readonly));
                }
            }
        }

        #[cfg(target_arch = "x86_64")]
        impl Drop for FloatMode {
            fn drop(&mut self) {
                Self::set(self.saved as u32);
            }
        }

        #[cfg(target_arch = "aarch64")]
        impl FloatMode {
            fn enter() -> Self {
                let saved: u64;
                #read
                unsafe {
                    core::arch::asm!("mrs {}, fpcr", out(reg) saved, options(nostack, nomem, preserves_flags));
                }
                Self::set(0);
                Self { saved }
            }

            fn set(mode: u64) {
                #write
                unsafe {
                    core::arch::asm!("msr fpcr, {}", in(reg) mode, options(nostack, nomem, preserves_flags));
                }
            }
        }

        #[cfg(target_arch = "aarch64")]
        impl Drop for FloatMode {
            fn drop(&mut self) {
                Self::set(self.saved);
            }
        }

        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        impl FloatMode {
            fn enter() -> Self {
                Self { saved: 0 }
            }
        }
    }
}

fn fused_multiply_add() -> TokenStream {
    quote! {
        /// `a * b + c`, rounded once. The product is exact in f64; the sum is rounded to odd there, so that
        /// rounding it again to f32 gives what rounding once would (Boldo and Melquiond, "Emulation of a FMA and
        /// correctly rounded sums", 2008).
        #[inline]
        fn fused_multiply_add(a: f32, b: f32, c: f32) -> f32 {
            let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
            let sum = product + c;
            let part = sum - product;
            let error = (product - (sum - part)) + (c - part);
            let mut bits = sum.to_bits();
            if bits & 1 == 0 && (error > 0.0 || error < 0.0) {
                let away_from_zero = (error > 0.0) == (sum > 0.0);
                bits = if away_from_zero { bits + 1 } else { bits - 1 };
            }
            f64::from_bits(bits) as f32
        }
    }
}
