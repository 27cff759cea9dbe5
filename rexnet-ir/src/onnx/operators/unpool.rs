//! MaxUnpool: values back at the places that a MaxPool found, or at known ones.

use super::Call;
use super::gather::{known_indices, or_zero};
use super::window::{numbers, windows};
use crate::graph::{MaxUnpool, Op};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

pub(super) fn max_unpool(call: &mut Call<'_, '_, '_>) -> Results {
    let wanted = match call.known_integers(2)? {
        None => None,
        Some(shape) => {
            let shape: Result<Vec<usize>, _> = shape.into_iter().map(usize::try_from).collect();
            Some(shape.map_err(|_| "the output shape is negative")?)
        }
    };
    match call.input(1)?.clone() {
        Value::Maxima(maxima) => {
            if wanted.is_some_and(|wanted| wanted != maxima.dims[..]) {
                return Err(format!("an output shape other than {:?}, the pooled map's", maxima.dims));
            }
            let (plane, [vertical, horizontal]) = maxima.plane()?;
            let values = call.view(0)?;
            let expected = [plane[0], plane[1], vertical.count()?, horizontal.count()?];
            if values.dims.iter().product::<usize>() != expected.iter().product::<usize>() {
                return Err(format!("values of shape {:?} for places of shape {expected:?}", values.dims));
            }
            let values = call.shaped(&values, expected.to_vec())?;
            let map = super::shape::reshaped_node(call, maxima.map, plane)?;
            let op = Op::MaxUnpool(MaxUnpool {
                kernel: [vertical.kernel, horizontal.kernel],
                stride: [vertical.stride, horizontal.stride],
                pad: [vertical.pad[0], horizontal.pad[0], vertical.pad[1], horizontal.pad[1]],
                dilation: [vertical.dilation, horizontal.dilation],
            });
            let id = call.add(op, &[values, map])?;
            call.viewed(super::view::View { id, dims: maxima.dims.to_vec() })
        }
        _ => at_known_places(call, wanted),
    }
}

/// Each place of the result shows the value that goes there, or zero. The places are those of the map whose windows gave the
/// values: of a map of another shape, ONNX takes them so and cuts or pads the result, and ONNX Runtime takes them as places
/// of the result itself.
fn at_known_places(call: &mut Call<'_, '_, '_>, wanted: Option<Vec<usize>>) -> Results {
    let places = known_indices(call, 1)?;
    let values = call.view(0)?;
    let dims = inferred(call, &values.dims)?;
    if wanted.is_some_and(|wanted| wanted != dims) {
        return Err(format!(
            "an output shape other than {dims:?}, in which engines put maxima at different places,"
        ));
    }
    let count = dims.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent));
    let count = count.filter(|&count| count > 0).ok_or("the result is too large or empty")?;
    let given: usize = values.dims.iter().product();
    if places.len() != given {
        return Err(format!("{} places for {given} values", places.len()));
    }
    call.charge(count)?;
    let mut numbers = vec![given; count];
    for (value, &place) in places.as_integers()?.iter().enumerate() {
        let number = usize::try_from(place).ok().and_then(|place| numbers.get_mut(place));
        *number.ok_or_else(|| format!("there is no place {place} among {count}"))? = value;
    }
    or_zero(call, &values, &numbers, dims)
}

/// The extents of the map whose windows gave so many values.
fn inferred(call: &Call<'_, '_, '_>, pooled: &[usize]) -> Result<Vec<usize>, String> {
    let [n, c, extents @ ..] = pooled else { return Err("the values have no map".to_owned()) };
    let kernel = numbers(&call.attributes, "kernel_shape", extents.len())?;
    let mut dims = vec![*n, *c];
    for (window, &extent) in windows(call, extents, &kernel)?.iter().zip(extents) {
        let whole = extent.checked_sub(1).and_then(|steps| steps.checked_mul(window.stride));
        let whole = whole.and_then(|whole| whole.checked_add(window.kernel));
        let padding = window.pad[0].checked_add(window.pad[1]);
        let extent = whole.zip(padding).and_then(|(whole, padding)| whole.checked_sub(padding));
        dims.push(extent.ok_or("the pads leave nothing")?);
    }
    Ok(dims)
}
