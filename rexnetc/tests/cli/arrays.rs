//! Archives of arrays as inputs and as what is expected.

use crate::binary::{SMALL, file, rexnetc, scratch};
use crate::files::{bytes_of, header, npy, read_npy};
use crate::onnx::PHOTO;
use miniz_oxide::deflate::compress_to_vec;

/// A file of an archive.
pub(crate) struct Member {
    name: String,
    method: u16,
    content: Vec<u8>,
    length: u32,
}

impl Member {
    /// An array as `numpy.savez` stores it.
    pub(crate) fn stored(name: &str, array: &[u8]) -> Self {
        let length = array.len() as u32;
        Self { name: format!("{name}.npy"), method: 0, content: array.to_vec(), length }
    }

    /// An array as `numpy.savez_compressed` stores it.
    fn deflated(name: &str, array: &[u8]) -> Self {
        Self { method: 8, content: compress_to_vec(array, 6), ..Self::stored(name, array) }
    }
}

/// A zip archive, without checksums.
pub(crate) fn archive(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for Member { name, method, content, length } in members {
        let start = bytes.len() as u32;
        let fields = [
            &[20, 0, 0, 0][..],
            &method.to_le_bytes(),
            &[0; 8],
            &(content.len() as u32).to_le_bytes(),
            &length.to_le_bytes(),
            &(name.len() as u16).to_le_bytes(),
            &[0; 2],
        ]
        .concat();
        bytes.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), content].concat());
        let rest = [&[0; 10][..], &start.to_le_bytes(), name.as_bytes()].concat();
        directory.extend([b"PK\x01\x02", &[20, 0][..], &fields, &rest].concat());
    }
    let (count, start) = ((members.len() as u16).to_le_bytes(), (bytes.len() as u32).to_le_bytes());
    let length = (directory.len() as u32).to_le_bytes();
    bytes.extend([&directory[..], b"PK\x05\x06", &[0; 4], &count, &count, &length, &start, &[0; 2]].concat());
    bytes
}

const DIMS: [usize; 4] = [1, 3, 32, 32];

fn half() -> Vec<u8> {
    npy(&header(&DIMS), &bytes_of(&[0.5; 3 * 32 * 32]))
}

#[test]
fn an_array_is_chosen_by_the_name_of_the_input_or_is_the_only_one() {
    let directory = scratch("arrays");
    let other = npy(&header(&[3]), &bytes_of(&[1.0; 3]));
    let name = rexnetc(&["info", SMALL, "--json"]).exits(0).json()["inputs"][0]["name"].clone();
    let name = name.as_str().unwrap();
    let plain = file(&directory, "x.npy", half());
    let y = directory.join("y.npy").into_os_string().into_string().unwrap();
    rexnetc(&["run", SMALL, "--input", &plain, "--output", &y]).exits(0);
    let expected = std::fs::read(&y).unwrap();
    let cases = [
        ("only.npz", archive(&[Member::stored("anything", &half())])),
        ("named.npz", archive(&[Member::stored("first", &other), Member::stored(name, &half())])),
        ("compressed.npz", archive(&[Member::deflated("first", &other), Member::deflated(name, &half())])),
    ];
    for (file_name, content) in cases {
        let input = file(&directory, file_name, content);
        rexnetc(&["run", SMALL, "--input", &input, "--output", &y]).exits(0);
        assert_eq!(std::fs::read(&y).unwrap(), expected, "{file_name}");
        // As what is expected, too: of the only output, or called like it.
        let output = file(&directory, "y.npz", archive(&[Member::deflated("logits", &expected)]));
        let verify = ["verify", SMALL, "--backend", "jit", "--input", &input, "--expect", &output, "--json"];
        let json = rexnetc(&verify).exits(0).json();
        assert_eq!((&json["passed"], json["checks"].as_array().map(Vec::len)), (&true.into(), Some(2)));
    }
    let two =
        file(&directory, "two.npz", archive(&[Member::stored("a", &half()), Member::stored("b", &half())]));
    let ran = rexnetc(&["verify", SMALL, "--input", &two]).exits(1);
    assert!(
        ran.err.contains("RX0704") && ran.err.contains(&format!("none of which is called {name}: a, b")),
        "{ran:?}"
    );
}

