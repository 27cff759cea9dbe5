//! The processor's floating-point mode while kernels run, compiled or interpreted: round to nearest even, subnormals kept, no traps.

/// Holds the caller's mode and restores it when dropped.
#[derive(Debug)]
pub(crate) struct FloatEnvironment {
    saved: u64,
}

#[cfg(target_arch = "x86_64")]
impl FloatEnvironment {
    /// All exceptions masked, round to nearest, no flush to zero.
    const DEFAULT: u32 = 0x1f80;

    /// Sets the kernels' mode.
    pub(crate) fn enter() -> Self {
        let mut saved = 0u32;
        // SAFETY: stores MXCSR to a local variable.
        unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut saved, options(nostack, preserves_flags)) };
        Self::load(Self::DEFAULT);
        Self { saved: u64::from(saved) }
    }

    fn load(mode: u32) {
        // SAFETY: `mode` is the default or was read from MXCSR, so no reserved bit is set.
        unsafe {
            std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack, preserves_flags, readonly))
        };
    }
}

#[cfg(target_arch = "x86_64")]
impl Drop for FloatEnvironment {
    fn drop(&mut self) {
        Self::load(self.saved as u32);
    }
}

#[cfg(target_arch = "aarch64")]
impl FloatEnvironment {
    /// Sets the kernels' mode: FPCR zero.
    pub(crate) fn enter() -> Self {
        let saved: u64;
        // SAFETY: reads FPCR.
        unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) saved, options(nostack, nomem, preserves_flags)) };
        Self::load(0);
        Self { saved }
    }

    fn load(mode: u64) {
        // SAFETY: `mode` is zero, the default, or was read from FPCR.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) mode, options(nostack, nomem, preserves_flags)) };
    }
}

#[cfg(target_arch = "aarch64")]
impl Drop for FloatEnvironment {
    fn drop(&mut self) {
        Self::load(self.saved);
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
impl FloatEnvironment {
    /// Other processors have no code to run here.
    pub(crate) fn enter() -> Self {
        Self { saved: 0 }
    }
}
