//! AveragePool, MaxPool, LpPool and their global forms, along any number of axes.
//!
//! The last two axes are pooled at once, the others one after the other: the mean over a box is the mean of means, also
//! where padding is left out, since of each axis the same elements count along all others.

use super::Call;
use super::pad::filled;
use super::shape::count;
use super::view::View;
use super::window::{Window, numbers, windows};
use crate::graph::{NodeId, Op, Pool2d, PoolKind};
use crate::onnx::import::{Maxima, Value};
use std::sync::Arc;

type Results = Result<Vec<Value>, String>;

/// The extents behind batch and channels.
pub(super) fn map_extents(view: &View) -> Result<&[usize], String> {
    match view.dims.as_slice() {
        [_, _, extents @ ..] if !extents.is_empty() => Ok(extents),
        dims => Err(format!("an input of shape {dims:?} has no map")),
    }
}

fn own_windows(call: &Call<'_, '_, '_>, view: &View) -> Result<Vec<Window>, String> {
    let extents = map_extents(view)?;
    if !call.attributes.has("kernel_shape") {
        return Err("kernel_shape is missing".to_owned());
    }
    windows(call, extents, &numbers(&call.attributes, "kernel_shape", extents.len())?)
}

/// Lets windows reach behind the padding, which counts in no mean, where the last does not fit.
fn complete(call: &Call<'_, '_, '_>, windows: &mut [Window]) -> Result<(), String> {
    if call.attributes.int("ceil_mode", 0)? != 0 {
        for window in windows {
            window.pad[1] = window.pad[1].saturating_add(window.beyond());
        }
    }
    Ok(())
}

/// Zeros as elements of the map in place of padding.
fn with_zeros(call: &mut Call<'_, '_, '_>, view: &View, windows: &mut [Window]) -> Result<View, String> {
    let mut pads = vec![[0; 2]; 2];
    for window in windows.iter_mut() {
        pads.push(std::mem::take(&mut window.pad));
        window.extent = window.extent.saturating_add(count_of_pads(pads[pads.len() - 1]));
    }
    filled(call, view, &pads, 0.0)
}

fn count_of_pads([before, after]: [usize; 2]) -> usize {
    before.saturating_add(after)
}

pub(super) fn average(call: &mut Call<'_, '_, '_>) -> Results {
    let mut view = call.view(0)?;
    let mut windows = own_windows(call, &view)?;
    let beyond: Vec<usize> = windows.iter().map(Window::beyond).collect();
    if call.attributes.int("count_include_pad", 0)? != 0 {
        view = with_zeros(call, &view, &mut windows)?;
    }
    // What a window reaches behind the padding counts in no mean.
    if call.attributes.int("ceil_mode", 0)? != 0 {
        for (window, beyond) in windows.iter_mut().zip(beyond) {
            window.pad[1] = window.pad[1].saturating_add(beyond);
        }
    }
    let pooled = pooled(call, &view, PoolKind::Average, &windows)?;
    call.viewed(pooled)
}

pub(super) fn max(call: &mut Call<'_, '_, '_>) -> Results {
    let view = call.view(0)?;
    let mut windows = own_windows(call, &view)?;
    complete(call, &mut windows)?;
    let pooled = pooled(call, &view, PoolKind::Max, &windows)?;
    let mut results = call.viewed(pooled)?;
    if call.others_used() {
        if call.attributes.int("storage_order", 0)? != 0 {
            return Err("places of maxima in the order of columns are not supported".to_owned());
        }
        results.push(Value::Maxima(Maxima { map: view.id, dims: view.dims.into(), windows: windows.into() }));
    }
    Ok(results)
}

