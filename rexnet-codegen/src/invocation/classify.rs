//! `Session::classify`: photograph → classes, for networks whose spec says how photographs are prepared.

use crate::plan::Program;
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use rexnet_ir::spec::preprocessing::{Geometry, Interpolation, Preprocessing};

/// How many classes are told.
const TOLD: usize = 5;

/// Height and width of a photograph, and the number of classes.
///
/// # Errors
/// Why the network does not classify one photograph.
pub(super) fn extents(program: &Program) -> Result<[usize; 3], String> {
    let ([input], [output]) = (program.inputs.as_slice(), program.outputs.as_slice()) else {
        let (inputs, outputs) = (program.inputs.len(), program.outputs.len());
        return Err(format!(
            "photographs are classified by one input and one output; the network has {inputs} and {outputs}"
        ));
    };
    match (input.dims.as_slice(), output.dims.as_slice()) {
        (&[1, 3, height, width], &[1, classes]) => Ok([height, width, classes]),
        (input, output) => Err(format!(
            "photographs are classified one at a time, [1, 3, height, width] to [1, classes]; the network is {input:?} \
             to {output:?}"
        )),
    }
}

/// The method, where there is one photograph in and one row of classes out; `krate` is the crate that prepares.
pub(super) fn method(
    program: &Program,
    preprocessing: &Preprocessing,
    krate: &TokenStream,
) -> Option<TokenStream> {
    let [height, width, classes] = extents(program).ok()?;
    let number = Literal::usize_unsuffixed;
    let (pixels, height, width) = (number(3 * height * width), number(height), number(width));
    let (told, classes) = (number(TOLD.min(classes)), number(classes));
    let constant = constant(preprocessing, krate);
    let documentation = format!(" The {told} most probable classes, the most probable first.");
    Some(quote! {
        #constant

        impl Session<'_> {
            #[doc = #documentation]
            ///
            /// # Errors
            /// When the photograph is so narrow that nothing of it would be left.
            pub fn classify(
                &mut self,
                photograph: &#krate::image::Rgb8Image,
            ) -> Result<std::vec::Vec<#krate::Prediction>, #krate::image::ImageError> {
                let input = #krate::image::prepare(photograph, &PREPROCESSING, #height, #width)?;
                let mut logits = [0.0; #classes];
                if let Some(input) = input.first_chunk::<#pixels>() {
                    self.run(input, &mut logits);
                }
                Ok(#krate::top(&#krate::softmax(&logits), #told))
            }
        }
    })
}

fn constant(preprocessing: &Preprocessing, krate: &TokenStream) -> TokenStream {
    let Preprocessing { geometry, interpolation, scale, mean, std } = preprocessing;
    let geometry = match geometry {
        Geometry::ResizeThenCrop { short_side } => {
            let short_side = Literal::u32_unsuffixed(*short_side);
            quote!(ResizeThenCrop { short_side: #short_side })
        }
        Geometry::CropThenResize { fraction } => {
            let fraction = Literal::f64_unsuffixed(*fraction);
            quote!(CropThenResize { fraction: #fraction })
        }
    };
    let interpolation = match interpolation {
        Interpolation::Bilinear => quote!(Bilinear),
        Interpolation::Bicubic => quote!(Bicubic),
    };
    let floats = |values: &[f32; 3]| {
        let values = values.iter().map(|value| Literal::f32_unsuffixed(*value));
        quote!([#(#values),*])
    };
    let (scale, mean, std) = (Literal::f32_unsuffixed(*scale), floats(mean), floats(std));
    quote! {
        /// How photographs become the input.
        pub const PREPROCESSING: #krate::Preprocessing = #krate::Preprocessing {
            geometry: #krate::Geometry::#geometry,
            interpolation: #krate::Interpolation::#interpolation,
            scale: #scale,
            mean: #mean,
            std: #std,
        };
    }
}
