//! Resize, Upsample, DepthToSpace, SpaceToDepth.

use super::indexing::strided;
use super::{Call, axes};
use crate::graph::{Concat, Coordinates, DepthOrder, DepthToSpace, Interpolation, NodeId, Op, Resize};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

/// How one axis is resized.
struct Target {
    size: usize,
    scale: f64,
}

pub(super) fn resize(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let dims = call.type_of(x).dims.clone();
    let coordinates = if call.opset < 11 {
        Coordinates::Asymmetric
    } else {
        match call.attributes.string("coordinate_transformation_mode")?.as_deref() {
            None | Some("half_pixel") => Coordinates::HalfPixel,
            Some("pytorch_half_pixel") => Coordinates::HalfPixelOrZero,
            Some("align_corners") => Coordinates::AlignCorners,
            Some("asymmetric") => Coordinates::Asymmetric,
            Some(other) => return Err(format!("coordinates {other} are not supported")),
        }
    };
    let interpolation = interpolation(call)?;
    if call.attributes.int("exclude_outside", 0)? != 0 {
        return Err("exclude_outside is not supported".to_owned());
    }
    match call.attributes.string("keep_aspect_ratio_policy")?.as_deref() {
        None | Some("stretch") => {}
        Some(policy) => return Err(format!("keep_aspect_ratio_policy {policy} is not supported")),
    }
    let (scales, sizes) = if call.opset < 11 { (1, usize::MAX) } else { (2, 3) };
    let rank = dims.len();
    let places = match call.attributes.ints("axes")? {
        Some(given) => axes(given, rank)?,
        None => (0..rank).collect(),
    };
    let sizes = call.known_integers(sizes)?.filter(|sizes| !sizes.is_empty());
    let targets = match sizes {
        Some(sizes) => of_sizes(&sizes, &places, &dims)?,
        None => of_scales(&floats(call, scales)?, &places, &dims)?,
    };
    let shrinks = targets.iter().zip(&dims).any(|(target, &extent)| target.size < extent);
    if shrinks && call.attributes.int("antialias", 0)? != 0 {
        return Err("antialias where a map becomes smaller is not supported".to_owned());
    }
    resized(call, x, &targets, coordinates, interpolation)
}

fn interpolation(call: &Call<'_, '_, '_>) -> Result<Interpolation, String> {
    match call.attributes.string("mode")?.as_deref() {
        None | Some("nearest") if call.opset < 11 => Ok(Interpolation::NearestFloor),
        None | Some("nearest") => match call.attributes.string("nearest_mode")?.as_deref() {
            None | Some("round_prefer_floor") => Ok(Interpolation::NearestPreferFloor),
            Some("round_prefer_ceil") => Ok(Interpolation::NearestPreferCeil),
            Some("floor") => Ok(Interpolation::NearestFloor),
            Some("ceil") => Ok(Interpolation::NearestCeil),
            Some(other) => Err(format!("nearest_mode {other} is not known")),
        },
        Some("linear") => Ok(Interpolation::Linear),
        Some("cubic") => match call.attributes.float("cubic_coeff_a", -0.75)? {
            -0.75 => Ok(Interpolation::Cubic),
            a => Err(format!("cubic_coeff_a {a} is not supported; -0.75 is")),
        },
        Some(other) => Err(format!("mode {other} is not supported")),
    }
}

/// The elements of a constant list of floats.
fn floats(call: &Call<'_, '_, '_>, place: usize) -> Result<Vec<f32>, String> {
    let constant = call.known(place)?;
    if constant.len() > super::MAX_LIST {
        return Err(format!("input {place} has more than {} numbers", super::MAX_LIST));
    }
    Ok(constant.as_floats()?.data().to_vec())
}

fn unchanged(dims: &[usize]) -> Vec<Target> {
    dims.iter().map(|&size| Target { size, scale: 1.0 }).collect()
}

fn of_sizes(sizes: &[i64], places: &[usize], dims: &[usize]) -> Result<Vec<Target>, String> {
    if sizes.len() != places.len() {
        return Err(format!("{} sizes for {} axes", sizes.len(), places.len()));
    }
    let mut targets = unchanged(dims);
    for (&size, &place) in sizes.iter().zip(places) {
        let size = usize::try_from(size).map_err(|_| format!("the size {size} is negative"))?;
        targets[place] = Target { size, scale: size as f64 / dims[place] as f64 };
    }
    Ok(targets)
}

