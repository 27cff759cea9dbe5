//! Any kernel of the loop language: it verifies, it comes back from its text, and all back ends give its meaning.

use crate::backends::{in_process, run, rust};
use crate::choices::Choices;
use crate::comparison::assert_same_bits;
use crate::inputs::values;
use crate::kernels::{ELEMENTS, random_kernel};
use crate::runnable::Runnable;
use crate::single_kernel::{program_of, program_of_all, weights_of};
use proptest::prelude::*;
use rexnet_codegen::emit::rust::Version;
use rexnet_codegen::loops;
use rexnet_codegen::run::Executable;
use rexnet_codegen::run::emitted::Optimisation;

proptest! {
    #![proptest_config(crate::cases(600))]

    #[test]
    fn nests_agree(mut choices in Choices::strategy(1200)) {
        let kernel = random_kernel(&mut choices);
        let text = kernel.to_string();
        loops::verify(&kernel).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        let read = loops::parse(&text).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
        prop_assert_eq!(&read, &kernel, "\n{}", text);

        let program = program_of(kernel);
        let weights = weights_of(&program, &values(1, ELEMENTS[1]));
        let input = values(2, ELEMENTS[0]);
        let mut expected: Option<Vec<Vec<f32>>> = None;
        for backend in in_process() {
            let what = format!("{}:\n{text}", backend.name);
            let executable = backend.prepare(&program).unwrap_or_else(|faults| panic!("{faults}\n{what}"));
            let outputs = run(&what, &executable, &program, &weights, &[&input]);
            assert_same_bits(&what, &outputs[0], &expected.get_or_insert_with(|| outputs.clone())[0]);
        }
    }
}

proptest! {
    // A failing case is not made smaller: it would be compiled again at every step.
    #![proptest_config(proptest::test_runner::Config { max_shrink_iters: 0, ..crate::cases(1) })]

    /// Many kernels in one program, so that each version is compiled once.
    #[test]
    fn nests_agree_in_rust(tapes in proptest::collection::vec(Choices::strategy(1200), 48)) {
        let kernels: Vec<_> = tapes.into_iter().map(|mut choices| random_kernel(&mut choices)).collect();
        let program = program_of_all(kernels);
        let weights = weights_of(&program, &values(1, ELEMENTS[1]));
        let input = values(2, ELEMENTS[0]);
        let inputs = vec![input.as_slice(); program.inputs.len()];
        let expected = run("interpreter", &Runnable::Executable(Executable::Interpreter), &program, &weights, &inputs);
        let versions = || Version::ALL.into_iter().filter(|version| version.runs_here());
        let programs: Vec<_> = versions().map(|version| (&program, version)).collect();
        let libraries = rust(&programs, Optimisation::None).unwrap_or_else(|faults| panic!("{faults}"));
        for (version, library) in versions().zip(libraries) {
            let outputs = run(version.name(), &library, &program, &weights, &inputs);
            for ((kernel, actual), expected) in program.kernels.iter().zip(&outputs).zip(&expected) {
                assert_same_bits(&format!("{}:\n{kernel}", version.name()), actual, expected);
            }
        }
    }
}
