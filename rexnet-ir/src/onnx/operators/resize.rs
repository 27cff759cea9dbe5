//! Resize, Upsample, DepthToSpace, SpaceToDepth.

use super::indexing::strided;
use super::shape::{count, reshaped_node};
use super::{Call, axes};
use crate::graph::{
    BinaryKind, Concat, Coordinates, DepthOrder, DepthToSpace, Interpolation, NodeId, Op, Parameter, Resize,
};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

/// How one axis is resized.
#[derive(Clone, Copy)]
struct Target {
    size: usize,
    scale: f64,
    /// The part of the axis that is looked at, where the coordinates know one.
    region: Option<[Parameter; 2]>,
}

/// How all axes are.
#[derive(Clone, Copy)]
struct Manner {
    coordinates: Coordinates,
    interpolation: Interpolation,
    antialias: bool,
    exclude_outside: bool,
    coefficient: Option<Parameter>,
    /// What stands outside a region; 0 elsewhere.
    outside: f32,
}

impl Manner {
    fn plain(coordinates: Coordinates, interpolation: Interpolation) -> Self {
        Self {
            coordinates,
            interpolation,
            antialias: false,
            exclude_outside: false,
            coefficient: None,
            outside: 0.0,
        }
    }
}

pub(super) fn resize(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let dims = call.type_of(x).dims.clone();
    let manner = manner(call)?;
    let (scales, sizes) = if call.opset < 11 { (1, usize::MAX) } else { (2, 3) };
    let rank = dims.len();
    let places = match call.attributes.ints("axes")? {
        Some(given) => axes(given, rank)?,
        None => (0..rank).collect(),
    };
    let regions = if manner.coordinates == Coordinates::Region {
        regions(&floats(call, 1)?, &places, rank)?
    } else {
        vec![None; rank]
    };
    let targets = match call.known_integers(sizes)?.filter(|sizes| !sizes.is_empty()) {
        Some(sizes) => {
            let policy = call.attributes.string("keep_aspect_ratio_policy")?;
            of_sizes(&sizes, &places, &dims, policy.as_deref().unwrap_or("stretch"))?
        }
        None => of_scales(call, &floats(call, scales)?, &places, &dims, &regions)?,
    };
    let with_region = |(target, region): (Target, &Option<_>)| Target { region: *region, ..target };
    let targets: Vec<Target> = targets.into_iter().zip(&regions).map(with_region).collect();
    resized(call, x, &targets, manner)
}

