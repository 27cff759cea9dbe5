//! Compiled sections, called in order by one thread or chunk by chunk by several.

use super::float_environment::FloatEnvironment;
use super::memory::Memory;
use crate::memory::AlignedBuffer;
use crate::plan::{Passes, Schedule};
use rexnet_threads::{Alone, Progress, Threads};

/// The compiled sections of a program that was proved.
pub(crate) trait Calls: Sync {
    /// What a thread keeps from one call to the next.
    type Thread;

    /// How a run is cut up.
    fn schedule(&self) -> &Schedule;

    /// A thread; `private` is its scratch memory, null for the arena's.
    fn thread(&self, private: *mut f32) -> Self::Thread;

    /// Runs passes of a section.
    ///
    /// # Safety
    /// The memory is that of the program and lives. Nothing else writes meanwhile what the section touches, or touches
    /// what it writes.
    unsafe fn call(&self, thread: &mut Self::Thread, passes: &Passes, memory: &Memory);
}

/// The bytes that [`run_on`] needs for each thread but one.
pub(super) fn private_bytes(calls: &impl Calls) -> usize {
    // A number of threads is told from the length of their memory.
    calls.schedule().private_bytes().max(64)
}

/// Runs a program once on this thread. `observe` is called after each step, by its index.
pub(super) fn run(calls: &impl Calls, memory: &Memory, observe: &mut dyn FnMut(usize)) {
    let _environment = FloatEnvironment::enter();
    let mut thread = calls.thread(std::ptr::null_mut());
    let mut current = None;
    calls.schedule().execute_all(&mut |passes| {
        if let Some(done) = current.replace(passes.step)
            && done != passes.step
        {
            observe(done);
        }
        // SAFETY: the memory lives as long as the caller borrows it, and nothing else runs on it.
        unsafe { calls.call(&mut thread, &passes, memory) };
    });
    current.into_iter().for_each(observe);
}

/// As [`run`], on several threads: those of `threads`, as many as `private` has room for and one more.
pub(super) fn run_on(calls: &impl Calls, memory: Memory, threads: &dyn Threads, private: &mut AlignedBuffer) {
    let (schedule, bytes) = (calls.schedule(), private_bytes(calls));
    let most = 1 + 4 * private.as_slice().len() / bytes;
    let memory = memory.with_private(private, bytes);
    let progress = Progress::new();
    let work = |number: usize, threads: &dyn Threads| {
        let _environment = FloatEnvironment::enter();
        let mut thread = calls.thread(memory.private(number));
        progress.work(threads, schedule.ends(), &mut |chunks| {
            schedule.execute(chunks, &mut |passes| {
                // SAFETY: the memory lives as long as the caller borrows it. Others run chunks of the same stage at the
                // same time: the schedule puts into one what was proved to write nothing that the others touch, but for
                // scratch memory, of which no other thread has the same, since a number is given once. What earlier
                // stages wrote is seen, since `work` orders it before.
                unsafe { calls.call(&mut thread, &passes, &memory) };
            });
        });
    };
    threads.run(&|| {
        if let Some(number) = progress.enter(most) {
            work(number, threads);
        }
    });
    // Nobody is inside any more; should nobody have come, all is done here.
    work(0, &Alone);
}
