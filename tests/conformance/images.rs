//! A compiled network in a file gives the bits that it gave when it was compiled, and whatever is not such a file is
//! refused or, in a folder of images, compiled again. These tests need AVX2: other processors have no images.
#![cfg(target_arch = "x86_64")]

use crate::comparison::assert_same_bits;
use crate::inputs::values;
use rexnet::{Backend, Bytes, Code, Engine, Model, Options, Shape, Weights};
use std::path::{Path, PathBuf};

const SPEC: &str = "rexnet(width = 0.25, depth = 0.3, size = 32, classes = 10)";

fn compile(engine: &Engine) -> Model {
    engine.compile(SPEC, Weights::Seeded(1), &Options::default()).unwrap()
}

fn load(file: impl Into<Bytes>) -> Result<Model, Code> {
    // SAFETY: these files were made by this process; what was changed in them is found by their checksum.
    unsafe { Engine::new().load_image(file) }.map_err(|faults| faults.list[0].code)
}

fn classify(model: &Model) -> Vec<f32> {
    let mut logits = vec![f32::NAN; 10];
    model.session().unwrap().run(&[&values(3, 3 * 32 * 32)], &mut [&mut logits]).unwrap();
    logits
}

#[test]
fn an_image_gives_the_same_bits() {
    let model = compile(&Engine::new());
    let image = model.to_image().unwrap();
    assert!(image == compile(&Engine::new()).to_image().unwrap(), "the same bytes again");
    let loaded = load(image.clone()).unwrap();
    assert_same_bits("image", &classify(&loaded), &classify(&model));
    assert_eq!(loaded.inputs(), model.inputs());
    assert_eq!(loaded.outputs(), model.outputs());
    assert_eq!(loaded.preprocessing(), model.preprocessing());
    assert!(loaded.compilation().is_none() && loaded.image_title().is_some());
    assert!(loaded.to_image().unwrap() == image, "an image is its own image");
    // Cranelift's code is for this very processor.
    for backend in [Backend::Clif, Backend::Interpret] {
        let refused = compile(&Engine::with_backend(backend)).to_image().map(|_| ());
        assert_eq!(refused.unwrap_err().list[0].code, Code::CodeImage);
    }
}

/// Any changed byte and any length is found, before anything of it runs.
#[test]
fn damaged_images_are_refused() {
    let image = compile(&Engine::new()).to_image().unwrap();
    for at in (0..128).chain((128..image.len()).step_by(image.len() / 200)) {
        let mut damaged = image.clone();
        damaged[at] ^= 0x10;
        assert_eq!(load(damaged).unwrap_err(), Code::CodeImage, "byte {at}");
    }
    for length in [0, 8, 63, 64, 100, image.len() / 2, image.len() - 1] {
        assert_eq!(load(image[..length].to_vec()).unwrap_err(), Code::CodeImage, "{length} bytes");
    }
    let longer = [&image[..], &[0]].concat();
    assert_eq!(load(longer).unwrap_err(), Code::CodeImage);
}

/// An empty folder of that name, and an engine that keeps images in a folder below it.
fn folder(name: &str) -> (PathBuf, Engine) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It may be left from an earlier run.
    let _ = std::fs::remove_dir_all(&folder);
    let images = folder.join("images");
    (images.clone(), Engine::new().with_images(images))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_folder_of_images_is_used_and_never_trusted() {
    let (folder, engine) = folder("images_used");
    let expected = classify(&compile(&Engine::new()));
    let from_image = |engine: &Engine| {
        let model = compile(engine);
        assert_same_bits("a folder of images", &classify(&model), &expected);
        let shape = Shape { batch: 2, height: 48, width: 32 };
        assert_eq!(
            model.with_shape(shape).unwrap().shape(),
            Some(shape),
            "other shapes are compiled from its source"
        );
        model.compilation().is_none()
    };
    assert!(!from_image(&engine), "there is none at first");
    assert!(from_image(&engine), "it is kept");

    let [file] = &files(&folder)[..] else { panic!("one file is kept") };
    let whole = std::fs::read(file).unwrap();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for content in [&damaged[..], &whole[..100], b"", b"something else"] {
        std::fs::write(file, content).unwrap();
        assert!(!from_image(&engine), "it is compiled again");
        assert_eq!(std::fs::read(file).unwrap(), whole, "and replaced");
    }

    // Of another key under this name: what a stale entry is.
    let other = engine.compile(SPEC, Weights::Seeded(2), &Options::default()).unwrap();
    let second = files(&folder).into_iter().find(|other| other != file).unwrap();
    std::fs::copy(&second, file).unwrap();
    assert!(!from_image(&engine), "another network's is not taken");
    assert!(classify(&other) != expected, "it would have been wrong");

    // Other options and other sources have images of their own.
    let options = Options { batch: Some(2), ..Options::default() };
    assert!(engine.compile(SPEC, Weights::Seeded(1), &options).unwrap().compilation().is_some());
    assert_eq!(files(&folder).len(), 3);
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_can_write_to_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, engine) = folder("images_public");
    compile(&engine);
    let mode = |mode| std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    mode(0o777);
    assert!(compile(&engine).compilation().is_some());
    mode(0o700);
    assert!(compile(&engine).compilation().is_none());
    let [file] = &files(&folder)[..] else { panic!("one file is kept") };
    let file_mode = |mode| std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    file_mode(0o666);
    assert!(compile(&engine).compilation().is_some(), "a file that others can write to is not used either");
}
