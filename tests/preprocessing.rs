//! Pixels against Pillow's, f32 inputs against NumPy's, and broken images against coded errors.
#![cfg(feature = "image")]

use proptest::prelude::*;
use rexnet::image::{ImageError, Rgb8Image, decode, prepare, prepare_pixels, read, resize, table};
use rexnet_ir::spec::preprocessing::{Geometry, Interpolation, Preprocessing};
use std::path::{Path, PathBuf};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn timm(geometry: Geometry, interpolation: Interpolation) -> Preprocessing {
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    Preprocessing { geometry, interpolation, scale: 255.0, mean, std }
}

fn tensorflow(zero: f32, range: f32) -> Preprocessing {
    Preprocessing {
        geometry: Geometry::CropThenResize { fraction: 0.875 },
        interpolation: Interpolation::Bicubic,
        scale: 1.0,
        mean: [zero; 3],
        std: [range; 3],
    }
}

#[test]
fn pixels_are_those_of_pillow() {
    let folder = repository("tests/fixtures/preprocessing");
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap();
    for case in index.as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let number = |key: &str| case[key].as_u64().unwrap_or_else(|| panic!("{name}: no {key}")) as usize;
        let image = |key: &str| read(folder.join(case[key].as_str().unwrap())).unwrap();
        let source = image("source");
        let interpolation = match case["filter"].as_str().unwrap() {
            "bilinear" => Interpolation::Bilinear,
            "bicubic" => Interpolation::Bicubic,
            other => panic!("{name}: filter {other}"),
        };
        let pipeline =
            |geometry, side| prepare_pixels(&source, &timm(geometry, interpolation), side, side).unwrap();
        let got = match case["operation"].as_str().unwrap() {
            "resize" => resize(&source, interpolation, number("height"), number("width")).unwrap(),
            "resize_then_crop" => {
                pipeline(Geometry::ResizeThenCrop { short_side: number("resize") as u32 }, number("crop"))
            }
            "crop_then_resize" => {
                let fraction = case["fraction"].as_f64().unwrap();
                pipeline(Geometry::CropThenResize { fraction }, number("size"))
            }
            other => panic!("{name}: operation {other}"),
        };
        assert!(got == image("expected"), "{name}: other pixels than Pillow's");
    }
}

/// FNV-1a of the little-endian bytes.
fn digest(values: &[f32]) -> u64 {
    values.iter().flat_map(|value| value.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The digests are of what Pillow 13.0.0 and NumPy make in f32, and for MobileNetV2 (`x / 127.5 - 1`) in f64.
#[test]
fn inputs_have_the_bits_of_numpy() {
    use Interpolation::{Bicubic, Bilinear};
    let resized = || Geometry::ResizeThenCrop { short_side: 256 };
    for (photo, preprocessing, expected) in [
        ("coffee", tensorflow(127.0, 128.0), 0xaaed_d926_ad83_51b2), // EfficientNet-Lite0
        ("coffee", tensorflow(127.5, 127.5), 0x6c38_6336_6e8d_f17a), // MobileNetV2
        ("coffee", timm(resized(), Bicubic), 0x1a74_ca35_2cc3_0686),
        ("coffee", timm(resized(), Bilinear), 0x8586_3bd4_73c8_d8e2),
        ("chelsea", timm(resized(), Bicubic), 0xe6e5_9a18_3c93_da58),
        ("chelsea", timm(resized(), Bilinear), 0xb05a_62eb_5227_84a8),
    ] {
        let image = read(repository(&format!("models/photos/{photo}.png"))).unwrap();
        let input = prepare(&image, &preprocessing, 224, 224).unwrap();
        assert_eq!(digest(&input), expected, "{photo} {preprocessing:?}");
    }
}

#[test]
fn an_input_is_planar_and_normalised_in_the_stated_order() {
    let preprocessing = timm(Geometry::ResizeThenCrop { short_side: 1 }, Interpolation::Bilinear);
    let image = Rgb8Image::new(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
    let table = table(&preprocessing);
    let input = prepare(&image, &preprocessing, 1, 2).unwrap();
    assert_eq!(input, [table[0][1], table[0][4], table[1][2], table[1][5], table[2][3], table[2][6]]);
    assert_eq!(table[1][200], ((200.0_f32 / 255.0) - 0.456) / 0.224);
}

#[test]
fn a_small_image_is_padded_with_black_the_odd_pixel_after_it() {
    let white = Rgb8Image::new(2, 2, vec![255; 12]).unwrap();
    let preprocessing = timm(Geometry::ResizeThenCrop { short_side: 2 }, Interpolation::Bicubic);
    let out = prepare_pixels(&white, &preprocessing, 5, 3).unwrap();
    let red: Vec<u8> = out.pixels().chunks_exact(3).map(|pixel| pixel[0]).collect();
    assert_eq!(red, [0, 0, 0, 255, 255, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0]);
}

/// A PNG chunk.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [kind.as_slice(), data].concat();
    let crc = body.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    });
    [&(data.len() as u32).to_be_bytes(), body.as_slice(), &(!crc).to_be_bytes()].concat()
}

