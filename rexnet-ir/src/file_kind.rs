//! Files that are taken for others: a page that a server sent instead of a model, a pointer that stands for a file
//! elsewhere, a format that something else reads.

use crate::archive;

/// The first bytes in which texts are looked for.
const BEGINNING: usize = 512;

/// What a file is that cannot be what it was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileKind {
    /// A noun with its article, and sizes where these tell something.
    pub(crate) what: String,
    /// What to do.
    pub(crate) way_out: &'static str,
}

const FETCH: &str = "fetch the file again, from the address of the file itself";
const EXPORT: &str = "export the network as ONNX where it was made";
const UNPACK: &str = "unpack it, and give the file inside";
const OTHER: &str = "look for the file that belongs here";

/// Formats by the bytes at a place, the first that fits.
const FORMATS: &[(usize, &[u8], &str, &str)] = &[
    (
        4,
        b"TFL3",
        "a TensorFlow Lite model",
        "convert it: `python -m tf2onnx.convert --tflite FILE --output MODEL.onnx`",
    ),
    (4, b"ORTM", "a model in ONNX Runtime's own format (.ort)", "give the .onnx file that it was made from"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes them", EXPORT),
    (0, b"\x93NUMPY", "a NumPy array (.npy)", OTHER),
    (0, b"GGUF", "a GGUF file", EXPORT),
    (0, b"7767517", "the text of an ncnn model", EXPORT),
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture", OTHER),
    (0, b"\xff\xd8\xff", "a JPEG picture", OTHER),
    (0, b"%PDF", "a PDF document", OTHER),
    (0, b"\x7fELF", "a program or library", OTHER),
];

impl FileKind {
    /// What a file's beginning tells; `None` where it tells nothing.
    pub(crate) fn of(content: &[u8]) -> Option<Self> {
        let kind = |what: &str, way_out| Some(Self { what: what.to_owned(), way_out });
        if content.is_empty() {
            return kind("an empty file", FETCH);
        }
        let format = FORMATS
            .iter()
            .find(|(at, magic, ..)| content.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
        if let Some((_, _, what, way_out)) = format {
            return kind(what, way_out);
        }
        if content.starts_with(archive::MAGIC) {
            // The entries' names stand before their contents.
            let beginning = &content[..content.len().min(1 << 16)];
            let has = |name: &[u8]| beginning.windows(name.len()).any(|window| window == name);
            return if has(b"constants.pkl") || has(b"data.pkl") {
                kind(
                    "a PyTorch checkpoint or TorchScript module (.pt, .pth)",
                    "export it: `torch.onnx.export(network, example, \"MODEL.onnx\")`",
                )
            } else {
                kind("a zip archive", UNPACK)
            };
        }
        if matches!(content, [0x80, 2..=5, ..]) {
            return kind(
                "a pickle, as PyTorch checkpoints of old are",
                "export it: `torch.onnx.export(network, example, \"MODEL.onnx\")`",
            );
        }
        if content.get(8) == Some(&b'{') && content.get(9) == Some(&b'"') {
            return kind("a safetensors file, which holds weights alone", EXPORT);
        }
        // The version of the format, then the name of who made it, the graph, or the operator sets.
        if let [0x08, 3..=20, 0x12 | 0x3a | 0x42, ..] = content {
            return kind("an ONNX model", OTHER);
        }
        Self::of_text(content)
    }

    /// Whether it stands in the place of a file that was not fetched.
    pub(crate) fn is_stand_in(&self) -> bool {
        self.what.starts_with("a Git LFS pointer") || self.what == "an HTML page"
    }

    fn of_text(content: &[u8]) -> Option<Self> {
        let beginning = &content[..content.len().min(BEGINNING)];
        // A character may be cut at the end.
        let text = match std::str::from_utf8(beginning) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&beginning[..error.valid_up_to()]).ok()?
            }
            Err(_) => return None,
        };
        if text.chars().any(|letter| letter.is_control() && !letter.is_whitespace()) {
            return None;
        }
        let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
        if start.starts_with("version https://git-lfs.github.com/spec/") {
            let size = text.lines().find_map(|line| line.strip_prefix("size ")?.trim().parse::<u64>().ok());
            let of = size.map_or(String::new(), |size| format!(", which stands for a file of {size} bytes"));
            let what = format!("a Git LFS pointer of {} bytes{of}", content.len());
            return Some(Self { what, way_out: "fetch the file that it stands for: `git lfs pull`" });
        }
        let (what, way_out) = if start.starts_with("<!doctype html") || start.starts_with("<html") {
            ("an HTML page", FETCH)
        } else if start.starts_with("<?xml") || start.starts_with('<') {
            ("an XML text", FETCH)
        } else if start.starts_with("ir_version:") || start.contains("producer_name:") {
            ("an ONNX model as text", "convert it: `onnx.save(onnx.load(FILE), \"MODEL.onnx\")`")
        } else if start.starts_with("network ") || start.contains("rexnet(") {
            ("the spec of a network", "give it a name that ends in .rexnet")
        } else if start.starts_with('{') {
            ("a JSON text", FETCH)
        } else {
            ("a text", FETCH)
        };
        Some(Self { what: what.to_owned(), way_out })
    }
}

#[cfg(test)]
mod tests {
    use super::FileKind;

    #[test]
    fn files_are_named_as_what_they_are() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 13963115\n";
        let mut tflite = vec![0x1c, 0, 0, 0];
        tflite.extend(b"TFL3 and more");
        let mut safetensors = 40u64.to_le_bytes().to_vec();
        safetensors.extend(b"{\"weight\":{}}");
        for (content, what) in [
            (&b""[..], "empty"),
            (pointer.as_bytes(), "a file of 13963115 bytes"),
            (b"\n  <!DOCTYPE HTML><html>", "HTML"),
            ("\u{feff}<html lang=\"\u{e9}\">".as_bytes(), "HTML"),
            (b"<?xml version=\"1.0\"?><Error>", "XML"),
            (b"{\"error\": \"not found\"}", "JSON"),
            (b"Entry not found", "a text"),
            (b"ir_version: 8\n", "ONNX model as text"),
            (b"PK\x03\x04....archive/data.pkl", "PyTorch checkpoint"),
            (b"PK\x03\x04....model.onnx", "zip archive"),
            (b"\x80\x02\x8a\x0al\xfc", "pickle"),
            (&tflite, "TensorFlow Lite"),
            (&safetensors, "safetensors"),
            (b"\x08\x08\x12\x07pytorch", "an ONNX model"),
            (b"\x1f\x8b\x08", "gzip"),
        ] {
            let kind = FileKind::of(content).unwrap_or_else(|| panic!("{what}"));
            assert!(kind.what.contains(what), "{kind:?}, not {what}");
        }
        let floats: Vec<u8> = [0.5f32, -1.25, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        for content in [&floats[..], &[0; 64], &[0xff; 64], b"\x0a\xff"] {
            assert_eq!(FileKind::of(content), None, "{content:?}");
        }
    }
}
