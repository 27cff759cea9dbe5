//! What a generated module offers: the network's type with its facts, the memory to run it in, its versions.

use super::session::session;
use super::version::Version;
use super::{Embedding, ModuleOptions, Notes, WeightsSource, identifier, port_names};
use crate::plan::{Port, Program};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

/// The elements of the largest arena of the versions.
pub(super) fn arena_elements(programs: &[(Version, Program)]) -> usize {
    programs.iter().map(|(_, program)| program.arena_bytes / 4).max().unwrap_or(0)
}

/// The constants that the module's functions share.
pub(super) fn facts(programs: &[(Version, Program)]) -> TokenStream {
    let program = &programs[0].1;
    let arena = Literal::usize_unsuffixed(arena_elements(programs));
    let weights = Literal::usize_unsuffixed(program.weight_bytes / 4);
    quote! {
        /// Elements of the arena.
        const ARENA: usize = #arena;
        /// Elements of the packed weights.
        const WEIGHTS: usize = #weights;
    }
}

/// The network's type, its memory and its versions.
pub(super) fn network(programs: &[(Version, Program)], options: &ModuleOptions, notes: Notes) -> TokenStream {
    let program = &programs[0].1;
    let name = identifier(&options.type_name);
    let title = format!(" {}", options.title);
    let constants = constants(program, options);
    let constructors = constructors(programs, options);
    let run = run(programs, notes);
    let weights = weights(options, notes);
    let scratch = scratch(programs, options, notes);
    let versions = versions(programs);
    let session = session(program, options);
    quote! {
        #[doc = #title]
        #[derive(Debug)]
        pub struct #name {
            weights: Weights,
            version: Version,
        }

        impl #name {
            #constants
            #constructors
            #run
        }

        #session
        #weights
        #scratch
        #versions
    }
}

