//! Any kernel of the loop language: it verifies, it comes back from its text, and all back ends give its meaning.

use crate::backends::{BACKENDS, run};
use crate::choices::Choices;
use crate::comparison::assert_same_bits;
use crate::inputs::values;
use crate::kernels::{ELEMENTS, random_kernel};
use crate::single_kernel::{program_of, weights_of};
use proptest::prelude::*;
use rexnet_codegen::loops;

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
        for (name, prepare) in BACKENDS {
            let what = format!("{name}:\n{text}");
            let executable = prepare(&program).unwrap_or_else(|faults| panic!("{faults}\n{what}"));
            let outputs = run(&what, &executable, &program, &weights, &[&input]);
            assert_same_bits(&what, &outputs[0], &expected.get_or_insert_with(|| outputs.clone())[0]);
        }
    }
}
