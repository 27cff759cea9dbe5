//! Large blocks of memory that the system refuses are told of by code, and the process goes on. A binary of its own: its
//! allocator refuses.

use rexnet::threads::Team;
use rexnet::{Code, Diagnostic, Engine, Options, Weights};
use rexnet_codegen::driver::{Request, compile};
use rexnet_codegen::plan::{PackedWeights, pack};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

const SPEC: &str = "rexnet(width = 0.25, size = 64, classes = 10)";

thread_local! {
    /// Blocks of this size and more are refused.
    static REFUSED: Cell<usize> = const { Cell::new(usize::MAX) };
}

struct Refusing;

impl Refusing {
    fn refuses(size: usize) -> bool {
        REFUSED.try_with(|refused| size >= refused.get()).unwrap_or(false)
    }
}

// SAFETY: every call is handed to the system's allocator unchanged, or answered with a null pointer.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::refuses(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if Self::refuses(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

/// What `work` says when it can have no block of `bytes`.
fn without<T>(bytes: usize, work: impl FnOnce() -> Result<T, Diagnostic>) -> Option<Code> {
    REFUSED.set(bytes);
    let result = work();
    REFUSED.set(usize::MAX);
    result.err().map(|fault| fault.code)
}

#[test]
fn weights_that_there_is_no_memory_for() {
    let network = compile(Request::new(SPEC, Weights::Seeded(0))).unwrap();
    let bytes = network.program.weight_bytes;
    assert_eq!(without(bytes, || pack(&network.program, &network.graph)), Some(Code::Memory));
    // One byte before the file puts it where it cannot be used as it is.
    let file = rexnet::Bytes::from([&[0], &network.weights.to_rxw()[..]].concat()).slice(1..);
    let read = || PackedWeights::from_rxw(file.clone(), &network.program);
    assert_eq!(without(bytes, read), Some(Code::Memory));
    assert_eq!(without(usize::MAX, read), None);
}

#[test]
fn sessions_that_there_is_no_memory_for() {
    let model = Engine::new().compile(SPEC, Weights::Seeded(0), &Options::default()).unwrap();
    let bytes = model.program().arena_bytes;
    assert_eq!(without(bytes, || model.session()), Some(Code::Memory));
    let team = Team::new(2).unwrap();
    let alone = model.session().unwrap();
    // The scratch memory of the second thread is a larger block than this one.
    assert_eq!(without(4096, || alone.on(team)), Some(Code::Memory));
    let mut session = model.session().unwrap();
    let mut logits = [f32::NAN; 10];
    session.run(&[&vec![0.5; 3 * 64 * 64]], &mut [&mut logits]).unwrap();
    assert!(logits.iter().all(|logit| logit.is_finite()));
}