fn extents(ports: &[Port], singular: &str, what: &str) -> TokenStream {
    let constants = ports.iter().enumerate().map(|(index, port)| {
        let name = match ports.len() {
            1 => format_ident!("{singular}"),
            _ => format_ident!("{singular}_{index}"),
        };
        let dims = port.dims.iter().map(|&extent| Literal::usize_unsuffixed(extent));
        let rank = Literal::usize_unsuffixed(port.dims.len());
        let order = if port.dims.len() == 4 { " in NCHW order" } else { "" };
        let doc = format!(" The extents of the {what} `{}`: f32{order}, unpadded.", port.name);
        quote!(#[doc = #doc] pub const #name: [usize; #rank] = [#(#dims),*];)
    });
    quote!(#(#constants)*)
}

fn constants(program: &Program, options: &ModuleOptions) -> TokenStream {
    let inputs = extents(&program.inputs, "INPUT", "input");
    let outputs = extents(&program.outputs, "OUTPUT", "output");
    let parameters = Literal::u64_unsuffixed(options.counts.parameters);
    let macs = Literal::u64_unsuffixed(options.counts.multiply_accumulates);
    let hash: TokenStream = format!("{:#018x}", program.layout_hash).parse().unwrap_or_default();
    let spec = &options.spec;
    quote! {
        #inputs
        #outputs
        /// Trainable parameters.
        pub const PARAMS: u64 = #parameters;
        /// Multiply-accumulates of one run.
        pub const MACS: u64 = #macs;
        /// Bytes of memory for intermediate values.
        pub const ARENA_BYTES: usize = 4 * ARENA;
        /// Bytes of packed weights, without the header of their file.
        pub const WEIGHT_BYTES: usize = 4 * WEIGHTS;
        /// Identifies the layout of the packed weights; stands in the header of their file.
        pub const LAYOUT_HASH: u64 = #hash;
        /// What the network was compiled from.
        pub const SPEC: &'static str = #spec;
    }
}

fn constructors(programs: &[(Version, Program)], options: &ModuleOptions) -> TokenStream {
    let covered = programs.iter().any(|(version, _)| *version == Version::Portable);
    let panics = (!covered).then(|| {
        quote! {
            ///
            /// # Panics
            /// When the processor has the features of none of the versions.
        }
    });
    let new = matches!(options.weights, WeightsSource::Embedded(_)).then(|| {
        quote! {
            /// The network with the weights that were compiled in, by the best version for this processor.
            #panics
            pub fn new() -> Self {
                match Self::with_weights(Weights::Static(&EMBEDDED.1)) {
                    Ok(network) => network,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    });
    let on_heap = options.std.then(|| {
        quote! {
            /// Reads packed weights (`.rxw`) from a file.
            ///
            /// # Errors
            /// When the file cannot be read, or was not packed for this network.
            pub fn load(path: impl AsRef<std::path::Path>) -> Result<Self, Error> {
                let mut file = std::fs::File::open(path).map_err(Error::Read)?;
                Self::with_weights(Weights::Owned(read_packed(&mut file)?))
            }

            /// Copies packed weights, the content of a `.rxw` file, from memory.
            ///
            /// # Errors
            /// When they were not packed for this network.
            pub fn from_packed(mut file: &[u8]) -> Result<Self, Error> {
                Self::with_weights(Weights::Owned(read_packed(&mut file)?))
            }

            /// The memory to run in, on the heap.
            pub fn scratch() -> std::boxed::Box<Scratch> {
                Scratch::boxed()
            }

            /// The network with memory of its own to run in: one for each thread that runs it.
            pub fn session(&self) -> Session<'_> {
                Session { network: self, scratch: Scratch::boxed(), threads: None }
            }
        }
    });
    quote! {
        #new
        #on_heap

        /// Uses packed weights where they lie: the content of a `.rxw` file at an address that is a multiple of
        /// 64.
        ///
        /// # Errors
        /// When they were not packed for this network, or are not aligned.
        pub fn from_static(file: &'static [u8]) -> Result<Self, Error> {
            Self::with_weights(Weights::Static(borrow_packed(file)?))
        }

        fn with_weights(weights: Weights) -> Result<Self, Error> {
            let version = Version::best().ok_or(Error::Processor)?;
            Ok(Self { weights, version })
        }

        /// The version that runs.
        pub fn version(&self) -> Version {
            self.version
        }

        /// Chooses another version; all give the same bits. Says whether this processor has its features; where
        /// it has not, nothing changes.
        pub fn set_version(&mut self, version: Version) -> bool {
            let supported = version.is_supported();
            if supported {
                self.version = version;
            }
            supported
        }
    }
}

fn run(programs: &[(Version, Program)], notes: Notes) -> TokenStream {
    let program = &programs[0].1;
    let inputs = port_names("input", program.inputs.len());
    let outputs = port_names("output", program.outputs.len());
    let lengths = |ports: &[Port]| -> Vec<Literal> {
        ports.iter().map(|port| Literal::usize_unsuffixed(port.elements())).collect()
    };
    let (input_lengths, output_lengths) = (lengths(&program.inputs), lengths(&program.outputs));
    let arms = programs.iter().map(|(version, _)| {
        let (cfg, variant, module) = (version.cfg(), version.variant(), version.module());
        quote!(#cfg Version::#variant => &#module::CODE,)
    });
    let memory = quote! {
        Memory {
            arena: scratch.0.as_mut_ptr(),
            weights: self.weights.elements().as_ptr(),
            inputs: [#(#inputs.as_ptr()),*],
            outputs: [#(#outputs.as_mut_ptr()),*],
        }
    };
    let alone = notes.write(
        "SAFETY: a version is chosen only where the processor has its features; the memory is this run's alone.",
    );
    let shared = notes.write(
        "SAFETY: as in `run`; the protocol gives each number of a thread once, and chunks at the same time are those of one stage.",
    );
    let others = notes.write("SAFETY: there are as many, and each is one thread's.");
    quote! {
        /// Runs the network once, on this thread: f32 in NCHW order. Nothing is allocated.
        pub fn run(
            &self,
            scratch: &mut Scratch,
            #(#inputs: &[f32; #input_lengths],)*
            #(#outputs: &mut [f32; #output_lengths],)*
        ) {
            let _mode = FloatMode::enter();
            let (code, memory) = (self.code(), #memory);
            for number in 0..code.calls.len() {
                #alone
                unsafe { code.whole(number, &memory, core::ptr::null_mut()) }
            }
        }

        /// As `run`, shared between threads: at most as many as `others` has scratch memories, and this one. The outputs
        /// are the same bits. Nothing is allocated.
        pub fn run_on(
            &self,
            threads: &dyn Threads,
            scratch: &mut Scratch,
            others: &mut [ThreadScratch],
            #(#inputs: &[f32; #input_lengths],)*
            #(#outputs: &mut [f32; #output_lengths],)*
        ) {
            let (code, memory) = (self.code(), #memory);
            let others = Private(others.as_mut_ptr(), others.len());
            let progress = Progress::new();
            threads.run(&|| {
                let others = &others;
                let Some(thread) = progress.enter(1 + others.1) else { return };
                let _mode = FloatMode::enter();
                let private = match thread {
                    0 => core::ptr::null_mut(),
                    _ => {
                        #others
                        unsafe { others.0.add(thread - 1).cast() }
                    }
                };
                progress.work(threads, code.ends, &mut |chunks| {
                    #shared
                    unsafe { code.chunks(chunks, &memory, private) }
                });
            });
        }

        fn code(&self) -> &'static Code {
            match self.version { #(#arms)* }
        }
    }
}

fn weights(options: &ModuleOptions, notes: Notes) -> TokenStream {
    let embedded = match &options.weights {
        WeightsSource::RunTime => None,
        WeightsSource::Embedded(embedding) => {
            let bytes = match embedding {
                Embedding::BesideModule(path) => quote!(include_bytes!(#path)),
                Embedding::InCrate(path) => {
                    let path = format!("/{path}");
                    quote!(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), #path)))
                }
            };
            let note = notes.write("SAFETY: any bits are f32 values, and both sides have the same size.");
            Some(quote! {
                /// The header and the weights that were compiled in.
                #[repr(C, align(64))]
                struct Embedded([u8; HEADER_BYTES], [f32; WEIGHTS]);

                #note
                static EMBEDDED: Embedded =
                    unsafe { core::mem::transmute::<[u8; HEADER_BYTES + 4 * WEIGHTS], Embedded>(*#bytes) };

                const _: () = assert!(
                    is_header(&EMBEDDED_HEADER),
                    "the weights were packed for another network: pack them again",
                );
                const EMBEDDED_HEADER: [u8; HEADER_BYTES] = {
                    let file: &[u8] = #bytes;
                    let mut header = [0; HEADER_BYTES];
                    let mut at = 0;
                    while at < HEADER_BYTES {
                        header[at] = file[at];
                        at += 1;
                    }
                    header
                };
            })
        }
    };
    let owned = options.std.then(|| quote!(Owned(std::vec::Vec<Line>),));
    let note = notes.write("SAFETY: the lines are as many as the weights fill, and f32 without padding.");
    let owned_elements = options.std.then(|| {
        quote! {
            Weights::Owned(lines) => {
                #note
                unsafe { &*lines.as_ptr().cast::<[f32; WEIGHTS]>() }
            }
        }
    });
    let line = options.std.then(|| {
        quote! {
            /// A line of cache.
            #[derive(Clone, Copy)]
            #[repr(C, align(64))]
            struct Line([f32; 16]);
        }
    });
    quote! {
        enum Weights {
            Static(&'static [f32; WEIGHTS]),
            #owned
        }

        impl Weights {
            fn elements(&self) -> &[f32; WEIGHTS] {
                match self {
                    Weights::Static(elements) => elements,
                    #owned_elements
                }
            }
        }

        impl core::fmt::Debug for Weights {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("Weights")
            }
        }

        #line
        #embedded
    }
}

fn scratch(programs: &[(Version, Program)], options: &ModuleOptions, notes: Notes) -> TokenStream {
    let note = notes.write("SAFETY: the layout is not empty, and all zeros are f32 values.");
    let boxed = options.std.then(|| {
        // There is no allocation without a size.
        if arena_elements(programs) == 0 {
            return quote! {
                /// Zeros on the heap.
                pub fn boxed() -> std::boxed::Box<Self> {
                    std::boxed::Box::new(Self::new())
                }
            };
        }
        quote! {
            /// Zeros on the heap.
            pub fn boxed() -> std::boxed::Box<Self> {
                let layout = core::alloc::Layout::new::<Self>();
                #note
                unsafe {
                    let memory = std::alloc::alloc_zeroed(layout);
                    if memory.is_null() {
                        std::alloc::handle_alloc_error(layout);
                    }
                    std::boxed::Box::from_raw(memory.cast())
                }
            }
        }
    });
    quote! {
        /// Memory for the intermediate values of one run at a time. It is large: keep it in a `static` or on the
        /// heap.
        #[repr(C, align(64))]
        pub struct Scratch([f32; ARENA]);

        impl Scratch {
            /// Zeros.
            pub const fn new() -> Self {
                Self([0.0; ARENA])
            }

            #boxed
        }

        impl core::fmt::Debug for Scratch {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("Scratch")
            }
        }
    }
}

fn versions(programs: &[(Version, Program)]) -> TokenStream {
    let variants = programs.iter().map(|(version, _)| {
        let (cfg, variant) = (version.cfg(), version.variant());
        let doc = match version {
            Version::Avx512 => " x86-64 with AVX-512 (F, VL, DQ, BW).",
            Version::Avx2 => " x86-64 with AVX2 and FMA.",
            Version::Neon => " aarch64.",
            Version::Portable => " Any processor; fused multiply-adds in f64, slow.",
        };
        quote!(#cfg #[doc = #doc] #variant,)
    });
    let listed = programs.iter().map(|(version, _)| {
        let (cfg, variant) = (version.cfg(), version.variant());
        quote!(#cfg Version::#variant,)
    });
    let names = programs.iter().map(|(version, _)| {
        let (cfg, variant, name) = (version.cfg(), version.variant(), version.name());
        quote!(#cfg Version::#variant => #name,)
    });
    let supported = programs.iter().map(|(version, _)| {
        let (cfg, variant) = (version.cfg(), version.variant());
        let condition = match version {
            Version::Avx512 => quote!(processor_features().1),
            Version::Avx2 => quote!(processor_features().0),
            Version::Neon | Version::Portable => quote!(true),
        };
        quote!(#cfg Version::#variant => #condition,)
    });
    quote! {
        /// The sets of processor features that the network was compiled for. All give the same bits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Version { #(#variants)* }

        impl Version {
            /// All versions for this architecture, the fastest first.
            pub const ALL: &'static [Version] = &[#(#listed)*];

            /// The fastest version that this processor has the features of.
            pub fn best() -> Option<Version> {
                Self::ALL.iter().copied().find(|version| version.is_supported())
            }

            /// Whether this processor has its features.
            pub fn is_supported(self) -> bool {
                match self { #(#supported)* }
            }

            /// The name.
            pub fn name(self) -> &'static str {
                match self { #(#names)* }
            }
        }
    }
}

/// The function for programs that load the module as a library.
pub(super) fn entry(name: &str, programs: &[(Version, Program)], notes: Notes) -> TokenStream {
    let (version, program) = &programs[0];
    let name = identifier(name);
    let place = |count: usize| (0..count).map(Literal::usize_unsuffixed);
    let (inputs, outputs) = (place(program.inputs.len()), place(program.outputs.len()));
    let (cfg, module) = (version.cfg(), version.module());
    let note = notes.write(
        "SAFETY: the caller brings memory as large as the plan says, and the processor has the features of the version.",
    );
    quote! {
        /// Runs passes of a call on memory of the caller's.
        ///
        /// # Safety
        /// The arena, the weights and all inputs and outputs are as long as the network's; `private` is null, or as
        /// long as a thread's scratch memory. Calls at the same time are of one stage, each with scratch memory of its
        /// own.
        #cfg
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn #name(
            call: usize,
            outer: isize,
            begin: isize,
            end: isize,
            arena: *mut f32,
            weights: *const f32,
            inputs: *const *const f32,
            outputs: *const *mut f32,
            private: *mut f32,
        ) {
            #note
            unsafe {
                let memory = Memory {
                    arena,
                    weights,
                    inputs: [#(*inputs.add(#inputs)),*],
                    outputs: [#(*outputs.add(#outputs)),*],
                };
                (#module::CODE.call)(call, outer, begin, end, &memory, private)
            }
        }
    }
}
