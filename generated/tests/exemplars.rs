//! Every generated network computes what its loops mean, bit for bit, in every version that this processor has.

use rexnet_codegen::driver::{self, Weights};
use rexnet_codegen::memory::AlignedBuffer;
use rexnet_codegen::run::interpret;

/// Uniform in -2..2; SplitMix64.
fn drawn<const N: usize>() -> Box<[f32; N]> {
    let mut state = 0u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) >> 40
    };
    let values: Vec<f32> = (0..N).map(|_| next() as f32 / (1u64 << 22) as f32 - 2.0).collect();
    values.try_into().unwrap()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

macro_rules! exemplar {
    ($module:ident, $spec:expr) => {
        #[test]
        fn $module() {
            use generated::$module::{Network, Threads, Version};

            /// Three threads, started for each run.
            struct Scoped;
            impl Threads for Scoped {
                fn count(&self) -> usize {
                    3
                }
                fn run(&self, work: &(dyn Fn() + Sync)) {
                    std::thread::scope(|scope| {
                        scope.spawn(work);
                        scope.spawn(work);
                        work();
                    });
                }
            }

            const INPUT: usize = Network::INPUT[1] * Network::INPUT[2] * Network::INPUT[3];
            const OUTPUT: usize = Network::OUTPUT[1];

            let compiled = driver::compile(driver::Request::new($spec, Weights::Seeded(0))).unwrap();
            let counts = compiled.source.counts();
            assert_eq!(Network::LAYOUT_HASH, compiled.program.layout_hash);
            assert_eq!(Network::WEIGHT_BYTES, compiled.program.weight_bytes);
            assert_eq!((Network::PARAMS, Network::MACS), (counts.parameters, counts.multiply_accumulates));

            let input = drawn::<INPUT>();
            let mut expected = [0.0; OUTPUT];
            let mut arena = AlignedBuffer::zeroed(compiled.program.arena_bytes / 4);
            let (program, weights) = (&compiled.program, &compiled.weights);
            interpret(program, weights, &mut arena, &[&input[..]], &mut [&mut expected]).unwrap();
            assert!(expected.iter().all(|value| value.is_finite()) && expected[0] != expected[1]);

            let mut network = Network::from_packed(&weights.to_rxw()).unwrap();
            let mut scratch = Network::scratch();
            for &version in Version::ALL.iter().filter(|version| version.is_supported()) {
                let mut output = [f32::NAN; OUTPUT];
                assert!(network.set_version(version));
                network.run(&mut scratch, &input, &mut output);
                assert_eq!(bits(&output), bits(&expected), "{}", version.name());
                output.fill(f32::NAN);
                network.session().on(Scoped).run(&input, &mut output);
                assert_eq!(bits(&output), bits(&expected), "{}, shared", version.name());
            }
        }
    };
}

exemplar!(tiny, include_str!("../tiny.rexnet"));
exemplar!(mobilenet_v2, "mobilenet_v2");
