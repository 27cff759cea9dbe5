//! PyTorch checkpoints as `--weights`.

use crate::binary::{file, rexnetc, root, scratch};
use crate::files::{bytes_of, header, npy};

/// Its weights are in `tests/fixtures/checkpoints`.
const THREE: &str = "network three { input: [3, 4, 6], classes: 4, batch_norm: { epsilon: 1e-5 }, \
                     stem: { channels: 8, kernel: 3, stride: 2, activation: relu }, \
                     blocks: { repeats: [1], channels: 3, expand: { ratio: 1, activation: relu }, \
                     depthwise: { kernel: 3, stride: 1, activation: relu6 }, shortcut: prefix } }";

fn fixture(name: &str) -> String {
    root().join("tests/fixtures/checkpoints").join(name).into_os_string().into_string().unwrap()
}

#[test]
fn checkpoints_run_as_the_same_weights_in_safetensors() {
    let directory = scratch("checkpoints_run");
    let input: Vec<f32> = (0..72).map(|at| (at % 7) as f32 / 4.0 - 0.5).collect();
    let input = file(&directory, "x.npy", npy(&header(&[1, 3, 4, 6]), &bytes_of(&input)));
    let logits = |weights: &str| {
        let output = directory.join(format!("{weights}.npy")).into_os_string().into_string().unwrap();
        let weights = fixture(weights);
        let ran =
            rexnetc(&["run", THREE, "--weights", &weights, "--input", &input, "--output", &output]).exits(0);
        // Nothing is unused.
        assert!(!ran.err.contains("RX0305"), "{ran:?}");
        std::fs::read(output).unwrap()
    };
    let expected = logits("three.safetensors");
    assert_eq!(logits("three.zip.pth"), expected);
    assert_eq!(logits("three.pickle.pth"), expected);
}

#[test]
fn faults_of_a_checkpoint_name_the_file() {
    let cut = std::fs::read(fixture("three.zip.pth")).unwrap();
    let cut = file(&scratch("checkpoints_cut"), "cut.pth", &cut[..cut.len() / 2]);
    let huge = [&b"\x80\x02"[..], &b"]".repeat(1 << 20), b"."].concat();
    let huge = file(&scratch("checkpoints_huge"), "huge.pth", huge);
    for (path, code, word) in [
        (cut, "RX0301", "cut.pth"),
        (fixture("refused/command.zip.pth"), "RX0307", "posix.system"),
        (fixture("refused/other_keys.zip.pth"), "RX0308", "other_keys.zip.pth"),
        (fixture("refused/deflated.zip.pth"), "RX0309", "deflated.zip.pth"),
        (huge, "RX0310", "huge.pth"),
    ] {
        let ran = rexnetc(&["info", THREE, "--weights", &path]).exits(1);
        for part in [code, word, path.as_str()] {
            assert!(ran.err.contains(part), "{part}: {ran:?}");
        }
    }
}
