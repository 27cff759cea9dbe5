//! Pickles and zip archives, byte by byte.

/// BINUNICODE.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// LONG1.
pub(crate) fn int(number: i64) -> Vec<u8> {
    [&[0x8a, 8][..], &number.to_le_bytes()].concat()
}

/// GLOBAL.
pub(crate) fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// MARK, the values, TUPLE.
pub(crate) fn tuple(values: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &values.concat()[..], b"t"].concat()
}

pub(crate) fn ints(numbers: &[i64]) -> Vec<u8> {
    tuple(&numbers.iter().map(|&number| int(number)).collect::<Vec<_>>())
}

/// EMPTY_DICT, MARK, keys and values, SETITEMS.
pub(crate) fn dict(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs: Vec<u8> = pairs.iter().flat_map(|(key, value)| [text(key), value.clone()].concat()).collect();
    [b"}(", &pairs[..], b"u"].concat()
}

/// A storage of so many elements, of a class of the module `torch`.
pub(crate) fn storage(class: &str, key: &str, count: i64) -> Vec<u8> {
    let fields = [text("storage"), global("torch", class), text(key), text("cpu"), int(count)];
    [tuple(&fields), b"Q".to_vec()].concat()
}

/// A call of `_rebuild_tensor_v2`.
pub(crate) fn rebuilt(storage: &[u8], offset: i64, dims: &[i64], strides: &[i64]) -> Vec<u8> {
    let arguments = [storage.to_vec(), int(offset), ints(dims), ints(strides), b"\x89N".to_vec()];
    [global("torch._utils", "_rebuild_tensor_v2"), tuple(&arguments), b"R".to_vec()].concat()
}

pub(crate) fn tensor(
    class: &str,
    key: &str,
    count: i64,
    offset: i64,
    dims: &[i64],
    strides: &[i64],
) -> Vec<u8> {
    rebuilt(&storage(class, key, count), offset, dims, strides)
}

/// A whole pickle: PROTO, the program, STOP.
pub(crate) fn pickle(program: &[u8]) -> Vec<u8> {
    [b"\x80\x02", program, b"."].concat()
}

/// An archive of `torch.save` with that object and these storages.
pub(crate) fn zip_of(object: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = Zip::default();
    zip.add("net/data.pkl", &pickle(object));
    for (key, content) in storages {
        zip.add(&format!("net/data/{key}"), content);
    }
    zip.file()
}

/// A file in the form before PyTorch 1.6.
pub(crate) fn old_form(object: &[u8], storages: &[(&str, &[u8], usize)]) -> Vec<u8> {
    let keys: Vec<u8> = storages.iter().flat_map(|(key, ..)| text(key)).collect();
    let mut file = [
        pickle(b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"),
        pickle(&int(1001)),
        pickle(b"}"),
        pickle(object),
        pickle(&[b"](", &keys[..], b"e"].concat()),
    ]
    .concat();
    for (_, content, count) in storages {
        file.extend((*count as u64).to_le_bytes());
        file.extend(*content);
    }
    file
}

/// An archive being written; the fields that tests damage are open.
#[derive(Clone, Default)]
pub(crate) struct Zip {
    pub(crate) entries: Vec<(String, Vec<u8>)>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    /// Whether lengths and offsets stand in the 64-bit fields.
    pub(crate) wide: bool,
    pub(crate) comment: Vec<u8>,
    /// Bytes of an extra field before the content, as PyTorch aligns it.
    pub(crate) padding: u16,
}

impl Zip {
    pub(crate) fn add(&mut self, name: &str, content: &[u8]) {
        self.entries.push((name.to_owned(), content.to_vec()));
    }

    pub(crate) fn file(&self) -> Vec<u8> {
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        for (name, content) in &self.entries {
            let (offset, length) = (file.len() as u64, content.len() as u64);
            let shown = |number: u64| if self.wide { [0xff; 4] } else { (number as u32).to_le_bytes() };
            let lengths = [name.len() as u16, self.padding].map(u16::to_le_bytes).concat();
            file.extend([b"PK\x03\x04", &[0; 22][..], &lengths, name.as_bytes()].concat());
            file.resize(file.len() + usize::from(self.padding), b'Z');
            file.extend(content);
            let mut extra = vec![];
            if self.wide {
                // Another field first.
                extra.extend(
                    [&b"FB\x02\0ZZ\x01\0\x18\0"[..], &length.to_le_bytes(), &length.to_le_bytes()].concat(),
                );
                extra.extend(offset.to_le_bytes());
            }
            let lengths = [name.len() as u16, extra.len() as u16, 0].map(u16::to_le_bytes).concat();
            let start = [0, 0, self.flags, self.method].map(u16::to_le_bytes).concat();
            directory.extend([b"PK\x01\x02", &start[..], &[0; 8], &shown(length), &shown(length)].concat());
            directory.extend([&lengths[..], &[0; 8], &shown(offset), name.as_bytes(), &extra].concat());
        }
        let (count, start) = (self.entries.len() as u64, file.len() as u64);
        file.extend(&directory);
        let end = file.len() as u64;
        if self.wide {
            file.extend([&b"PK\x06\x06"[..], &44u64.to_le_bytes(), &[0; 12]].concat());
            file.extend([count, count, directory.len() as u64, start].map(u64::to_le_bytes).concat());
            file.extend([&b"PK\x06\x07"[..], &[0; 4], &end.to_le_bytes(), &1u32.to_le_bytes()].concat());
        }
        let shown = |number: u64, most: u64| if self.wide { most } else { number };
        let counts = [shown(count, 0xffff) as u16; 2].map(u16::to_le_bytes).concat();
        let places = [shown(directory.len() as u64, 0xffff_ffff) as u32, shown(start, 0xffff_ffff) as u32];
        file.extend([b"PK\x05\x06\0\0\0\0", &counts[..], &places.map(u32::to_le_bytes).concat()].concat());
        file.extend((self.comment.len() as u16).to_le_bytes());
        file.extend(&self.comment);
        file
    }
}
