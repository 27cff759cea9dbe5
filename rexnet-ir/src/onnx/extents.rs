//! The extents of a model's inputs: fixed in the file, or free and bound from outside.

use super::messages::{Dimension, ValueInfo, data_type};
use std::collections::{HashMap, HashSet};

/// Extents of inputs, where the source leaves them free or others are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Height and width of inputs of rank 4, whatever the model says; its own without.
    pub size: Option<[usize; 2]>,
    /// Free extents by the names that the model gives them, or as `INPUT[AXIS]`; each at least 1.
    pub bindings: Vec<(String, usize)>,
    /// The shapes of tensors that inputs will be given, by the inputs' names; of the only input also without. They bind what
    /// is free and not bound otherwise.
    pub shapes: Vec<(String, Vec<usize>)>,
}

/// How to import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// What a free first extent of an input becomes where nothing else binds it; 1 without.
    pub batch: Option<usize>,
    /// The other extents.
    pub sizes: Sizes,
}

impl ImportOptions {
    /// With the sizes that the model says.
    pub fn with_batch(batch: usize) -> Self {
        Self { batch: Some(batch), sizes: Sizes::default() }
    }
}

/// Whether an input of rank 4 holds images with the channels last, as TensorFlow's files have them: 1, 3 or 4 channels stand
/// there and not in the second place. A free extent is `None`.
pub fn channels_last(dims: &[Option<usize>]) -> bool {
    let counts_channels = |extent: Option<usize>| matches!(extent, Some(1 | 3 | 4));
    matches!(*dims, [_, second, _, last] if counts_channels(last) && !counts_channels(second))
}

/// What a file says of an extent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Declared {
    Fixed(usize),
    /// Not positive, and no mark of a free one.
    Wrong(i64),
    Free(Option<String>),
}

impl Declared {
    /// Paddle writes free extents as `-1` or `?`.
    fn of(dim: &Dimension) -> Self {
        match (dim.dim_value, dim.dim_param.as_deref()) {
            (Some(-1), _) => Declared::Free(None),
            (Some(extent), _) => match usize::try_from(extent) {
                Ok(extent) if extent > 0 => Declared::Fixed(extent),
                Ok(_) | Err(_) => Declared::Wrong(extent),
            },
            (None, None | Some("" | "?")) => Declared::Free(None),
            (None, Some(name)) => Declared::Free(Some(name.to_owned())),
        }
    }

    fn fixed(&self) -> Option<usize> {
        match self {
            Declared::Fixed(extent) => Some(*extent),
            Declared::Wrong(_) | Declared::Free(_) => None,
        }
    }
}

/// The inputs of a model, with what binds their free extents.
pub(super) struct Extents<'m> {
    inputs: Vec<(&'m str, Result<Vec<Declared>, String>)>,
    options: &'m ImportOptions,
    /// Free extents by name.
    known: HashMap<String, usize>,
    /// What was asked for and fits nothing: the name at fault, and why.
    pub(super) faults: Vec<(String, String)>,
}