/// One window at each place of the map, along all its axes.
fn pooled(
    call: &mut Call<'_, '_, '_>,
    view: &View,
    kind: PoolKind,
    windows: &[Window],
) -> Result<View, String> {
    let mut dims = view.dims.clone();
    let planar = windows.len().min(2);
    let (others, planes) = windows.split_at(windows.len() - planar);
    let (leading, _) = dims.split_at(dims.len() - planar);
    let [n, rest] = [dims[0], count(&leading[1..])];
    let [vertical, horizontal] = match *planes {
        [vertical, horizontal] => [vertical, horizontal],
        [horizontal] => [Window::single(1), horizontal],
        _ => return Err("there is no map".to_owned()),
    };
    let mut result = View { id: view.id, dims: vec![n, rest, vertical.extent, horizontal.extent] };
    // The map's own rank is that of the operator.
    let alone = others.is_empty();
    result = plane(call, &result, kind, [vertical, horizontal], if alone { "" } else { "plane" })?;
    let start = dims.len() - planar;
    dims[start..].copy_from_slice(&result.dims[4 - planar..]);
    for (axis, window) in others.iter().enumerate().rev() {
        if *window == Window::single(window.extent) {
            continue;
        }
        let axis = axis + 2;
        let grouped = vec![n, count(&dims[1..axis]), dims[axis], count(&dims[axis + 1..])];
        let view = View { id: result.id, dims: grouped };
        let inner = Window::single(view.dims[3]);
        result = plane(call, &view, kind, [*window, inner], "line")?;
        dims[axis] = result.dims[2];
    }
    Ok(View { id: result.id, dims })
}

fn plane(
    call: &mut Call<'_, '_, '_>,
    view: &View,
    kind: PoolKind,
    [vertical, horizontal]: [Window; 2],
    step: &str,
) -> Result<View, String> {
    let pair = |of: fn(&Window) -> usize| [of(&vertical), of(&horizontal)];
    let op = Op::Pool2d(Pool2d {
        kind,
        kernel: pair(|window| window.kernel),
        stride: pair(|window| window.stride),
        pad: [vertical.pad[0], horizontal.pad[0], vertical.pad[1], horizontal.pad[1]],
        dilation: pair(|window| window.dilation),
    });
    let x = call.shaped(view, view.dims.clone())?;
    let id = if step.is_empty() { call.add(op, &[x])? } else { call.add_step(step, op, &[x])? };
    Ok(View { id, dims: call.type_of(id).dims.clone() })
}

pub(super) fn global_average(call: &mut Call<'_, '_, '_>) -> Results {
    let view = call.view(0)?;
    global(call, &view, |call, x| call.add(Op::GlobalAveragePool, &[x]))
}

pub(super) fn global_max(call: &mut Call<'_, '_, '_>) -> Results {
    let view = call.view(0)?;
    global(call, &view, |call, x| {
        let kernel = [call.type_of(x).height(), call.type_of(x).width()];
        let pool = Pool2d { kind: PoolKind::Max, kernel, stride: [1, 1], pad: [0; 4], dilation: [1, 1] };
        call.add(Op::Pool2d(pool), &[x])
    })
}

/// A map of any rank as one of rows and columns, made one pixel.
fn global(
    call: &mut Call<'_, '_, '_>,
    view: &View,
    pool: impl FnOnce(&mut Call<'_, '_, '_>, NodeId) -> Result<NodeId, String>,
) -> Results {
    let extents = map_extents(view)?;
    let plane = match *extents {
        [height, width] => [height, width],
        _ => [1, count(extents)],
    };
    let mut dims = view.dims.clone();
    let x = call.shaped(view, vec![dims[0], dims[1], plane[0], plane[1]])?;
    let id = pool(call, x)?;
    dims[2..].fill(1);
    call.viewed(View { id, dims })
}

/// The places that a maximum pooling chose, where the graph can hold them.
impl Maxima {
    /// The map in four axes, and its windows along rows and columns.
    pub(super) fn plane(&self) -> Result<(Vec<usize>, [Window; 2]), String> {
        match (&self.dims[..], &self.windows[..]) {
            (&[n, c, height, width], &[vertical, horizontal]) => {
                Ok((vec![n, c, height, width], [vertical, horizontal]))
            }
            (&[n, c, width], &[horizontal]) => Ok((vec![n, c, 1, width], [Window::single(1), horizontal])),
            _ => Err("places of maxima in a map of more than two axes are not supported".to_owned()),
        }
    }
}

/// Windows that several values share.
pub(in crate::onnx) type Windows = Arc<[Window]>;
