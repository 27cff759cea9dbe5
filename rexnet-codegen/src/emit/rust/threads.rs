//! The parts of a generated module that share a run between threads: the protocol of `rexnet-threads`, word for word, and
//! how a version's calls are handed out.

use super::Notes;
use super::program::Cut;
use crate::plan::Program;
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use rexnet_threads::PROTOCOL_SOURCE;

/// The elements of the memory that every thread but one needs for itself.
fn private_elements(cuts: &[Cut<'_>]) -> usize {
    cuts.iter().map(|cut| cut.schedule.private_bytes() / 4).max().unwrap_or(0)
}

/// What calls kernels, in order or in chunks.
pub(super) fn calls(program: &Program, notes: Notes) -> TokenStream {
    let inputs = Literal::usize_unsuffixed(program.inputs.len());
    let outputs = Literal::usize_unsuffixed(program.outputs.len());
    let caller = notes.write("SAFETY: the caller's.");
    let own = notes.write("SAFETY: the caller's: the part lies in the memory.");
    quote! {
        /// Addresses of what a run works on.
        struct Memory {
            arena: *mut f32,
            weights: *const f32,
            inputs: [*const f32; #inputs],
            outputs: [*mut f32; #outputs],
        }

        /// A section of a step's kernel: the first pass of its outer loop and one past the last, then those of its inner
        /// loop. One call runs one pass of the former and any range of the latter.
        struct Call((isize, isize), (isize, isize));

        /// What threads are given together: the number of its first chunk; its first call and one past the last; where
        /// there is one call, the passes of its inner loop that are a chunk, and how many chunks each pass of its outer
        /// loop has; with 0 passes all of it is one chunk.
        struct Task(usize, (usize, usize), isize, usize);

        /// A version's run, cut up.
        struct Code {
            calls: &'static [Call],
            tasks: &'static [Task],
            /// The number of chunks up to the end of each stage.
            ends: &'static [usize],
            call: unsafe fn(usize, isize, isize, isize, &Memory, *mut f32),
        }

        impl Code {
            /// Runs a call whole.
            unsafe fn whole(&self, number: usize, memory: &Memory, private: *mut f32) {
                let Call(outer, inner) = &self.calls[number];
                for outer in outer.0..outer.1 {
                    #caller
                    unsafe { (self.call)(number, outer, inner.0, inner.1, memory, private) }
                }
            }

            /// Runs consecutive chunks of one stage.
            unsafe fn chunks(&self, chunks: core::ops::Range<usize>, memory: &Memory, private: *mut f32) {
                let mut next = chunks.start;
                while next < chunks.end {
                    let index = self.tasks.partition_point(|task| task.0 <= next) - 1;
                    let Task(first, calls, unit, in_pass) = self.tasks[index];
                    if unit == 0 {
                        for number in calls.0..calls.1 {
                            #caller
                            unsafe { self.whole(number, memory, private) }
                        }
                        next += 1;
                        continue;
                    }
                    let Call(outer, inner) = &self.calls[calls.0];
                    let (pass, chunk) = ((next - first) / in_pass, (next - first) % in_pass);
                    let many = (chunks.end - next).min(in_pass - chunk);
                    let begin = inner.0 + chunk as isize * unit;
                    let end = inner.1.min(begin + many as isize * unit);
                    #caller
                    unsafe { (self.call)(calls.0, outer.0 + pass as isize, begin, end, memory, private) }
                    next += many;
                }
            }
        }

        /// A thread's own scratch memory, or that in the arena.
        #[inline]
        unsafe fn scratch(private: *mut f32, own: usize, arena: *mut f32, at: usize) -> *mut f32 {
            #own
            unsafe { if private.is_null() { arena.add(at) } else { private.add(own) } }
        }
    }
}

/// What sharing a run needs: the protocol and memory for each thread.
pub(super) fn sharing(cuts: &[Cut<'_>], threads: Option<&TokenStream>, notes: Notes) -> TokenStream {
    let private = Literal::usize_unsuffixed(private_elements(cuts));
    let protocol = protocol(threads);
    let shared = cuts.iter().any(|cut| cut.schedule.is_worth_sharing());
    let note = notes.write("SAFETY: these are addresses; those who use them say why they may.");
    quote! {
        #protocol

        /// Whether a run lasts long enough that sessions share it.
        const IS_WORTH_SHARING: bool = #shared;

        /// Scratch memory of one thread among several. Keep it on the heap.
        #[derive(Clone)]
        #[repr(C, align(64))]
        pub struct ThreadScratch([f32; #private]);

        impl ThreadScratch {
            /// Zeros.
            pub const fn new() -> Self {
                Self([0.0; #private])
            }
        }

        impl core::fmt::Debug for ThreadScratch {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("ThreadScratch")
            }
        }

        #note
        unsafe impl Sync for Memory {}

        /// The first of the other threads' scratch memories, and how many there are.
        struct Private(*mut ThreadScratch, usize);

        #note
        unsafe impl Sync for Private {}
    }
}

/// `Threads` and `Progress`, of the module that is named or of the generated one's own.
fn protocol(threads: Option<&TokenStream>) -> TokenStream {
    if let Some(path) = threads {
        return quote! {
            pub use #path::Threads;
            use #path::Progress;
        };
    }
    let protocol: TokenStream = PROTOCOL_SOURCE.parse().unwrap_or_default();
    quote! {
        pub use protocol::Threads;
        use protocol::Progress;

        mod atomic {
            pub(super) use core::sync::atomic::{AtomicUsize, Ordering};
        }

        #[allow(unreachable_pub)]
        mod protocol {
            #protocol
        }
    }
}
