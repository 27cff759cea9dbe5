//! Tensors that hold no elements of their own read as those that do.

use half::{bf16, f16};
use proptest::prelude::*;
use rexnet_ir::Bytes;
use rexnet_ir::graph::{Encoding, Tensor};

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// All ways of reading give these elements, bit for bit.
fn assert_reads(tensor: &Tensor, expected: &[f32]) {
    assert_eq!(tensor.len(), expected.len());
    assert_eq!(bits(&tensor.data()), bits(expected));
    let elements: Vec<f32> = (0..expected.len()).map(|at| tensor.element(at)).collect();
    assert_eq!(bits(&elements), bits(expected));
    let filter = tensor.filter_len();
    let filters = expected.len() / filter;
    for count in 1..=filters.min(3) {
        for first in 0..=filters - count {
            let mut read = vec![f32::NAN; count * filter];
            tensor.read_filters(first, &mut read);
            assert_eq!(bits(&read), bits(&expected[first * filter..(first + count) * filter]));
        }
    }
}

/// The element that stands in the low bytes of a word.
type Value = fn(u64) -> f32;

/// The bytes behind so many others, so that no alignment holds.
fn at_offset(offset: usize, content: Vec<u8>) -> Bytes {
    let length = content.len();
    Bytes::from([vec![0xa5; offset], content].concat()).slice(offset..offset + length)
}

proptest! {
    #[test]
    fn stored_elements_are_those_of_the_file(words in prop::collection::vec(any::<u64>(), 12), offset in 0usize..9) {
        let file = |width: usize| {
            at_offset(offset, words.iter().flat_map(|word| word.to_le_bytes()[..width].to_vec()).collect())
        };
        let cases: [(Encoding, Value); 4] = [
            (Encoding::F32, |word| f32::from_bits(word as u32)),
            (Encoding::F16, |word| f16::from_bits(word as u16).to_f32()),
            (Encoding::Bf16, |word| bf16::from_bits(word as u16).to_f32()),
            (Encoding::F64, |word| f64::from_bits(word) as f32),
        ];
        for (encoding, value) in cases {
            let tensor = Tensor::stored([3, 2, 2], file(encoding.width()), encoding).unwrap();
            let expected: Vec<f32> = words.iter().map(|&word| value(word)).collect();
            assert_reads(&tensor, &expected);
            prop_assert!(Tensor::stored([3, 2], file(encoding.width()), encoding).is_none());
        }
    }

    #[test]
    fn products_are_rounded_once(
        values in prop::collection::vec(any::<f32>(), 12),
        factors in prop::collection::vec(any::<f64>(), 3),
        offset in 0usize..5,
    ) {
        let content = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let stored = Tensor::stored([3, 4], at_offset(offset, content), Encoding::F32).unwrap();
        let expected: Vec<f32> =
            values.iter().enumerate().map(|(at, &value)| (f64::from(value) * factors[at / 4]) as f32).collect();
        for tensor in [stored, Tensor::new([3, 4], values).unwrap()] {
            let scaled = tensor.scaled(factors.clone()).unwrap();
            assert_reads(&scaled, &expected);
            assert_reads(&scaled.reshaped([3, 2, 2]).unwrap(), &expected);
            assert_reads(&scaled.reshaped([4, 3]).unwrap(), &expected);
            prop_assert!(scaled.reshaped([4, 4]).is_none());
            prop_assert!(tensor.scaled(vec![1.0; 2]).is_none());
            // Each time is rounded, as when the first products were stored.
            let twice: Vec<f32> = expected
                .iter()
                .enumerate()
                .map(|(at, &value)| (f64::from(value) * factors[at / 4]) as f32)
                .collect();
            assert_reads(&scaled.scaled(factors.clone()).unwrap(), &twice);
        }
    }
}

#[test]
fn published_half_precision_numbers_are_widened_exactly() {
    // From the tables of IEEE 754 binary16 and of bfloat16: 1, -2, the largest, the smallest subnormal.
    let f16s = [0x3c00_u16, 0xc000, 0x7bff, 0x0001];
    let file: Vec<u8> = f16s.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let tensor = Tensor::stored([4], file.into(), Encoding::F16).unwrap();
    assert_reads(&tensor, &[1.0, -2.0, 65504.0, 5.960_464_5e-8]);
    let bf16s = [0x3f80_u16, 0xc000, 0x7f7f, 0x4049];
    let file: Vec<u8> = bf16s.iter().flat_map(|bits| bits.to_le_bytes()).collect();
    let tensor = Tensor::stored([4], file.into(), Encoding::Bf16).unwrap();
    assert_reads(&tensor, &[1.0, -2.0, 3.389_531_4e38, 3.140_625]);
}

#[test]
fn zeros_and_vectors() {
    assert_reads(&Tensor::zeros([2, 3]), &[0.0; 6]);
    assert_reads(&Tensor::vector([1.0, 2.0]), &[1.0, 2.0]);
    assert_eq!(Tensor::zeros([2, 3]), Tensor::new([2, 3], [0.0; 6]).unwrap());
    assert_ne!(Tensor::zeros([2, 3]), Tensor::zeros([3, 2]));
    assert_eq!(format!("{:?}", Tensor::zeros([2, 3])), "Tensor [2, 3] of zeros");
}

#[test]
fn extents_whose_product_overflows_have_no_elements() {
    let huge = [usize::MAX, 2];
    assert!(Tensor::new(huge, [0.0; 6]).is_none());
    assert!(Tensor::stored(huge, Bytes::from_static(&[0; 8]), Encoding::F32).is_none());
    assert!(Tensor::zeros([2, 3]).reshaped(huge).is_none());
    // Nor do those that only a zero keeps from it.
    assert!(Tensor::stored([0, usize::MAX, 2], Bytes::new(), Encoding::F32).is_none());
    assert_eq!(Tensor::stored([0, 5], Bytes::new(), Encoding::F32).unwrap().data().len(), 0);
}
