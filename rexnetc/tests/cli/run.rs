use crate::binary::{SMALL, file, rexnetc, scratch};
use crate::files::{bytes_of, fixture, header, npy, read_npy};

#[test]
fn the_embedded_network_knows_coffee_and_cats() {
    let photos = ["models/photos/coffee.png", "models/photos/chelsea.png"];
    let json = rexnetc(&["run", photos[0], photos[1], "--json", "--backend", "jit"]).exits(0).json();
    let images = json.as_array().unwrap();
    assert_eq!(images.len(), 2);
    for (image, name) in images.iter().zip(photos) {
        assert_eq!(image["image"], name);
        let top = image["top"].as_array().unwrap();
        assert_eq!(top.len(), 5);
        let probabilities: Vec<f64> =
            top.iter().map(|prediction| prediction["probability"].as_f64().unwrap()).collect();
        assert!(probabilities.is_sorted_by(|a, b| a >= b) && probabilities.iter().sum::<f64>() <= 1.0001);
        for time in ["compile", "decode", "prepare", "network"] {
            assert!(image["times_ms"][time].as_f64().is_some(), "{time}");
        }
    }
    assert_eq!(
        (&images[0]["top"][0]["index"], &images[0]["top"][0]["label"]),
        (&967.into(), &"espresso".into())
    );
    let cat = images[1]["top"][0]["index"].as_u64().unwrap();
    assert!([281, 282, 285].contains(&cat), "{cat}");
}

#[test]
fn photographs_in_batches_have_the_same_outputs() {
    let directory = scratch("run_batches");
    let photos = ["models/photos/coffee.png", "models/photos/chelsea.png", "models/photos/rocket.jpg"];
    let output = |more: &[&str]| {
        let path = directory.join(format!("{}.npy", more.len())).into_os_string().into_string().unwrap();
        let ran = rexnetc(&[&["run"], &photos[..], &["--output", &path], more].concat()).exits(0);
        assert_eq!(ran.out.matches(" ms, network ").count(), 3, "{ran:?}");
        read_npy(&path).1
    };
    let one_by_one = output(&[]);
    let batches = output(&["--batch", "2", "--threads", "2"]);
    assert_eq!(bytes_of(&batches), bytes_of(&one_by_one));
}

#[test]
fn the_preset_with_its_defaults_has_the_trained_weights() {
    let ran = rexnetc(&["run", "efficientnet_lite0", "models/photos/coffee.png", "--top", "1"]).exits(0);
    assert!(ran.out.contains("967  espresso") && ran.err.is_empty(), "{ran:?}");
    assert!(
        ran.out.contains("decode") && ran.out.contains("network") && ran.out.contains("compiled"),
        "{ran:?}"
    );
}

#[test]
fn seeded_weights_are_said_to_mean_nothing() {
    let ran = rexnetc(&["run", SMALL, "models/photos/rocket.jpg", "--top", "3"]).exits(0);
    assert!(ran.err.contains("seeded") && ran.err.contains("mean nothing"), "{ran:?}");
    assert_eq!(ran.out.matches("  class ").count(), 3, "{ran:?}");
}

#[test]
fn labels_come_from_a_file() {
    let labels: String = (0..10).map(|class| format!("thing {class}\n")).collect();
    let path = file(&scratch("run_labels"), "labels.txt", labels);
    let ran = rexnetc(&["run", SMALL, "models/photos/rocket.jpg", "--labels", &path]).exits(0);
    assert_eq!(ran.out.matches("  thing ").count(), 5, "{ran:?}");
}

#[test]
fn all_back_ends_write_the_same_bits_and_the_reference_nearly() {
    let directory = scratch("run_backends");
    let given = fixture(&directory, "rexnet_batch2");
    let output = |backend: &str| {
        let path = directory.join(format!("{backend}.npy")).into_os_string().into_string().unwrap();
        let arguments = ["run", &given.net, "--weights", &given.weights, "--input", &given.input];
        let more = ["--output", &path, "--backend", backend];
        let ran = rexnetc(&[&arguments[..], &more[..]].concat()).exits(0);
        assert!(ran.out.contains("input.npy[1]"), "{ran:?}");
        let (header, values) = read_npy(&path);
        assert!(header.contains("'shape': (2, 10,)"), "{header}");
        values
    };
    let clif = output("clif");
    for backend in ["jit", "interpret"] {
        assert_eq!(bytes_of(&output(backend)), bytes_of(&clif), "{backend}");
    }
    let expected = read_npy(&given.expected).1;
    for standard in [output("reference"), expected] {
        assert!(clif.iter().zip(standard).all(|(a, b)| (a - b).abs() < 1e-4), "{clif:?}");
    }
}

#[test]
fn raw_outputs_of_several_images_are_rows() {
    let directory = scratch("run_rows");
    let path = directory.join("y.npy").into_os_string().into_string().unwrap();
    let photos = ["models/photos/rocket.jpg", "models/photos/coffee.png", "models/photos/rocket.jpg"];
    let ran = rexnetc(&[&["run", SMALL], &photos[..], &["--output", &path, "--json"]].concat()).exits(0);
    assert_eq!(ran.json().as_array().map(Vec::len), Some(3));
    let (header, values) = read_npy(&path);
    assert!(header.contains("'shape': (3, 10,)"), "{header}");
    assert!(values[..10] == values[20..] && values[..10] != values[10..20]);
    let left: Vec<_> = std::fs::read_dir(&directory).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn one_bad_image_does_not_hide_the_others() {
    let arguments = ["run", SMALL, "none.png", "models/photos/rocket.jpg"];
    let ran = rexnetc(&arguments).exits(1);
    assert!(ran.out.contains("rocket.jpg") && ran.err.contains("RX0701"), "{ran:?}");
    let json = rexnetc(&[&arguments[..], &["--json"]].concat()).exits(1).json();
    assert_eq!(json["errors"][0]["code"], "RX0701");
    assert_eq!(json["images"][0]["image"], "models/photos/rocket.jpg");
}

#[test]
fn nans_are_printed_and_do_not_panic() {
    let input = npy(&header(&[1, 3, 32, 32]), &bytes_of(&[f32::NAN; 3 * 32 * 32]));
    let path = file(&scratch("run_nan"), "x.npy", input);
    let json = rexnetc(&["run", SMALL, "--input", &path, "--json"]).exits(0).json();
    assert_eq!(json[0]["top"].as_array().map(Vec::len), Some(5));
}

#[cfg(unix)]
#[test]
fn a_device_stays_a_device() {
    use std::os::unix::fs::FileTypeExt;
    let input = npy(&header(&[1, 3, 32, 32]), &bytes_of(&[0.5; 3 * 32 * 32]));
    let path = file(&scratch("run_device"), "x.npy", input);
    rexnetc(&["run", SMALL, "--input", &path, "--output", "/dev/null"]).exits(0);
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}
