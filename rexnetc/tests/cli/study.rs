//! Studies of ranks: what is written, and what is refused.

use crate::binary::{SMALL, rexnetc, root, scratch};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// The lines of a CSV file by the names of their columns.
#[track_caller]
fn records(path: &Path) -> Vec<HashMap<String, String>> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let record = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), columns.len(), "{line}");
        columns.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect()
    };
    lines.map(record).collect()
}

#[test]
fn random_layers_are_written_as_tables_and_curves() {
    let folder = scratch("study_rank");
    let ran =
        rexnetc(&["study", "rank", "--json", "--networks", "1", "-o", folder.to_str().unwrap()]).exits(0);
    assert_eq!(fs::read_to_string(folder.join("rank.json")).unwrap(), ran.out);
    assert!(ran.err.is_empty(), "{ran:?}");
    let json = ran.json();
    for (file, begins) in [("rank.svg", &b"<svg"[..]), ("rank.png", b"\x89PNG")] {
        assert!(fs::read(folder.join(file)).unwrap().starts_with(begins), "{file}");
    }
    // Three forms, ten ratios, eight nonlinearities.
    let points = json["points"].as_array().unwrap();
    assert_eq!((points.len(), records(&folder.join("rank.csv")).len()), (240, 240));
    let networks = records(&folder.join("networks.csv"));
    assert_eq!(networks.len(), 240);
    for network in &networks {
        let number = |name: &str| network[name].parse::<f64>().unwrap();
        let (input, output) = (number("input_channels"), number("output_channels"));
        assert!(
            (32.0..=256.0).contains(&output) && (input / output - number("ratio")).abs() < 0.02,
            "{network:?}"
        );
        assert!(number("rank") <= output && number("effective_rank") <= output, "{network:?}");
        // A linear map of so many channels has no more directions.
        if network["form"] == "conv_1x1" && network["nonlinearity"] == "none" {
            assert!(number("rank") <= input && number("effective_rank") <= input, "{network:?}");
        }
    }
}

/// The expected ranks are those of PyTorch's feature maps, in f64, by `numpy.linalg.svd`: `feature_maps.py` prints them.
#[test]
fn feature_maps_have_the_ranks_that_numpy_finds() {
    let model = root().join("models/rexnet_cifar10");
    let path = |name: &str| model.join(name).to_str().unwrap().to_owned();
    let images = ["airplane/3", "automobile/6", "bird/25", "cat/0", "deer/22"];
    let images = images.into_iter().chain(["dog/12", "frog/4", "horse/13", "ship/1", "truck/11"]);
    let images: Vec<String> = images.map(|name| path(&format!("examples/{name}.png"))).collect();
    let (net, weights) = (path("rexnet_cifar10.rexnet"), path("weights.safetensors"));
    let output = scratch("study_channels");
    let mut arguments = vec!["study", "channels", &net, "--weights", &weights];
    arguments.extend(["--json", "-o", output.to_str().unwrap()]);
    arguments.extend(images.iter().map(String::as_str));
    let json = rexnetc(&arguments).exits(0).json();
    assert_eq!(json["images"], 10);
    let layers = json["layers"].as_array().unwrap();
    let expected = [
        ("stem.act", "3x3", [3, 16, 10240, 8], 6.3077),
        ("features.0.act_dw", "depthwise 3x3", [16, 16, 2560, 16], 12.0938),
        ("features.1.conv_exp.act", "1x1", [12, 72, 2560, 31], 30.6111),
        ("features.1.conv_pwl.bn", "1x1", [72, 17, 2560, 17], 14.2473),
        ("features.3.act_dw", "depthwise 3x3", [132, 132, 640, 71], 86.6738),
        ("features.16", "1x1", [91, 384, 160, 65], 71.0611),
    ];
    for (name, kind, [input, channels, positions, rank], effective) in expected {
        let layer =
            layers.iter().find(|layer| layer["layer"] == name).unwrap_or_else(|| panic!("{name}: {json:#}"));
        assert_eq!((&layer["kind"], &layer["input_channels"]), (&kind.into(), &input.into()), "{layer:#}");
        assert_eq!((&layer["output_channels"], &layer["positions"]), (&channels.into(), &positions.into()));
        assert_eq!(layer["rank"], rank, "{layer:#}");
        // The kernels compute in f32: its 1e-6 of the largest value is spread over all singular values.
        let found = layer["effective_rank"].as_f64().unwrap();
        assert!((found - effective).abs() < 1e-3, "{name}: {found} instead of {effective}");
    }
    // Squeeze-excite's convolutions have one position, so no map: 3 for each of 16 blocks, less an expansion; stem, head.
    assert_eq!((layers.len(), records(&output.join("channels.csv")).len()), (49, 49));
    let record: Value = serde_json::from_slice(&fs::read(output.join("channels.json")).unwrap()).unwrap();
    assert_eq!(record, json);
    for (file, begins) in [("channels.svg", &b"<svg"[..]), ("channels.png", b"\x89PNG")] {
        assert!(fs::read(output.join(file)).unwrap().starts_with(begins), "{file}");
    }

    // Through a test set; two images are too few, and that is said.
    let data = path("examples");
    let few = rexnetc(&["study", "channels", &net, "--weights", &weights, "--data", &data, "--first", "2"])
        .exits(0);
    assert!(
        few.out.contains("; 2 images\n") && few.out.contains("* fewer positions than channels"),
        "{few:?}"
    );
}

