//! The windows of convolutions and pooling operators, along any number of axes.

use super::Call;
use crate::onnx::attributes::Attributes;

/// The windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::onnx) struct Window {
    /// Elements of the axis.
    pub(super) extent: usize,
    /// Taps; at least one.
    pub(super) kernel: usize,
    /// Elements from one window to the next; at least one.
    pub(super) stride: usize,
    /// Elements from one tap to the next; at least one.
    pub(super) dilation: usize,
    /// Padding in front and behind.
    pub(super) pad: [usize; 2],
}

impl Window {
    /// One element at each place.
    pub(super) fn single(extent: usize) -> Self {
        Self { extent, kernel: 1, stride: 1, dilation: 1, pad: [0; 2] }
    }

    /// Elements from the first tap to the last; `None` where there is no such number.
    pub(super) fn reach(&self) -> Option<usize> {
        self.kernel.checked_sub(1)?.checked_mul(self.dilation)?.checked_add(1)
    }

    /// How many windows there are; the error says that there is none.
    pub(super) fn count(&self) -> Result<usize, String> {
        let padded = self.extent.checked_add(self.pad[0]).and_then(|sum| sum.checked_add(self.pad[1]));
        let room = self.reach().zip(padded).and_then(|(reach, padded)| padded.checked_sub(reach));
        room.map(|room| room / self.stride + 1).ok_or_else(|| {
            let Window { extent, kernel, .. } = self;
            format!("a window of {kernel} does not fit an extent of {extent}")
        })
    }

    /// How far the last window reaches past the padding where one begins that does not fit; one that begins in the padding
    /// behind the map is none.
    pub(super) fn beyond(&self) -> usize {
        let padded = self.extent.saturating_add(self.pad[0]).saturating_add(self.pad[1]);
        let Some(reach) = self.reach() else { return 0 };
        let Some(room) = padded.checked_sub(reach) else { return 0 };
        // Where it would be beyond all numbers, it begins behind the map.
        match room.div_ceil(self.stride).checked_mul(self.stride) {
            Some(start) if start < self.extent.saturating_add(self.pad[0]) => start + reach - padded,
            _ => 0,
        }
    }
}

/// One positive number an axis, 1 each where the attribute is missing.
pub(super) fn numbers(attributes: &Attributes<'_>, name: &str, axes: usize) -> Result<Vec<usize>, String> {
    let Some(given) = attributes.ints(name)? else { return Ok(vec![1; axes]) };
    if given.len() != axes {
        return Err(format!("attribute {name} has {} numbers, {axes} are needed", given.len()));
    }
    let number = |&number: &i64| {
        usize::try_from(number)
            .ok()
            .filter(|&number| number > 0)
            .ok_or_else(|| format!("attribute {name} is not positive"))
    };
    given.iter().map(number).collect()
}

/// The windows of a node along the axes of those extents.
pub(super) fn windows(
    call: &Call<'_, '_, '_>,
    extents: &[usize],
    kernel: &[usize],
) -> Result<Vec<Window>, String> {
    let axes = extents.len();
    let strides = numbers(&call.attributes, "strides", axes)?;
    let dilations = numbers(&call.attributes, "dilations", axes)?;
    let explicit: Vec<[usize; 2]> = match call.attributes.ints("pads")? {
        None => vec![[0; 2]; axes],
        Some(pads) if pads.len() == 2 * axes => (0..axes)
            .map(|axis| match [pads[axis], pads[axes + axis]].map(usize::try_from) {
                [Ok(before), Ok(after)] => Ok([before, after]),
                _ => Err("negative pads are not supported".to_owned()),
            })
            .collect::<Result<_, _>>()?,
        Some(pads) => return Err(format!("{} pads are given, {} are needed", pads.len(), 2 * axes)),
    };
    let upper = match call.attributes.string("auto_pad")?.as_deref() {
        None | Some("NOTSET" | "VALID") => None,
        Some("SAME_UPPER") => Some(true),
        Some("SAME_LOWER") => Some(false),
        Some(other) => return Err(format!("auto_pad {other} is not known")),
    };
    let valid = call.attributes.string("auto_pad")?.as_deref() == Some("VALID");
    (0..axes)
        .map(|axis| {
            let pad = if valid { [0; 2] } else { explicit[axis] };
            let mut window = Window {
                extent: extents[axis],
                kernel: kernel[axis],
                stride: strides[axis],
                dilation: dilations[axis],
                pad,
            };
            if let Some(upper) = upper {
                window.pad = same(&window, upper).ok_or("the window is too large")?;
            }
            Ok(window)
        })
        .collect()
}

/// The padding with which there are as many windows as the extent has strides.
fn same(window: &Window, upper: bool) -> Option<[usize; 2]> {
    let last = (window.extent.div_ceil(window.stride).checked_sub(1)?).checked_mul(window.stride)?;
    let total = last.checked_add(window.reach()?)?.saturating_sub(window.extent);
    let before = if upper { total / 2 } else { total.div_ceil(2) };
    Some([before, total - before])
}
