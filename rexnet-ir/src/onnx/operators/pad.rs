//! Pad: a value around a tensor, or its own elements again; negative pads cut.

use super::gather::chosen;
use super::shape::count;
use super::view::View;
use super::{Call, axes};
use crate::graph::{Gather, Indices, NodeId, Op, Pad};
use crate::onnx::import::Value;

/// What stands around the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Constant,
    /// Mirrored at the first and the last element.
    Reflect,
    /// The first and the last element.
    Edge,
    /// The other end.
    Wrap,
}

impl Mode {
    fn named(name: Option<&str>) -> Result<Self, String> {
        match name {
            None | Some("constant") => Ok(Mode::Constant),
            Some("reflect") => Ok(Mode::Reflect),
            Some("edge") => Ok(Mode::Edge),
            Some("wrap") => Ok(Mode::Wrap),
            Some(other) => Err(format!("mode {other} is not known")),
        }
    }

    /// Which of `extent` elements stands at a place counted from the first.
    fn element(self, place: i64, extent: i64) -> i64 {
        match self {
            Mode::Constant | Mode::Edge => place.clamp(0, extent - 1),
            Mode::Wrap => place.rem_euclid(extent),
            Mode::Reflect if extent == 1 => 0,
            Mode::Reflect => {
                let at = place.rem_euclid(2 * (extent - 1));
                at.min(2 * (extent - 1) - at)
            }
        }
    }
}

pub(super) fn pad(call: &mut Call<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let mode = Mode::named(call.attributes.string("mode")?.as_deref())?;
    let value = call.number("value", 2)?.unwrap_or(0.0);
    if value.is_nan() {
        return Err("padding with NaN is not supported".to_owned());
    }
    // The first version calls them otherwise.
    let attribute = if call.attributes.has("paddings") { "paddings" } else { "pads" };
    let pads = call.integers(attribute, 1)?.ok_or("pads are missing")?;
    let mut view = call.view(0)?;
    let rank = view.dims.len();
    // Pads for some axes only stand at those axes' places.
    let mut around = vec![[0i64; 2]; rank];
    match call.known_integers(3)? {
        None if pads.len() == 2 * rank => {
            for axis in 0..rank {
                around[axis] = [pads[axis], pads[rank + axis]];
            }
        }
        Some(given) if pads.len() == 2 * given.len() => {
            for (index, axis) in axes(&given, rank)?.into_iter().enumerate() {
                around[axis] = [pads[index], pads[given.len() + index]];
            }
        }
        _ => return Err(format!("{} pads do not fit rank {rank}", pads.len())),
    }
    // What is cut off is not repeated.
    for (axis, pads) in around.iter_mut().enumerate() {
        view = cut(call, &view, axis, pads)?;
    }
    let around: Vec<[usize; 2]> =
        around.into_iter().map(|pads| pads.map(|pad| usize::try_from(pad).unwrap_or(0))).collect();
    if mode == Mode::Constant {
        view = filled(call, &view, &around, value)?;
    } else {
        for (axis, &pads) in around.iter().enumerate() {
            view = continued(call, &view, axis, pads, mode)?;
        }
    }
    call.viewed(view)
}

/// Takes off what negative pads say, and leaves the others.
pub(super) fn cut(
    call: &mut Call<'_, '_, '_>,
    view: &View,
    axis: usize,
    pads: &mut [i64; 2],
) -> Result<View, String> {
    let extent = view.dims[axis] as i64;
    let [before, after] = pads.map(|pad| pad.min(0).saturating_neg());
    let start = before.min(extent);
    let count = extent.saturating_sub(before).saturating_sub(after);
    *pads = pads.map(|pad| pad.max(0));
    match (usize::try_from(start), usize::try_from(count)) {
        (Ok(start), Ok(count)) if count > 0 => chosen(call, view, axis, "cut", Indices::run(start, 1, count)),
        _ => Err(format!("pads that leave nothing of an extent of {extent}")),
    }
}

/// A value around the elements: rows and columns of a map at once, any other axis alone.
pub(super) fn filled(
    call: &mut Call<'_, '_, '_>,
    view: &View,
    pads: &[[usize; 2]],
    value: f64,
) -> Result<View, String> {
    if pads.iter().all(|pads| *pads == [0, 0]) {
        return Ok(view.clone());
    }
    let mut view = view.clone();
    let mut rest = pads.to_vec();
    let added =
        |call: &mut Call<'_, '_, '_>, id: NodeId, [top, left, bottom, right]: [usize; 4], last: bool| {
            let op = Op::Pad(Pad { pad: [top, left, bottom, right], value });
            if last { call.add(op, &[id]) } else { call.add_step("padded", op, &[id]) }
        };
    if let ([_, _, rows, columns], 4) = (&mut rest[..], view.dims.len()) {
        let ([top, bottom], [left, right]) = (std::mem::take(rows), std::mem::take(columns));
        if [top, bottom, left, right] != [0; 4] {
            let node = call.shaped(&view, view.dims.clone())?;
            let last = rest.iter().all(|pads| *pads == [0, 0]);
            let id = added(call, node, [top, left, bottom, right], last)?;
            view = View { id, dims: call.type_of(id).dims.clone() };
        }
    }
    // Any other axis is that of rows for once.
    for (axis, [before, after]) in rest.into_iter().enumerate().filter(|(_, pads)| *pads != [0, 0]) {
        let (outer, inner) = (count(&view.dims[..axis]), count(&view.dims[axis + 1..]));
        let node = call.shaped(&view, vec![1, outer, view.dims[axis], inner])?;
        view.id = added(call, node, [before, 0, after, 0], false)?;
        view.dims[axis] = call.type_of(view.id).height();
    }
    Ok(view)
}

/// The elements of an axis continued in both directions.
fn continued(
    call: &mut Call<'_, '_, '_>,
    view: &View,
    axis: usize,
    [before, after]: [usize; 2],
    mode: Mode,
) -> Result<View, String> {
    let extent = view.dims[axis];
    if before == 0 && after == 0 {
        return Ok(view.clone());
    }
    let count = extent.checked_add(before).and_then(|sum| sum.checked_add(after));
    let count = count.ok_or("the pads are too large")?;
    call.charge(count)?;
    let element = |place: usize| mode.element(place as i64 - before as i64, extent as i64) as usize;
    let elements: Vec<usize> = (0..count).map(element).collect();
    call.along(view, axis, "", |axis| Op::Gather(Gather { axis, indices: Indices::of(&elements) }))
}