fn of_scales(scales: &[f32], places: &[usize], dims: &[usize]) -> Result<Vec<Target>, String> {
    if scales.len() != places.len() {
        return Err(format!("{} scales for {} axes", scales.len(), places.len()));
    }
    let mut targets = unchanged(dims);
    for (&scale, &place) in scales.iter().zip(places) {
        let size = f64::from(scale) * dims[place] as f64;
        if !(size >= 1.0 && size <= f64::from(u32::MAX)) {
            return Err(format!("a scale of {scale} of the extent {} is not supported", dims[place]));
        }
        targets[place] = Target { size: size.floor() as usize, scale: f64::from(scale) };
    }
    Ok(targets)
}

fn resized(
    call: &mut Call<'_, '_, '_>,
    x: NodeId,
    targets: &[Target],
    coordinates: Coordinates,
    interpolation: Interpolation,
) -> Results {
    let dims = call.type_of(x).dims.clone();
    let mut id = x;
    for (axis, target) in targets.iter().enumerate() {
        if target.size == dims[axis] && target.scale == 1.0 {
            continue;
        }
        if dims.len() != 4 || axis < 2 {
            return Err(format!(
                "axis {axis} of shape {dims:?} resized is not supported; those of a map are"
            ));
        }
        let Target { size, scale } = *target;
        id = call.add(Op::Resize(Resize { axis, size, coordinates, interpolation, scale }), &[id])?;
    }
    Call::node(id)
}

pub(super) fn upsample(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let dims = call.type_of(x).dims.clone();
    let interpolation = match call.attributes.string("mode")?.as_deref() {
        None | Some("nearest") => Interpolation::NearestFloor,
        Some("linear" | "bilinear") => Interpolation::Linear,
        Some(other) => return Err(format!("mode {other} is not known")),
    };
    let scales = match call.attributes.floats("scales")? {
        Some(scales) if scales.len() <= super::MAX_LIST => scales.to_vec(),
        Some(scales) => return Err(format!("{} scales are given", scales.len())),
        None => floats(call, 1)?,
    };
    let places: Vec<usize> = (0..dims.len()).collect();
    let targets = of_scales(&scales, &places, &dims)?;
    resized(call, x, &targets, Coordinates::Asymmetric, interpolation)
}

fn block(call: &Call<'_, '_, '_>) -> Result<usize, String> {
    let block = call.attributes.int("blocksize", 0)?;
    usize::try_from(block)
        .ok()
        .filter(|block| (1..=256).contains(block))
        .ok_or_else(|| format!("a blocksize of {block} is not supported"))
}

pub(super) fn depth_to_space(call: &mut Call<'_, '_, '_>) -> Results {
    let order = match call.attributes.string("mode")?.as_deref() {
        None | Some("DCR") => DepthOrder::BlockFirst,
        Some("CRD") => DepthOrder::ChannelFirst,
        Some(other) => return Err(format!("mode {other} is not known")),
    };
    let block = block(call)?;
    let x = call.data(0)?;
    let id = call.add(Op::DepthToSpace(DepthToSpace { block: [block; 2], order }), &[x])?;
    Call::node(id)
}

/// Every place of a block as a map of its own, one behind the other.
pub(super) fn space_to_depth(call: &mut Call<'_, '_, '_>) -> Results {
    let block = block(call)?;
    let x = call.data(0)?;
    let &[_, _, height, width] = call.type_of(x).dims.as_slice() else {
        return Err("a map of rank 4 is supported".to_owned());
    };
    if !height.is_multiple_of(block) || !width.is_multiple_of(block) || block * block > super::MAX_LIST {
        return Err(format!("blocks of {block} in a map of {height}×{width} are not supported"));
    }
    let mut parts = Vec::with_capacity(block * block);
    for y in 0..block {
        let rows = strided(call, x, 2, y, block, height / block)?;
        for x in 0..block {
            parts.push(strided(call, rows, 3, x, block, width / block)?);
        }
    }
    let id = if parts.len() == 1 { x } else { call.add(Op::Concat(Concat { axis: 1 }), &parts)? };
    Call::node(id)
}