fn manner(call: &Call<'_, '_, '_>) -> Result<Manner, String> {
    let interpolation = interpolation(call)?;
    if call.opset < 11 {
        return Ok(Manner::plain(Coordinates::Asymmetric, interpolation));
    }
    let taken_whole = !matches!(interpolation, Interpolation::Linear | Interpolation::Cubic);
    let coordinates = match call.attributes.string("coordinate_transformation_mode")?.as_deref() {
        None | Some("half_pixel") => Coordinates::HalfPixel,
        Some("half_pixel_symmetric") => Coordinates::HalfPixelSymmetric,
        Some("pytorch_half_pixel") => Coordinates::HalfPixelOrZero,
        Some("align_corners") => Coordinates::AlignCorners,
        Some("asymmetric") => Coordinates::Asymmetric,
        Some("tf_crop_and_resize") => Coordinates::Region,
        Some("tf_half_pixel_for_nn") if taken_whole => Coordinates::HalfPixelWhole,
        Some("tf_half_pixel_for_nn") => {
            return Err("coordinates tf_half_pixel_for_nn are supported of mode nearest".to_owned());
        }
        Some(other) => return Err(format!("coordinates {other} are not known")),
    };
    let coefficient = match call.attributes.float("cubic_coeff_a", -0.75)? {
        -0.75 => None,
        a => Some(Parameter::new(a).ok_or_else(|| format!("cubic_coeff_a {a} is no number"))?),
    };
    Ok(Manner {
        coordinates,
        interpolation,
        antialias: !taken_whole && call.attributes.int("antialias", 0)? != 0,
        exclude_outside: !taken_whole && call.attributes.int("exclude_outside", 0)? != 0,
        coefficient: coefficient.filter(|_| interpolation == Interpolation::Cubic),
        outside: call.attributes.float("extrapolation_value", 0.0)?,
    })
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
        Some("linear" | "bilinear") => Ok(Interpolation::Linear),
        Some("cubic") => Ok(Interpolation::Cubic),
        Some(other) => Err(format!("mode {other} is not known")),
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

/// Where the region of each axis begins and ends: all starts, then all ends.
fn regions(given: &[f32], places: &[usize], rank: usize) -> Result<Vec<Option<[Parameter; 2]>>, String> {
    if given.len() != 2 * places.len() {
        return Err(format!("a region of {} numbers for {} axes", given.len(), places.len()));
    }
    let mut regions = vec![None; rank];
    for (index, &place) in places.iter().enumerate() {
        let [start, end] = [given[index], given[places.len() + index]];
        let (Some(from), Some(to)) = (Parameter::new(start), Parameter::new(end)) else {
            return Err(format!("a region from {start} to {end}"));
        };
        regions[place] = Some([from, to]);
    }
    Ok(regions)
}

fn unchanged(dims: &[usize]) -> Vec<Target> {
    dims.iter().map(|&size| Target { size, scale: 1.0, region: None }).collect()
}

/// Sizes as they are, or of one scale by which none is exceeded (`not_larger`) or fallen short of (`not_smaller`).
fn of_sizes(sizes: &[i64], places: &[usize], dims: &[usize], policy: &str) -> Result<Vec<Target>, String> {
    if sizes.len() != places.len() {
        return Err(format!("{} sizes for {} axes", sizes.len(), places.len()));
    }
    let scales = sizes.iter().zip(places).map(|(&size, &place)| size as f32 / dims[place] as f32);
    let scale = match policy {
        "stretch" => None,
        "not_larger" => Some(scales.fold(f32::INFINITY, f32::min)),
        "not_smaller" => Some(scales.fold(0.0, f32::max)),
        other => return Err(format!("keep_aspect_ratio_policy {other} is not known")),
    };
    let mut targets = unchanged(dims);
    for (&size, &place) in sizes.iter().zip(places) {
        let size = usize::try_from(size).map_err(|_| format!("the size {size} is negative"))?;
        let extent = dims[place];
        let (size, scale) = match scale {
            None => (size, size as f64 / extent as f64),
            // Halves are rounded up.
            Some(scale) => ((scale * extent as f32).round() as usize, f64::from(scale)),
        };
        targets[place] = Target { size, scale, region: None };
    }
    Ok(targets)
}

fn of_scales(
    call: &Call<'_, '_, '_>,
    scales: &[f32],
    places: &[usize],
    dims: &[usize],
    regions: &[Option<[Parameter; 2]>],
) -> Result<Vec<Target>, String> {
    if scales.len() != places.len() {
        return Err(format!("{} scales for {} axes", scales.len(), places.len()));
    }
    let declared = call.outputs.first().and_then(|name| call.importer.declared.get(name));
    let mut targets = unchanged(dims);
    for (&scale, &place) in scales.iter().zip(places) {
        let declared = declared.filter(|extents| extents.len() == dims.len()).map(|extents| extents[place]);
        let part = regions[place].map_or(1.0, |[from, to]| to.get() - from.get());
        let size = size_of(scale * part, dims[place], declared);
        if !(size >= 1.0 && size <= f64::from(u32::MAX)) {
            return Err(format!("a scale of {scale} of the extent {} is not supported", dims[place]));
        }
        targets[place] = Target { size: size as usize, scale: f64::from(scale), region: None };
    }
    Ok(targets)
}

/// How many places a scale makes of an extent. ONNX Runtime rounds the product to f32 before it drops the fraction: 0.7 times
/// 10, of which f32 knows a little less, is 7. PyTorch multiplies what the program says, the decimal 0.7, in f64. Where these
/// two part, a size that the model states and that is PyTorch's is right: what stands behind was exported for it.
fn size_of(scale: f32, extent: usize, declared: Option<i64>) -> f64 {
    let of_runtime = f64::from((scale * extent as f32).floor());
    let decimal: f64 = scale.to_string().parse().unwrap_or(f64::from(scale));
    let of_program = (decimal * extent as f64).floor();
    if declared.is_some_and(|size| size as f64 == of_program) { of_program } else { of_runtime }
}

fn resized(call: &mut Call<'_, '_, '_>, x: NodeId, targets: &[Target], manner: Manner) -> Results {
    let dims = call.type_of(x).dims.clone();
    let mut id = x;
    for (axis, target) in targets.iter().enumerate() {
        let whole = target.region.is_none_or(|region| region.map(Parameter::get) == [0.0, 1.0]);
        if target.size == dims[axis] && target.scale == 1.0 && whole {
            continue;
        }
        id = axis_resized(call, id, axis, target, manner)?;
    }
    if manner.coordinates == Coordinates::Region && manner.outside != 0.0 {
        id = filled_outside(call, id, &dims, targets, manner)?;
    }
    Call::node(id)
}

/// One axis of a tensor of any rank: of a map as it is, else of the map whose rows are the axis.
fn axis_resized(
    call: &mut Call<'_, '_, '_>,
    id: NodeId,
    axis: usize,
    target: &Target,
    manner: Manner,
) -> Result<NodeId, String> {
    let mut dims = call.type_of(id).dims.clone();
    let of_map = dims.len() == 4 && axis >= 2;
    let resize = Resize {
        antialias: manner.antialias,
        exclude_outside: manner.exclude_outside,
        coefficient: manner.coefficient,
        region: target.region,
        ..Resize::new(
            if of_map { axis } else { 2 },
            target.size,
            manner.coordinates,
            manner.interpolation,
            target.scale,
        )
    };
    if of_map {
        return call.add(Op::Resize(resize), &[id]);
    }
    let (outer, inner) = (count(&dims[..axis]), count(&dims[axis + 1..]));
    let map = reshaped_node(call, id, vec![1, outer, dims[axis], inner])?;
    let map = call.add_step("along", Op::Resize(resize), &[map])?;
    dims[axis] = target.size;
    reshaped_node(call, map, dims)
}

/// A number instead of the zeros that stand outside the regions.
fn filled_outside(
    call: &mut Call<'_, '_, '_>,
    id: NodeId,
    extents: &[usize],
    targets: &[Target],
    manner: Manner,
) -> Result<NodeId, String> {
    let dims = call.type_of(id).dims.clone();
    let inside: Vec<Vec<bool>> = targets
        .iter()
        .zip(extents)
        .map(|(target, &extent)| {
            let resize = Resize {
                region: target.region,
                ..Resize::new(2, target.size, manner.coordinates, manner.interpolation, target.scale)
            };
            resize.taps(extent).iter().map(|taps| !taps.is_empty()).collect()
        })
        .collect();
    let elements = count(&dims);
    call.charge(elements)?;
    let is_inside = |mut at: usize| {
        dims.iter().zip(&inside).rev().all(|(&extent, inside)| {
            let place = at % extent;
            at /= extent;
            inside[place]
        })
    };
    let values = (0..elements).map(|at| if is_inside(at) { 0.0 } else { manner.outside }).collect();
    let outside = call.made("outside", dims, values)?;
    call.add(BinaryKind::Add.into(), &[id, outside])
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
        // The first version knows the two of a map alone.
        None if call.opset < 7 => {
            let scale = |name| call.attributes.float(name, 1.0);
            vec![1.0, 1.0, scale("height_scale")?, scale("width_scale")?]
        }
        None => floats(call, 1)?,
    };
    let places: Vec<usize> = (0..dims.len()).collect();
    let targets = of_scales(call, &scales, &places, &dims, &vec![None; dims.len()])?;
    resized(call, x, &targets, Manner::plain(Coordinates::Asymmetric, interpolation))
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

#[cfg(test)]
mod tests {
    use super::size_of;

    /// `tests/fixtures/make_resize_sizes.py` asked PyTorch and ONNX Runtime.
    const SIZES: &str = include_str!("../../../../tests/fixtures/resize_sizes.txt");

    #[test]
    fn a_scale_makes_as_many_places_as_in_the_engines_that_run() {
        let (mut pairs, mut parted) = (0, 0);
        for line in SIZES.lines().filter(|line| !line.starts_with('#')) {
            let (scale, sizes) = line.split_once(':').unwrap();
            let scale: f32 = scale.parse().unwrap();
            for (extent, sizes) in (2..).zip(sizes.split_whitespace()) {
                let (pytorch, runtime) = sizes.split_once('|').unwrap_or((sizes, sizes));
                let [pytorch, runtime] = [pytorch, runtime].map(|size| size.parse::<i64>().unwrap());
                assert_eq!(size_of(scale, extent, None), runtime as f64, "{scale} of {extent}");
                for declared in [pytorch, runtime] {
                    let size = size_of(scale, extent, Some(declared));
                    assert_eq!(size, declared as f64, "{scale} of {extent}, where the model states it");
                }
                // What no engine computes is no witness.
                assert_eq!(size_of(scale, extent, Some(runtime + 2)), runtime as f64);
                pairs += 1;
                parted += usize::from(pytorch != runtime);
            }
        }
        assert_eq!((pairs, parted > 0), (39 * 128, true));
    }
}
