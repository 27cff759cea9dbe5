//! Compiled networks in files, and machine code as text.
#![cfg(target_arch = "x86_64")]

use crate::binary::{SMALL, file, rexnetc, scratch};
use crate::files::{bytes_of, header, npy, read_npy};
use std::path::Path;

/// Compiles a small network to an image in the directory; the path of its file.
fn compiled(directory: &Path) -> String {
    let to = directory.to_str().unwrap();
    rexnetc(&["compile", SMALL, "--seed", "3", "--emit", "image", "-o", to]).exits(0);
    directory.join("rexnet.rxi").into_os_string().into_string().unwrap()
}

#[test]
fn an_image_runs_as_its_network_does() {
    let directory = scratch("image_runs");
    let image = compiled(&directory);
    let values: Vec<f32> = (0..3 * 32 * 32).map(|at| (at % 17) as f32 / 8.0 - 1.0).collect();
    let input = file(&directory, "x.npy", npy(&header(&[1, 3, 32, 32]), &bytes_of(&values)));
    let answer = |arguments: &[&str], name: &str| {
        let output = directory.join(name).into_os_string().into_string().unwrap();
        rexnetc(&[&["run"], arguments, &["--input", &input, "--output", &output]].concat()).exits(0);
        read_npy(&output)
    };
    assert_eq!(answer(&[&image], "image.npy"), answer(&[SMALL, "--seed", "3"], "spec.npy"));
    let photo = rexnetc(&["run", &image, "models/photos/coffee.png"]).exits(0);
    assert!(photo.out.contains("class "), "the image knows its preprocessing: {photo:?}");

    let once = rexnetc(&["bench", &image, "--once"]).exits(0);
    assert!(
        once.out.lines().all(|line| line.starts_with('#')) && once.out.contains("#first_ms "),
        "{once:?}"
    );
    assert_eq!(rexnetc(&["bench", &image, "--lines", "--iters", "2"]).exits(0).out.lines().count(), 5);
    let json = rexnetc(&["bench", &image, "--json"]).exits(0).json();
    assert!(json["macs"].as_u64().is_some_and(|macs| macs > 0), "{json}");
}

#[test]
fn what_an_image_cannot_do_is_said() {
    let directory = scratch("image_refused");
    let image = compiled(&directory);
    for command in ["info", "verify", "dump", "pack", "profile"] {
        let ran = rexnetc(&[command, &image]).exits(1);
        assert!(ran.err.contains("RX0605") && ran.err.contains("can only be run"), "{command}: {ran:?}");
    }
    rexnetc(&["bench", &image, "--weights", "any.safetensors"]).exits(2);
    rexnetc(&["bench", &image, "--backend", "interpret"]).exits(2);
    let batch = rexnetc(&["bench", &image, "--batch", "2"]).exits(1);
    assert!(batch.err.contains("RX0605") && batch.err.contains("batch of 1"), "{batch:?}");

    let mut bytes = std::fs::read(&image).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    for (content, word) in
        [(&bytes[..], "checksum"), (&bytes[..70], "damaged"), (b"rexnet", "does not begin")]
    {
        let damaged = file(&directory, "damaged.rxi", content);
        let ran = rexnetc(&["run", &damaged, "models/photos/coffee.png"]).exits(1);
        assert!(ran.err.contains("RX0605") && ran.err.contains(word), "{word}: {ran:?}");
        assert!(ran.err.contains("damaged.rxi"), "{ran:?}");
    }
    rexnetc(&["bench", "missing.rxi"]).exits(1);
}

#[test]
fn machine_code_stands_beside_the_loops() {
    let ran = rexnetc(&["compile", SMALL, "--emit", "asm", "--target", "avx2"]).exits(0);
    assert!(ran.out.contains("vfmadd231ps ymm") && ran.out.contains("; "), "{}", &ran.out[..2000]);
    assert!(ran.out.contains("acc[") && !ran.out.contains("zmm"));
    let directory = scratch("asm");
    rexnetc(&["compile", SMALL, "--emit", "asm", "-o", directory.to_str().unwrap()]).exits(0);
    let wide = std::fs::read_to_string(directory.join("rexnet.avx512.asm")).unwrap();
    assert!(wide.contains("vfmadd231ps zmm"));
    assert!(directory.join("rexnet.avx2.asm").is_file());
    let ran = rexnetc(&["compile", SMALL, "--emit", "asm", "--target", "neon"]).exits(1);
    assert!(ran.err.contains("RX0601"), "{ran:?}");
}
