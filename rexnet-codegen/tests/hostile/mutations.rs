//! The models of exporters with some bytes changed, through the whole compiler: a program, or coded faults.
//!
//! `REXNET_MUTATIONS=N` tries N changes of each file instead of a few.

use crate::bounds::bounded;
use rexnet_codegen::driver::{Request, Source, Weights, compile};
use std::path::{Path, PathBuf};

const MUTATIONS: usize = 150;

/// Numbers that look random: the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

/// One to three bytes become others, now and then the end is missing, or a part stands twice.
fn mutated(file: &[u8], random: &mut Random) -> Vec<u8> {
    const OTHERS: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x08, 0x10, 0x12];
    let mut file = file.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(file.len());
        match random.below(16) {
            0 => file.truncate(at.max(1)),
            1 => {
                let part = file[at..(at + 1 + random.below(40)).min(file.len())].to_vec();
                file.splice(at..at, part);
            }
            2..8 => file[at] = OTHERS[random.below(OTHERS.len())],
            8..12 => file[at] ^= 1 << random.below(8),
            _ => file[at] = random.below(256) as u8,
        }
    }
    file
}

/// Whole networks, and operators of heads.
fn folders() -> [PathBuf; 2] {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    ["onnx", "onnx_operators"].map(|name| fixtures.join(name))
}

/// All models of which the number in alphabetical order is `part` modulo `parts`.
fn survive(part: usize, parts: usize) {
    let mut models: Vec<PathBuf> = folders()
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "onnx"))
        .collect();
    models.sort();
    assert!(models.len() >= 50, "{} models", models.len());
    let count = std::env::var("REXNET_MUTATIONS").map_or(MUTATIONS, |count| count.parse().unwrap());
    let (mut compiled, mut refused) = (0, 0);
    for (index, path) in models.iter().enumerate().filter(|(index, _)| index % parts == part) {
        let file = std::fs::read(path).unwrap();
        let mut random = Random(index as u64);
        for number in 0..count {
            let mutated = mutated(&file, &mut random);
            let name = format!("change {number} of {}", path.display());
            let source = Source::Onnx { file: mutated.into(), folder: path.parent().map(Path::to_path_buf) };
            match bounded(&name, || compile(Request::new(source, Weights::Zeros))) {
                Ok(_) => compiled += 1,
                Err(faults) => {
                    assert!(!faults.list.is_empty(), "{name}");
                    refused += 1;
                }
            }
        }
    }
    println!("{compiled} compiled, {refused} refused");
    assert!(compiled > refused / 10 && refused > compiled / 10, "{compiled} compiled, {refused} refused");
}

#[test]
fn changed_models_are_survived() {
    survive(0, 2);
}

#[test]
fn changed_models_are_survived_too() {
    survive(1, 2);
}
