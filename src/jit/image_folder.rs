//! A folder of images: what was compiled once is loaded the next time.

use super::{Model, Options, Source, Weights};
use memmap2::MmapOptions;
use rexnet_codegen::emit::image::{Image, ImageKey};
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::replace::replace;
use rexnet_ir::Bytes;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The folder. Whatever goes wrong with it costs time, never an answer.
#[derive(Clone, Debug)]
pub(super) struct ImageFolder {
    path: PathBuf,
}

impl ImageFolder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What a compilation starts from; `None` where files that are not at hand belong to it.
    pub(super) fn key(&self, source: &Source, weights: &Weights, options: &Options) -> Option<ImageKey> {
        let key = ImageKey::new(Tier::best_here());
        let key = match source {
            Source::Spec(text) => key.with(b"spec").with(text.as_bytes()),
            Source::Onnx { file, folder: None } => key.with(b"onnx").with(file),
            Source::Onnx { folder: Some(_), .. } | Source::Network(_) | Source::Graph(_) => return None,
        };
        let key = match weights {
            Weights::File(file) => key.with(b"file").with(file),
            Weights::Packed(file) => key.with(b"packed").with(file),
            Weights::Seeded(seed) => key.with(b"seeded").with(&seed.to_le_bytes()),
            Weights::Own => key.with(b"own"),
            Weights::Zeros | Weights::Absent => key.with(b"zeros"),
            Weights::Repacked(_) => return None,
        };
        let Options { batch, size, bindings, shapes, taps, kept_shapes: _ } = options;
        let key = key.with(format!("{batch:?} {size:?} {bindings:?} {shapes:?}").as_bytes());
        Some(taps.iter().fold(key, |key, tap| key.with(tap.as_bytes())))
    }

    /// The image of that key, if there is a whole one.
    pub(super) fn find(&self, key: &ImageKey) -> Option<Image> {
        let folder = fs::metadata(&self.path).ok()?;
        let file = File::open(self.place(key)).ok()?;
        let metadata = file.metadata().ok()?;
        if !is_private(&folder) || !metadata.is_file() || !is_private(&metadata) {
            return None;
        }
        // SAFETY: the map is read only; only this user can write to the file, and here files are replaced instead.
        let map = unsafe { MmapOptions::new().populate().map(&file) }.ok()?;
        Image::read(&Bytes::from_owner(map)).ok().filter(|image| image.key == key.value())
    }

    /// Keeps a model as an image, whole or not at all.
    pub(super) fn keep(&self, key: &ImageKey, model: &Model) {
        let Ok(image) = model.image_for(key.value()) else { return };
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        // Without success there is no file, and the next process compiles.
        let _ = make_private(&self.path)
            .and_then(|()| fs::metadata(&self.path))
            .and_then(|folder| if is_private(&folder) { Ok(()) } else { Err(refused()) })
            .and_then(|()| replace(&self.place(key), &private(), |file| file.write_all(&image)));
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

/// How a file that is not there yet is made for its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether a folder or file is this user's, and nobody else may write to it.
#[cfg(unix)]
fn is_private(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}

/// Whether a folder or file is this user's; on other systems those of a user are.
#[cfg(not(unix))]
fn is_private(_: &Metadata) -> bool {
    true
}