/// A PNG file: `raw` is its rows with their filter bytes, `extra` chunks before the pixels.
fn png(width: u32, height: u32, depth: u8, colour: u8, extra: &[u8], raw: &[u8]) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, colour, 0, 0, 0]].concat();
    let (a, b) = raw.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65521;
        (a, (b + a) % 65521)
    });
    let length = raw.len() as u16;
    let stored = [&[0x78, 1, 1], &length.to_le_bytes()[..], &(!length).to_le_bytes(), raw].concat();
    let pixels = [stored, ((b << 16) | a).to_be_bytes().to_vec()].concat();
    let start = b"\x89PNG\r\n\x1a\n".to_vec();
    [start, chunk(b"IHDR", &header), extra.to_vec(), chunk(b"IDAT", &pixels), chunk(b"IEND", b"")].concat()
}

/// The expected bytes are Pillow's `.convert("RGB")`.
#[test]
fn every_kind_of_png_becomes_the_rgb_of_pillow() {
    // 0, 100, 255, 256, 300, 1000, 40000, 65535 in 16 bits.
    let wide = b"\0\0\0\0\x64\0\xff\x01\0\x01\x2c\x03\xe8\x9c\x40\xff\xff";
    let grey = |values: &[u8]| values.iter().flat_map(|&value| [value; 3]).collect::<Vec<u8>>();
    let palette = |colours: &[u8]| chunk(b"PLTE", colours);
    let none = Vec::new;
    let two_bits = b"\0\x1b";
    let cases = [
        ("1-bit grey", png(4, 1, 1, 0, &none(), b"\0\x50"), grey(&[0, 255, 0, 255])),
        ("2-bit grey", png(4, 1, 2, 0, &none(), two_bits), grey(&[0, 85, 170, 255])),
        ("4-bit grey", png(2, 2, 4, 0, &none(), b"\0\x1b\0\xf8"), grey(&[17, 187, 255, 136])),
        ("grey", png(3, 1, 8, 0, &none(), b"\0\x01\x80\xff"), grey(&[1, 128, 255])),
        ("grey, one transparent", png(2, 1, 8, 0, &chunk(b"tRNS", b"\0\x02"), b"\0\x02\x03"), grey(&[2, 3])),
        ("grey and alpha", png(2, 1, 8, 4, &none(), b"\0\x10\0\xc8\x80"), grey(&[16, 200])),
        ("16-bit grey", png(8, 1, 16, 0, &none(), wide), grey(&[0, 100, 255, 255, 255, 255, 255, 255])),
        ("16-bit grey and alpha", png(4, 1, 16, 4, &none(), wide), grey(&[0, 0, 1, 156])),
        ("RGBA", png(1, 1, 8, 6, &none(), b"\0\x01\x02\x03\0"), vec![1, 2, 3]),
        ("16-bit RGB", png(2, 1, 16, 2, &none(), &wide[..13]), vec![0, 0, 0, 1, 1, 3]),
        ("16-bit RGBA", png(2, 1, 16, 6, &none(), wide), vec![0, 0, 0, 1, 3, 156]),
        (
            "gamma",
            png(1, 1, 8, 2, &chunk(b"gAMA", &[0, 1, 0x86, 0xa0]), b"\0\x64\x96\xc8"),
            vec![100, 150, 200],
        ),
        (
            "palette with alpha",
            png(
                4,
                1,
                2,
                3,
                &[palette(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), chunk(b"tRNS", b"\0\x80")].concat(),
                two_bits,
            ),
            (0..12).collect(),
        ),
        (
            "palette shorter than its indices",
            png(4, 1, 2, 3, &palette(&[1, 2, 3, 4, 5, 6]), two_bits),
            vec![1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0],
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(
            decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")).pixels(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn broken_images_give_coded_errors() {
    let jpeg = std::fs::read(repository("models/photos/rocket.jpg")).unwrap();
    let photo = std::fs::read(repository("models/photos/coffee.png")).unwrap();
    assert_eq!(decode(&jpeg).unwrap().pixels().len(), 640 * 427 * 3);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let mut giant = jpeg.clone();
    giant[frame + 5..frame + 9].fill(0xff);
    let finer =
        std::fs::read(repository("tests/fixtures/preprocessing/colours_finer_than_brightness.jpg")).unwrap();
    let one = |width, height, colour| png(width, height, 8, colour, &[], b"\0\0\0\0");
    for (name, bytes, code) in [
        ("empty", Vec::new(), "RX0702"),
        ("text", b"not an image\n".to_vec(), "RX0702"),
        ("another format", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(), "RX0702"),
        ("PNG signature", photo[..8].to_vec(), "RX0702"),
        ("truncated PNG", photo[..photo.len() / 2].to_vec(), "RX0702"),
        ("JPEG signature", jpeg[..3].to_vec(), "RX0702"),
        ("JPEG header", jpeg[..frame + 4].to_vec(), "RX0702"),
        ("colours finer than the brightness", finer, "RX0702"),
        ("truncated JPEG", jpeg[..jpeg.len() / 2].to_vec(), "RX0702"),
        ("JPEG without its end", jpeg[..jpeg.len() - 2].to_vec(), "RX0702"),
        ("too few pixels", one(2, 2, 2), "RX0702"),
        ("no width", one(0, 1, 2), "RX0702"),
        ("too wide", one(16385, 1, 0), "RX0703"),
        ("too high", one(1, u32::from(u16::MAX), 0), "RX0703"),
        ("too many bytes", one(16384, 16384, 2), "RX0703"),
        ("giant", one(i32::MAX as u32, i32::MAX as u32, 6), "RX0703"),
        ("giant JPEG", giant, "RX0703"),
    ] {
        let error = decode(&bytes).expect_err(name);
        assert_eq!(error.code(), code, "{name}: {error}");
        assert!(error.to_string().starts_with("image: "), "{name}: {error}");
    }
    for (path, code) in [("no such.jpg", "RX0701"), ("src", "RX0701"), ("Cargo.toml", "RX0702")] {
        let error = read(repository(path)).expect_err(path);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(path), "{error}");
    }
}

#[test]
fn impossible_requests_give_coded_errors() {
    let image = Rgb8Image::new(3, 3, vec![7; 27]).unwrap();
    let ask = |geometry, height, width| {
        prepare(&image, &timm(geometry, Interpolation::Bilinear), height, width)
            .map(|_| "none")
            .unwrap_or_else(|e| e.code())
    };
    let resized = |short_side| Geometry::ResizeThenCrop { short_side };
    assert_eq!(ask(resized(3), 1, 1), "none");
    for (height, width) in [(0, 1), (1, 0), (16385, 1), (usize::MAX, usize::MAX), (16384, 16384)] {
        assert_eq!(ask(resized(3), height, width), "RX0703", "{height} × {width}");
    }
    assert_eq!([ask(resized(0), 1, 1), ask(resized(u32::MAX), 1, 1)], ["RX0703"; 2]);
    for fraction in [0.0, 0.3, -1.0, 1.5, f64::NAN, f64::INFINITY] {
        assert_eq!(ask(Geometry::CropThenResize { fraction }, 1, 1), "RX0703", "{fraction}");
    }
    for (width, height, bytes) in [(0, 3, 0), (3, 3, 26), (usize::MAX, 2, 6)] {
        assert_eq!(
            Rgb8Image::new(width, height, vec![0; bytes]).as_ref().map_err(ImageError::code),
            Err("RX0703")
        );
    }
}

fn settings() -> impl Strategy<Value = Preprocessing> {
    let geometry = prop_oneof![
        (1_u32..60).prop_map(|short_side| Geometry::ResizeThenCrop { short_side }),
        (0.0..1.2).prop_map(|fraction| Geometry::CropThenResize { fraction }),
    ];
    let interpolation = prop_oneof![Just(Interpolation::Bilinear), Just(Interpolation::Bicubic)];
    (geometry, interpolation).prop_map(|(geometry, interpolation)| timm(geometry, interpolation))
}

proptest! {
    #[test]
    fn any_image_is_prepared_or_refused(
        (w, h, height, width) in (1_usize..40, 1_usize..40, 1_usize..40, 1_usize..40),
        (settings, seed) in (settings(), any::<u32>()),
    ) {
        let pixels = (0..w * h * 3).map(|i| (seed.wrapping_mul(i as u32 | 1) >> 24) as u8).collect();
        let image = Rgb8Image::new(w, h, pixels).unwrap();
        match prepare(&image, &settings, height, width) {
            Ok(input) => prop_assert_eq!(input.len(), 3 * height * width),
            Err(error) => prop_assert_eq!(error.code(), "RX0703"),
        }
    }

    #[test]
    fn constant_images_stay_constant(
        (w, h, height, width) in (1_usize..40, 1_usize..40, 1_usize..40, 1_usize..40),
        (settings, colour) in (settings(), any::<[u8; 3]>()),
    ) {
        let image = Rgb8Image::new(w, h, colour.repeat(w * h)).unwrap();
        let whole = resize(&image, settings.interpolation, height, width).unwrap();
        prop_assert!(whole.pixels().chunks_exact(3).all(|pixel| pixel == colour));
        if let Ok(out) = prepare_pixels(&image, &settings, height, width) {
            prop_assert!(out.pixels().chunks_exact(3).all(|pixel| pixel == colour || pixel == [0; 3]));
        }
    }

    #[test]
    fn damaged_files_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let jpeg = std::fs::read(repository("models/photos/rocket.jpg")).unwrap();
        for mut bytes in [jpeg[..4096].to_vec(), png(2, 2, 8, 2, &[], &[0; 14])] {
            bytes.extend([0xff, 0xd9]);
            for (index, value) in &edits {
                let at = index.index(bytes.len());
                bytes[at] = *value;
            }
            if let Err(error) = decode(&bytes) {
                prop_assert!(["RX0702", "RX0703"].contains(&error.code()));
            }
        }
    }
}