impl<'m> Extents<'m> {
    /// Of the inputs that are no initialisers.
    pub(super) fn new(inputs: &[&'m ValueInfo], options: &'m ImportOptions) -> Self {
        let inputs = inputs.iter().map(|input| (input.name.as_deref().unwrap_or(""), declared(input)));
        let mut extents =
            Self { inputs: inputs.collect(), options, known: HashMap::new(), faults: Vec::new() };
        extents.learn();
        extents
    }

    /// Collects the names that are bound, those that the user chose first.
    fn learn(&mut self) {
        let Sizes { size, bindings, shapes } = &self.options.sizes;
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        let mut free: HashSet<&str> = HashSet::new();
        let mut has_images = false;
        for (place, (input, axes)) in self.inputs.iter().enumerate() {
            let Ok(axes) = axes else { continue };
            let images = images(axes);
            has_images |= images.is_some();
            let shape = self.shape(place).filter(|shape| shape.len() == axes.len());
            for (axis, declared) in axes.iter().enumerate() {
                let Declared::Free(Some(name)) = declared else { continue };
                free.insert(name);
                let own = bindings.iter().find(|(bound, _)| *bound == format!("{input}[{axis}]"));
                let of_size =
                    images.zip(*size).and_then(|(first, size)| size.get(axis.wrapping_sub(first)).copied());
                let batch = self.options.batch.filter(|_| axis == 0);
                let extents =
                    [own.map(|(_, extent)| *extent), of_size, batch, shape.map(|shape| shape[axis])];
                let ranked = extents.into_iter().enumerate();
                found.extend(ranked.filter_map(|(rank, extent)| Some((rank, name.clone(), extent?))));
            }
        }
        for (name, extent) in bindings {
            if free.contains(name.as_str()) {
                self.known.insert(name.clone(), *extent);
            } else if !self.axis(name) {
                let mut names: Vec<&str> = free.iter().copied().collect();
                names.sort_unstable();
                let names = if names.is_empty() { "none has a name".to_owned() } else { names.join(", ") };
                faults.push((
                    name.clone(),
                    format!("no free extent is called so; of the free extents: {names}"),
                ));
            }
            if *extent == 0 {
                faults.push((name.clone(), "the extent 0 that is wanted is not positive".to_owned()));
            }
        }
        if size.is_some() && !has_images && self.inputs.iter().all(|(_, axes)| axes.is_ok()) {
            let names: Vec<&str> = self.inputs.iter().map(|(name, _)| *name).collect();
            faults.push((
                names.join(", "),
                "a height and width are given, and no input is of rank 4".to_owned(),
            ));
        }
        for (name, _) in shapes.iter().filter(|(name, _)| !name.is_empty()) {
            if self.inputs.iter().all(|(input, _)| input != name) {
                faults.push((name.clone(), "no input is called so".to_owned()));
            }
        }
        found.sort_by_key(|(rank, ..)| *rank);
        for (_, name, extent) in found {
            self.known.entry(name).or_insert(extent);
        }
        self.faults = faults;
    }

    /// Whether a binding is `INPUT[AXIS]` of an axis that is there.
    fn axis(&self, binding: &str) -> bool {
        let of = |(input, axes): &(&str, Result<Vec<Declared>, String>)| {
            let axes = axes.as_ref().map_or(0, Vec::len);
            (0..axes).any(|axis| binding == format!("{input}[{axis}]"))
        };
        self.inputs.iter().any(of)
    }

    /// The shape of the tensor that an input will be given.
    fn shape(&self, place: usize) -> Option<&'m [usize]> {
        let name = self.inputs[place].0;
        let only = self.inputs.len() == 1;
        let shapes = &self.options.sizes.shapes;
        let found = shapes.iter().find(|(of, _)| of == name || (only && of.is_empty()));
        found.map(|(_, shape)| &shape[..])
    }

    /// The extents of an input.
    ///
    /// # Errors
    /// What is wrong with it, or which of its extents are free and how they are bound.
    pub(super) fn dims(&self, input: &str) -> Result<Vec<usize>, String> {
        let place =
            self.inputs.iter().position(|(name, _)| *name == input).ok_or("the input is not known")?;
        let axes = self.inputs[place].1.as_ref().map_err(Clone::clone)?;
        let Sizes { size, bindings, .. } = &self.options.sizes;
        let images = images(axes);
        let shape = self.shape(place).filter(|shape| shape.len() == axes.len());
        let (mut dims, mut free) = (Vec::with_capacity(axes.len()), Vec::new());
        for (axis, declared) in axes.iter().enumerate() {
            let own = bindings.iter().find(|(name, _)| *name == format!("{input}[{axis}]"));
            let of_size =
                images.zip(*size).and_then(|(first, size)| size.get(axis.wrapping_sub(first)).copied());
            let extent = match declared {
                _ if of_size == Some(0) => {
                    return Err(format!("the extent 0 that is wanted of axis {axis} is not positive"));
                }
                _ if of_size.is_some() => of_size,
                Declared::Fixed(extent) => match own {
                    Some((_, wanted)) if wanted != extent => {
                        return Err(format!("axis {axis} is fixed to {extent}, {wanted} is wanted"));
                    }
                    Some(_) | None => Some(*extent),
                },
                Declared::Wrong(extent) => {
                    return Err(format!("the extent {extent} of axis {axis} is not positive"));
                }
                Declared::Free(name) => own
                    .map(|(_, extent)| *extent)
                    .or_else(|| self.known.get(name.as_ref()?).copied())
                    .or_else(|| self.options.batch.filter(|_| axis == 0))
                    .or_else(|| shape.map(|shape| shape[axis]))
                    .or((axis == 0).then_some(1)),
            };
            match extent {
                Some(extent) => dims.push(extent),
                None => free.push(axis),
            }
        }
        if free.is_empty() { Ok(dims) } else { Err(unbound(input, axes, &free, images)) }
    }
}

