//! Test sets: what is counted, and what is refused.

use crate::binary::{SMALL, rexnetc, root, scratch};
use crate::files::{bytes_of, read_npy};
use std::fs;
use std::path::Path;

/// Copies a photograph into the folder of a class.
fn place(photo: &str, data: &Path, class: &str) {
    fs::create_dir_all(data.join(class)).unwrap();
    fs::copy(root().join("models/photos").join(photo), data.join(class).join(photo)).unwrap();
}

/// Writes a picture.
fn write_png(path: &Path, width: u32, height: u32, pixels: &[u8]) {
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
}

#[test]
fn folders_named_as_labels_are_counted() {
    let data = scratch("eval_folders");
    place("coffee.png", &data, "espresso");
    place("rocket.jpg", &data, "missile");
    place("coffee.png", &data, "tench");
    fs::write(data.join("espresso/notes.txt"), "no photograph").unwrap();
    let to = data.to_str().unwrap();
    let eval = ["eval", "efficientnet_lite0", "--data", to];
    let ran = rexnetc(&eval).exits(0);
    assert!(ran.out.contains("top-1   66.67 %\n") && ran.err.is_empty(), "{ran:?}");
    assert!(ran.out.contains("\n3 images in "), "{ran:?}");
    let json = rexnetc(&[&eval[..], &["--json", "--batch", "2", "--threads", "2"]].concat()).exits(0).json();
    assert_eq!((&json["images"], &json["classes"][967]["right"]), (&3.into(), &1.into()), "{json:#}");
    assert_eq!(json["classes"][0], serde_json::json!({ "label": "tench", "images": 1, "right": 0 }));
    let first = rexnetc(&[&eval[..], &["--first", "1"]].concat()).exits(0);
    assert!(first.out.contains("top-1  100.00 %"), "{first:?}");

    fs::write(data.join("missile/broken.png"), "no picture").unwrap();
    let broken = rexnetc(&eval).exits(1);
    assert!(broken.err.contains("RX0702") && broken.out.contains("; 1 could not be read"), "{broken:?}");
    let json = rexnetc(&[&eval[..], &["--json"]].concat()).exits(1).json();
    assert_eq!((&json["images"], &json["errors"][0]["code"]), (&3.into(), &"RX0702".into()), "{json:#}");
}

/// Images in rows give what the same images as files give, on every back end, and the answers are counted right.
#[test]
fn rows_of_a_picture_are_images() {
    let directory = scratch("eval_rows");
    let [rows, files] = ["rows", "files"].map(|name| directory.join(name));
    fs::create_dir_all(&rows).unwrap();
    let pixels: Vec<u8> =
        (0..10 * 3 * 16 * 16u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    write_png(&rows.join("test_batch.png"), 256, 10, &pixels);
    // Folders without a name that is a label stand in the order of the classes.
    for (index, image) in pixels.chunks(3 * 16 * 16).enumerate() {
        let folder = files.join(format!("n{index}"));
        fs::create_dir_all(&folder).unwrap();
        write_png(&folder.join("image.png"), 16, 16, image);
    }
    fs::write(rows.join("test_lables.json"), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]").unwrap();
    let output = |data: &Path, name: &str, more: &[&str]| {
        let path = directory.join(name);
        let arguments =
            ["eval", SMALL, "--json", "--data", data.to_str().unwrap(), "--output", path.to_str().unwrap()];
        let json = rexnetc(&[&arguments[..], more].concat()).exits(0).json();
        (read_npy(path.to_str().unwrap()), json)
    };
    let ((header, logits), json) = output(&rows, "rows.npy", &[]);
    assert!(header.contains("(10, 10,)"), "{header}");
    let best = |row: &[f32]| (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    let right = logits.chunks(10).enumerate().filter(|(class, row)| best(row) == *class).count();
    assert_eq!(json["top1"].as_f64().unwrap(), 10.0 * right as f64);
    for (name, data, more) in [
        ("files.npy", &files, &[][..]),
        ("batches.npy", &rows, &["--batch", "3", "--threads", "2"]),
        ("interpreted.npy", &rows, &["--backend", "interpret"]),
    ] {
        assert_eq!(bytes_of(&output(data, name, more).0.1), bytes_of(&logits), "{name}");
    }
}

#[test]
fn test_sets_that_do_not_fit_are_refused() {
    let directory = scratch("eval_refused");
    let data = directory.to_str().unwrap();
    let refused = |code: &str, words: &str| {
        let ran = rexnetc(&["eval", SMALL, "--data", data]).exits(1);
        assert!(ran.err.contains(code) && ran.err.contains(words), "{words}: {ran:?}");
    };
    refused("RX0705", "neither test_batch.png nor a folder for each class");
    fs::create_dir(directory.join("one")).unwrap();
    refused("RX0705", "it has 1 folders for 10 classes, and `one` is the label of none");
    for class in 1..10 {
        fs::create_dir(directory.join(class.to_string())).unwrap();
    }
    refused("RX0705", "there is no photograph");
    // A misspelled label must not be taken for a class by its place.
    fs::rename(directory.join("9"), directory.join("class 9")).unwrap();
    refused("RX0705", "it has 10 folders for 10 classes, and `1` is the label of none");
    write_png(&directory.join("test_batch.png"), 8, 2, &[0; 48]);
    refused("RX0703", "a row of 8 pixels is no square image");
    write_png(&directory.join("test_batch.png"), 4, 2, &[0; 24]);
    refused("RX0701", "test_lables.json");
    for (classes, words) in [
        ("[1]", "it has 1 classes for 2 images"),
        ("[1, 10]", "it has class 10, but the network has only 10"),
        ("[1, -1]", "it cannot be read"),
        ("{", "it cannot be read"),
    ] {
        fs::write(directory.join("test_labels.json"), classes).unwrap();
        refused("RX0705", words);
    }
    let backbone = "rexnet(width = 0.25, size = 32, features = [8], classifier = false)";
    rexnetc(&["eval", backbone, "--data", data]).exits(2);
    assert!(rexnetc(&["eval", SMALL, "--data", "nowhere"]).exits(1).err.contains("RX0701"));
}

/// The network of `models/rexnet_cifar10` on an image of each class, the first of the test set; the logits that are expected are
/// PyTorch's.
#[test]
fn the_network_that_was_trained_here_is_that_of_pytorch() {
    let model = root().join("models/rexnet_cifar10");
    let path = |name: &str| model.join(name).into_os_string().into_string().unwrap();
    let output = scratch("eval_trained").join("logits.npy").into_os_string().into_string().unwrap();
    let (spec, weights, data) =
        (path("rexnet_cifar10.rexnet"), path("weights.safetensors"), path("examples"));
    let eval = ["eval", &spec, "--weights", &weights, "--data", &data, "--output", &output, "--json"];
    let json = rexnetc(&eval).exits(0).json();
    let (own, expected) = (read_npy(&output).1, read_npy(&path("examples.npy")).1);
    let best = |row: &[f32]| (0..10).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    let right = expected.chunks(10).enumerate().filter(|(class, row)| best(row) == *class).count();
    assert_eq!((&json["images"], json["top1"].as_f64()), (&10.into(), Some(10.0 * right as f64)));
    // f32 on both sides, sums in other orders; the logits lie between -3 and 8.
    let furthest = own.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(furthest < 1e-4, "{furthest}");
}
