//! Which source pixels, which size, which window: rounded as torchvision rounds.

use super::error::ImageError;
use super::pixels::MAX_SIDE;
use rexnet_ir::spec::preprocessing::Geometry;

/// A rectangle of pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// How an image becomes a network's input: resize `source` to `target` (width, height), keep `window` of
/// that, and put it at (`left`, `top`) of the input. `source`, `window` and what lands in the input have at
/// least one pixel.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) source: Region,
    /// May be far larger than any image that could be held: only `window` is ever computed.
    pub(super) target: (u64, u64),
    pub(super) window: Region,
    pub(super) left: usize,
    pub(super) top: usize,
}

impl Plan {
    /// The plan for an image of `w` × `h` pixels; all four sizes are at least 1.
    pub(super) fn new(
        w: usize,
        h: usize,
        geometry: &Geometry,
        height: usize,
        width: usize,
    ) -> Result<Self, ImageError> {
        match *geometry {
            Geometry::ResizeThenCrop { short_side } => resize_then_crop(w, h, short_side, height, width),
            Geometry::CropThenResize { fraction } => crop_then_resize(w, h, fraction, height, width),
        }
    }
}

/// torchvision's `Resize(short_side)` and `CenterCrop`.
fn resize_then_crop(
    w: usize,
    h: usize,
    short_side: u32,
    height: usize,
    width: usize,
) -> Result<Plan, ImageError> {
    // Bounded, so that the long side fits a usize of 32 bits.
    if !(1..=MAX_SIDE as u32).contains(&short_side) {
        return Err(ImageError::size(
            format_args!("the short side is to be resized to {short_side} pixels"),
            format_args!("use a short side of 1 to {MAX_SIDE} pixels"),
        ));
    }
    let (short, long) = (w.min(h), w.max(h));
    // Python's `int(size * long / short)`: exact product, one rounded division, truncation.
    let new_long = ((u64::from(short_side) * long as u64) as f64 / short as f64) as u64;
    let new_short = u64::from(short_side);
    let target = if w <= h { (new_short, new_long) } else { (new_long, new_short) };
    let (horizontal, vertical) = (centre(target.0, width), centre(target.1, height));
    Ok(Plan {
        source: Region { left: 0, top: 0, width: w, height: h },
        target,
        window: Region {
            left: horizontal.from,
            top: vertical.from,
            width: horizontal.len,
            height: vertical.len,
        },
        left: horizontal.to,
        top: vertical.to,
    })
}

/// One axis of a centre crop: `len` pixels go from offset `from` of the image to offset `to` of the crop.
struct Centre {
    from: usize,
    to: usize,
    len: usize,
}

/// torchvision's `center_crop` of `crop` pixels: a smaller image is padded, the odd pixel at the end; a
/// larger one is cut at Python's `round((size - crop) / 2)`, which rounds halves to even.
fn centre(size: u64, crop: usize) -> Centre {
    match size.checked_sub(crop as u64) {
        None => Centre { from: 0, to: (crop - size as usize) / 2, len: size as usize },
        Some(rest) => {
            let half = rest / 2;
            let from = half + (rest % 2) * (half % 2);
            Centre { from: from as usize, to: 0, len: crop }
        }
    }
}

/// A centred square of the truncated `fraction` of the short side, resized to the whole input.
fn crop_then_resize(
    w: usize,
    h: usize,
    fraction: f64,
    height: usize,
    width: usize,
) -> Result<Plan, ImageError> {
    let short = w.min(h);
    let side = (fraction * short as f64) as usize;
    if side == 0 || side > short {
        return Err(ImageError::size(
            format_args!("{fraction} of the short side of {w} × {h} pixels is no square inside the image"),
            "use a larger image, or a fraction above 0 and at most 1",
        ));
    }
    let (left, top) = (centre(w as u64, side).from, centre(h as u64, side).from);
    Ok(Plan {
        source: Region { left, top, width: side, height: side },
        target: (width as u64, height as u64),
        window: Region { left: 0, top: 0, width, height },
        left: 0,
        top: 0,
    })
}
