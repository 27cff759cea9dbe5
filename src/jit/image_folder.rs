//! A folder of images: what was compiled once is loaded the next time.

use super::{Model, Options, Source, Weights};
use memmap2::MmapOptions;
use rexnet_codegen::jit::{Image, ImageKey, Tier};
use rexnet_ir::Bytes;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The folder. Whatever goes wrong with it costs time, never an answer.
#[derive(Clone, Debug)]
pub(super) struct ImageFolder {
    path: PathBuf,
}

impl ImageFolder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What a compilation starts from. External data of ONNX models is not in their file, so what names it has a key
    /// of the folder as well; models whose data changes there without their file changing are not told apart.
    pub(super) fn key(&self, source: &Source<'_>, weights: &Weights, options: &Options) -> ImageKey {
        let key = ImageKey::new(Tier::best_here());
        let key = match source {
            Source::Spec(text) => key.with(b"spec").with(text.as_bytes()),
            Source::Onnx { file, folder } => {
                let folder = folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
                key.with(b"onnx").with(file).with(folder.as_bytes())
            }
        };
        let key = match weights {
            Weights::Safetensors(file) => key.with(b"safetensors").with(file),
            Weights::Packed(file) => key.with(b"packed").with(file),
            Weights::Seeded(seed) => key.with(b"seeded").with(&seed.to_le_bytes()),
            Weights::Zeros => key.with(b"zeros"),
        };
        let Options { batch, size, taps, kept_shapes: _ } = options;
        let key = key.with(&batch.to_le_bytes()).with(format!("{size:?}").as_bytes());
        taps.iter().fold(key, |key, tap| key.with(tap.as_bytes()))
    }

    /// The image of that key, if there is a whole one.
    pub(super) fn find(&self, key: &ImageKey) -> Option<Image> {
        if !is_private(&self.path).ok()? {
            return None;
        }
        let file = File::open(self.place(key)).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        // SAFETY: the map is read only, and files in this folder are replaced, never written to.
        let map = unsafe { MmapOptions::new().populate().map(&file) }.ok()?;
        Image::read(&Bytes::from_owner(map)).ok().filter(|image| image.key == key.value())
    }

    /// Writes a model beside its place and renames it. Without success there is no file.
    pub(super) fn keep(&self, key: &ImageKey, model: &Model) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let Ok(image) = model.image_for(key.value()) else { return };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let beside = self.path.join(format!(".{:016x}.{}.{number}", key.value(), std::process::id()));
        let written = make_private(&self.path)
            .and_then(|()| is_private(&self.path))
            .and_then(|private| if private { Ok(()) } else { Err(io::ErrorKind::PermissionDenied.into()) })
            .and_then(|()| File::create(&beside))
            .and_then(|mut file| file.write_all(&image))
            .and_then(|()| fs::rename(&beside, self.place(key)));
        if written.is_err() {
            // It may never have been there.
            let _ = fs::remove_file(&beside);
        }
    }

    fn place(&self, key: &ImageKey) -> PathBuf {
        self.path.join(format!("{:016x}.rxi", key.value()))
    }
}

#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}

/// Whether nobody but its owner may write to the folder.
#[cfg(unix)]
fn is_private(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(path)?;
    Ok(metadata.is_dir() && metadata.permissions().mode() & 0o022 == 0)
}

/// Whether nobody but its owner may write to the folder; other systems' folders of a user are.
#[cfg(not(unix))]
fn is_private(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.is_dir())
}
