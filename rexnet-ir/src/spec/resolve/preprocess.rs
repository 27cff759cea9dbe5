//! The section `preprocess`: how a photograph becomes the input.

use super::section::Section;
use super::{Resolver, values};
use crate::diagnostic::Code;
use crate::spec::evaluate::Scalar;
use crate::spec::network::MAX_SIDE;
use crate::spec::preprocessing::{Geometry, Interpolation, Preprocessing};
use crate::spec::syntax::{Expression, Term};

pub(super) const FIELDS: &[&str] = &["geometry", "interpolation", "scale", "mean", "std"];
const INTERPOLATIONS: &[(&str, Interpolation)] =
    &[("bilinear", Interpolation::Bilinear), ("bicubic", Interpolation::Bicubic)];
const GEOMETRIES: &str = "resize_then_crop(short_side) or crop_then_resize(fraction)";

impl Resolver<'_> {
    pub(super) fn preprocessing(
        &mut self,
        top: &Section<'_>,
        input: Option<[usize; 3]>,
    ) -> Option<Option<Preprocessing>> {
        let Some(section) = top.optional_section("preprocess", FIELDS, self.faults())? else {
            return Some(None);
        };
        self.preprocessing_fields(&section, input).map(Some)
    }

    /// The fields of the section, wherever it stands.
    pub(super) fn preprocessing_fields(
        &mut self,
        section: &Section<'_>,
        input: Option<[usize; 3]>,
    ) -> Option<Preprocessing> {
        if let Some([channels, ..]) = input
            && channels != 3
        {
            let cause = format!("photographs have 3 channels, the input has {channels}");
            self.faults().push(Code::SpecValue, section.span(), cause);
        }
        let geometry = section
            .required("geometry", self.faults())
            .and_then(|expression| self.geometry(expression, input));
        let interpolation = section
            .required("interpolation", self.faults())
            .and_then(|expression| self.word(expression, "interpolation", INTERPOLATIONS));
        let scale = section
            .required("scale", self.faults())
            .and_then(|expression| self.single(expression, |scalar| values::positive_f32(scalar, "scale")));
        let mean = self.per_channel(section, "mean", values::f32);
        let std = self.per_channel(section, "std", values::positive_f32);
        Some(Preprocessing {
            geometry: geometry?,
            interpolation: interpolation?,
            scale: scale?,
            mean: mean?,
            std: std?,
        })
    }

    fn per_channel(
        &mut self,
        section: &Section<'_>,
        field: &str,
        convert: fn(&Scalar, &str) -> Result<f32, String>,
    ) -> Option<[f32; 3]> {
        let expression = section.required(field, self.faults())?;
        let items = self.triple(expression, field)?;
        let [red, green, blue] = items.map(|item| self.report(convert(&item.node, field), item.span));
        Some([red?, green?, blue?])
    }

    fn geometry(&mut self, expression: &Expression, input: Option<[usize; 3]>) -> Option<Geometry> {
        let (function, argument) = match &expression.node {
            Term::Call { function, arguments } if arguments.len() == 1 => (function, arguments.first()?),
            Term::Call { .. }
            | Term::Number(_)
            | Term::Name(_)
            | Term::Negative(_)
            | Term::Not(_)
            | Term::Chain { .. }
            | Term::List(_)
            | Term::Tuple(_) => {
                let cause = format!("`geometry` must be {GEOMETRIES}");
                self.faults().push(Code::SpecValue, expression.span, cause);
                return None;
            }
        };
        match function.node.as_str() {
            "resize_then_crop" => {
                // The crop must lie within the resized image.
                let smallest = input.map_or(1, |[_, height, width]| height.max(width));
                let short_side = self.single(argument, |scalar| {
                    let side = values::whole(scalar, "short_side", smallest..=2 * MAX_SIDE)?;
                    u32::try_from(side).map_err(|error| error.to_string())
                })?;
                Some(Geometry::ResizeThenCrop { short_side })
            }
            "crop_then_resize" => {
                let fraction =
                    self.single(argument, |scalar| match values::positive(scalar, "fraction")? {
                        fraction if fraction <= 1.0 => Ok(fraction),
                        fraction => Err(format!("`fraction` is {fraction}, but must be at most 1")),
                    })?;
                Some(Geometry::CropThenResize { fraction })
            }
            other => {
                let cause = format!("there is no geometry `{other}`");
                let help = format!("there are: {GEOMETRIES}");
                self.faults().push_help(Code::SpecUnknownName, function.span, cause, help);
                None
            }
        }
    }
}