#[test]
fn several_outputs_may_be_expected_in_one_archive() {
    let directory = scratch("arrays_outputs");
    let net = "rexnet(width = 0.25, features = [8, 32], classifier = false, input = [32, 32])";
    let input = file(&directory, "x.npy", half());
    let folder = directory.join("maps").into_os_string().into_string().unwrap();
    rexnetc(&["run", net, "--input", &input, "--output", &folder]).exits(0);
    let map = |name: &str| std::fs::read(format!("{folder}/{name}.npy")).unwrap();
    let both =
        [Member::stored("stride_8", &map("stride_8")), Member::deflated("stride_32", &map("stride_32"))];
    let both = file(&directory, "both.npz", archive(&both));
    let verify = ["verify", net, "--backend", "jit", "--input", &input, "--json", "--expect"];
    let json = rexnetc(&[&verify[..], &[&both]].concat()).exits(0).json();
    let expected = json["checks"].as_array().unwrap().iter().filter(|check| check["against"] == "expected");
    assert_eq!(expected.count(), 2, "{json:#}");
    let none = file(&directory, "none.npz", archive(&[Member::stored("other", &map("stride_8"))]));
    let ran = rexnetc(&[&verify[..], &[&none]].concat()).exits(1);
    assert!(ran.err.contains("RX0706") && ran.err.contains("stride_8, stride_32"), "{ran:?}");
}

#[test]
fn broken_archives_are_refused() {
    let directory = scratch("arrays_broken");
    let sound = archive(&[Member::deflated("x", &half())]);
    let refused = |name: &str, content: &[u8], word: &str| {
        let input = file(&directory, name, content);
        let ran = rexnetc(&["run", SMALL, "--input", &input]).exits(1);
        assert!(ran.err.contains("RX0704") && ran.err.contains(word), "{word}: {ran:?}");
    };
    for length in [5, sound.len() / 2, sound.len() - 1] {
        refused("cut.npz", &sound[..length], "");
    }
    let mut damaged = sound.clone();
    damaged[50] ^= 0x55;
    refused("damaged.npz", &damaged, "");
    let claims = |length: u32| archive(&[Member { length, ..Member::deflated("x", &half()) }]);
    refused("short.npz", &claims(100), "damaged");
    refused("bomb.npz", &claims(u32::MAX - 1), "unpacked");
    let strange = archive(&[Member { method: 12, ..Member::stored("x", &half()) }]);
    refused("strange.npz", &strange, "another method than Deflate");
    refused(
        "empty.npz",
        &archive(&[Member { name: "readme.txt".into(), ..Member::stored("", b"") }]),
        "0 arrays",
    );
    let doubles = half().iter().map(|&byte| if byte == b'4' { b'8' } else { byte }).collect::<Vec<_>>();
    refused("doubles.npz", &archive(&[Member::stored("x", &doubles)]), "'<f8'");
    let names = file(&directory, "x.npy", half());
    let ran = rexnetc(&["verify", SMALL, "--input", &names, "--expect-nodes", &names]).exits(1);
    assert!(ran.err.contains("RX0704") && ran.err.contains("names"), "{ran:?}");
}

#[test]
fn a_photograph_is_verified_as_run_prepares_it() {
    let directory = scratch("arrays_photograph");
    let y = directory.join("y.npy").into_os_string().into_string().unwrap();
    rexnetc(&["run", SMALL, PHOTO, "--output", &y]).exits(0);
    assert!(read_npy(&y).0.contains("(1, 10,)"));
    let verify = ["verify", SMALL, "--backend", "jit", "--input", PHOTO, "--expect", &y, "--json"];
    let json = rexnetc(&verify).exits(0).json();
    assert_eq!((&json["passed"], &json["input"]), (&true.into(), &PHOTO.into()));
    let ran = rexnetc(&["verify", SMALL, "--input", "none.jpg"]).exits(1);
    assert!(ran.err.contains("RX0701"), "{ran:?}");
    let broken = file(&directory, "broken.jpg", b"\xff\xd8\xff nothing");
    assert!(rexnetc(&["verify", SMALL, "--input", &broken]).exits(1).err.contains("RX0702"));
}