#[test]
fn parts_of_images_are_further_images() {
    let photo = root().join("models/photos/coffee.png");
    let study = ["study", "channels", SMALL, photo.to_str().unwrap(), "--json"];
    for (crops, images) in [("0", 1), ("1", 2), ("3", 10)] {
        let json = rexnetc(&[&study[..], &["--crops", crops]].concat()).exits(0).json();
        assert_eq!(json["images"], images);
        // The stem's map is 16×16.
        assert_eq!(json["layers"][0]["positions"], 256 * images);
    }
}

#[test]
fn what_cannot_be_studied_is_refused() {
    let photo = root().join("models/photos/coffee.png");
    let photo = photo.to_str().unwrap();
    let directory = scratch("study_refused");
    let file = directory.join("file");
    fs::write(&file, "").unwrap();
    let blocked = file.join("folder");
    let blocked = blocked.to_str().unwrap();
    let wide = |channels: &str| format!("rexnet(width = {channels}, size = 32)");
    let cases: [(&[&str], i32, &str); 12] = [
        (&["study", "rank"], 2, "--output <DIR>"),
        (&["study", "rank", "-o", blocked, "--networks", "0"], 2, "0 is not in 1..=10000"),
        (&["study", "rank", "-o", blocked, "--networks", "10001"], 2, "10001 is not in 1..=10000"),
        (&["study", "rank", "-o", blocked, "--networks", "1"], 1, "RX0701"),
        (&["study", "channels", SMALL], 2, "IMAGE"),
        (&["study", "channels", SMALL, photo, "--crops", "17"], 2, "0 to 16 parts a side"),
        (&["study", "channels", SMALL, file.to_str().unwrap()], 1, "RX0702"),
        (&["study", "channels", SMALL, photo, "-o", blocked], 1, "RX0701"),
        (&["study", "channels", &wide("8.0"), photo], 1, "RX0203"),
        (&["study", "channels", "rexnet(size = 2592)", photo], 1, "RX0203"),
        (&["study", "channels", "rexnet(size = 1)", photo], 1, "RX0706"),
        (&["study", "channels", SMALL, photo, "--first", "2"], 2, "--first"),
    ];
    for (arguments, code, expected) in cases {
        let ran = rexnetc(arguments).exits(code);
        assert!(ran.err.contains(expected), "{arguments:?}: {ran:#?}");
    }
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
}