/// Where height and width stand in an input of rank 4.
fn images(axes: &[Declared]) -> Option<usize> {
    let dims: Vec<Option<usize>> = axes.iter().map(Declared::fixed).collect();
    (axes.len() == 4).then(|| if channels_last(&dims) { 1 } else { 2 })
}

/// The free axes, and what binds them.
fn unbound(input: &str, axes: &[Declared], free: &[usize], images: Option<usize>) -> String {
    let name = |axis: usize| match &axes[axis] {
        Declared::Free(Some(name)) => Some(name.as_str()),
        Declared::Free(None) | Declared::Fixed(_) | Declared::Wrong(_) => None,
    };
    let told = |&axis: &usize| format!("axis {axis} is dynamic ({})", name(axis).unwrap_or("unnamed"));
    let is_size = |axis: &usize| images.is_some_and(|first| (first..first + 2).contains(axis));
    let mut line: Vec<String> = Vec::new();
    if free.iter().any(is_size) {
        line.push("--size HEIGHT,WIDTH".to_owned());
    }
    for &axis in free.iter().filter(|axis| !is_size(axis)) {
        let name = name(axis).map_or(format!("{input}[{axis}]"), str::to_owned);
        line.push(format!("--bind \"{name}=N\""));
    }
    let told: Vec<String> = free.iter().map(told).collect();
    format!("{}; bind with {}", told.join(", "), line.join(" "))
}

fn declared(input: &ValueInfo) -> Result<Vec<Declared>, String> {
    let tensor = input.r#type.as_ref().and_then(|ty| ty.tensor_type.as_ref());
    let tensor = tensor.ok_or("the input is no tensor")?;
    match tensor.elem_type.unwrap_or(0) {
        // Every number is an f32 here. An input of bytes is let through to where it is cast to floats.
        data_type::FLOAT | data_type::DOUBLE | data_type::UINT8 => {}
        other => return Err(format!("the input is of type {}, not float", data_type::name(other))),
    }
    let shape = tensor.shape.as_ref().ok_or("the input has no shape")?;
    if shape.dim.len() > 4 {
        return Err(format!("the input is of rank {}; at most 4 is supported", shape.dim.len()));
    }
    Ok(shape.dim.iter().map(Declared::of).collect())
}

#[cfg(test)]
mod tests {
    use super::super::messages::{Shape, TensorTypeMessage, Type};
    use super::*;

    /// An input as a file declares it: each extent a number, or a name, or `_` for none.
    fn input(name: &str, dims: &str) -> ValueInfo {
        let dim = |text: &str| match text.parse() {
            Ok(extent) => Dimension { dim_value: Some(extent), ..Dimension::default() },
            Err(_) if text == "_" => Dimension::default(),
            Err(_) => Dimension { dim_param: Some(text.to_owned()), ..Dimension::default() },
        };
        let shape = Some(Shape { dim: dims.split_whitespace().map(dim).collect() });
        let tensor_type = Some(TensorTypeMessage { elem_type: Some(data_type::FLOAT), shape });
        let r#type = Some(Type { tensor_type });
        ValueInfo { name: Some(name.to_owned()), r#type }
    }

    /// Options as words: `batch=2`, `size=4,6`, `shape:x=1,2`; all others bind.
    fn options(text: &str) -> ImportOptions {
        let numbers = |text: &str| text.split(',').map(|part| part.parse().unwrap()).collect::<Vec<usize>>();
        let mut options = ImportOptions::default();
        for word in text.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap();
            match (name, name.strip_prefix("shape:")) {
                ("batch", _) => options.batch = Some(numbers(value)[0]),
                ("size", _) => options.sizes.size = Some([numbers(value)[0], numbers(value)[1]]),
                (_, Some(name)) => options.sizes.shapes.push((name.to_owned(), numbers(value))),
                (_, None) => options.sizes.bindings.push((name.to_owned(), numbers(value)[0])),
            }
        }
        options
    }

    #[test]
    fn free_extents_are_bound() {
        for (dims, asked, expected) in [
            ("n 3 h w", "size=4,6", "[1, 3, 4, 6]"),
            ("n 3 h w", "batch=2 h=4 w=6", "[2, 3, 4, 6]"),
            ("n 3 h w", "n=5 h=4 w=6", "[5, 3, 4, 6]"),
            ("n 3 s s", "s=7", "[1, 3, 7, 7]"),
            ("n c h w", "shape:x=2,3,4,6", "[2, 3, 4, 6]"),
            ("n c h w", "shape:=2,3,4,6", "[2, 3, 4, 6]"),
            ("n c h w", "c=3 size=4,6 shape:x=2,3,9,9", "[2, 3, 4, 6]"),
            ("n c h w", "c=3 size=4,6", "[1, 3, 4, 6]"),
            // Paddle's marks, and axes without names.
            ("-1 3 -1 -1", "size=4,6", "[1, 3, 4, 6]"),
            ("? 3 ? ?", "size=4,6", "[1, 3, 4, 6]"),
            ("_ 3 _ _", "x[2]=4 x[3]=6", "[1, 3, 4, 6]"),
            // TensorFlow's order of axes.
            ("n h w 3", "size=4,6", "[1, 4, 6, 3]"),
            ("1 224 224 3", "size=4,6", "[1, 4, 6, 3]"),
            ("1 3 224 224", "size=4,6", "[1, 3, 4, 6]"),
            ("n t", "t=9", "[1, 9]"),
            ("n 3 h w", "", "axis 2 is dynamic (h), axis 3 is dynamic (w); bind with --size HEIGHT,WIDTH"),
            ("n c 8 8", "", "axis 1 is dynamic (c); bind with --bind \"c=N\""),
            ("n _", "", "axis 1 is dynamic (unnamed); bind with --bind \"x[1]=N\""),
            ("1 3 4 4", "x[2]=5", "axis 2 is fixed to 4, 5 is wanted"),
            ("n 3 h w", "size=0,6", "the extent 0 that is wanted of axis 2 is not positive"),
            ("0 3 4 4", "", "the extent 0 of axis 0 is not positive"),
            ("n 3 h w", "wide=6 size=4,6", "wide: no free extent is called so; of the free extents: h, n, w"),
            ("n t", "t=4 size=4,6", "x: a height and width are given, and no input is of rank 4"),
            ("n t", "t=4 shape:y=1,4", "y: no input is called so"),
        ] {
            let (input, options) = (input("x", dims), options(asked));
            let extents = Extents::new(&[&input], &options);
            let found = match (&extents.faults[..], extents.dims("x")) {
                ([(name, cause), ..], _) => format!("{name}: {cause}"),
                ([], Ok(dims)) => format!("{dims:?}"),
                ([], Err(cause)) => cause,
            };
            assert_eq!(found, expected, "{dims} with {asked}");
        }
    }

    #[test]
    fn a_name_means_the_same_in_all_inputs() {
        let (image, scale) = (input("image", "n 3 h w"), input("scale", "n h"));
        for (asked, expected) in
            [("h=4 w=6", [1, 4]), ("size=4,6 batch=2", [2, 4]), ("shape:image=2,3,4,6", [2, 4])]
        {
            let options = options(asked);
            let extents = Extents::new(&[&image, &scale], &options);
            assert_eq!(
                (extents.dims("scale"), &extents.faults[..]),
                (Ok(expected.to_vec()), &[][..]),
                "{asked}"
            );
        }
    }
}
