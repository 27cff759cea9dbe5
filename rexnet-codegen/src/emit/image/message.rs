//! What an image says of its program, as a protobuf message of our own.

use super::About;
use crate::loops::{Buffer, Kernel, Role};
use crate::plan::{Allocation, MAX_ARENA_BYTES, Place, Port, Program, Step, Work};
use prost::Message;
use rexnet_ir::graph::MAX_ELEMENTS;
use rexnet_ir::spec::preprocessing::{Geometry, Interpolation, Preprocessing};

/// A program without the bodies of its kernels, and what a user of it has to know.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Description {
    #[prost(string, tag = "1")]
    title: String,
    #[prost(message, optional, tag = "2")]
    preprocessing: Option<PreprocessingMessage>,
    #[prost(uint64, tag = "3")]
    own_outputs: u64,
    #[prost(string, tag = "4")]
    name: String,
    #[prost(message, repeated, tag = "5")]
    kernels: Vec<KernelMessage>,
    #[prost(message, repeated, tag = "6")]
    steps: Vec<StepMessage>,
    #[prost(message, repeated, tag = "7")]
    inputs: Vec<PortMessage>,
    #[prost(message, repeated, tag = "8")]
    outputs: Vec<PortMessage>,
    #[prost(message, repeated, tag = "9")]
    allocations: Vec<AllocationMessage>,
    #[prost(uint64, tag = "10")]
    arena_bytes: u64,
    #[prost(uint64, tag = "11")]
    arena_lower_bound: u64,
    #[prost(uint64, tag = "12")]
    weight_bytes: u64,
    #[prost(fixed64, tag = "13")]
    layout_hash: u64,
    #[prost(uint64, tag = "14")]
    code_bytes: u64,
}

#[derive(Clone, PartialEq, Message)]
struct PreprocessingMessage {
    /// 0: resize, then crop; 1: crop, then resize.
    #[prost(uint32, tag = "1")]
    order: u32,
    #[prost(uint32, tag = "2")]
    short_side: u32,
    #[prost(double, tag = "3")]
    fraction: f64,
    /// 0: bilinear; 1: bicubic.
    #[prost(uint32, tag = "4")]
    interpolation: u32,
    #[prost(float, tag = "5")]
    scale: f32,
    #[prost(float, repeated, tag = "6")]
    mean: Vec<f32>,
    #[prost(float, repeated, tag = "7")]
    std: Vec<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct KernelMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    sections: Vec<SectionMessage>,
    #[prost(message, repeated, tag = "3")]
    buffers: Vec<BufferMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct SectionMessage {
    #[prost(uint64, tag = "1")]
    offset: u64,
    /// The first pass of the outer loop and one past the last, then those of the inner loop.
    #[prost(int64, repeated, tag = "2")]
    passes: Vec<i64>,
    /// The section that has to be done first.
    #[prost(uint64, optional, tag = "3")]
    follows: Option<u64>,
    #[prost(uint64, tag = "4")]
    cycles: u64,
}

#[derive(Clone, PartialEq, Message)]
struct BufferMessage {
    #[prost(string, tag = "1")]
    name: String,
    /// The place in [`ROLES`].
    #[prost(uint32, tag = "2")]
    role: u32,
    #[prost(uint64, tag = "3")]
    elements: u64,
    #[prost(uint64, tag = "4")]
    alignment: u64,
}

#[derive(Clone, PartialEq, Message)]
struct StepMessage {
    #[prost(uint64, tag = "1")]
    kernel: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(uint64, tag = "3")]
    multiply_accumulates: u64,
    /// Two numbers a place: 0 arena, 1 weights, 2 input, 3 output; then the offset or index.
    #[prost(uint64, repeated, tag = "4")]
    arguments: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct PortMessage {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint64, repeated, tag = "2")]
    dims: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct AllocationMessage {
    #[prost(string, tag = "1")]
    name: String,
    /// Bytes, offset, first and last step.
    #[prost(uint64, repeated, tag = "2")]
    numbers: Vec<u64>,
}

/// The sections of each kernel, each with the offset of its code.
type Sections = Vec<Vec<(Work, usize)>>;

/// More kernels, steps, values or ports than any network has; the checks of a program take the square of them.
const MAX_ENTRIES: usize = 10_000;

const ROLES: [Role; 5] = [Role::In, Role::Const, Role::Out, Role::Scratch, Role::Shared];

impl Description {
    /// That of a program with the sections of its kernels, whose code begins at these offsets.
    pub(super) fn new(
        program: &Program,
        about: &About,
        sections: &[Vec<(Work, usize)>],
        code_bytes: usize,
    ) -> Self {
        let port = |port: &Port| PortMessage {
            name: port.name.clone(),
            dims: port.dims.iter().map(|&extent| extent as u64).collect(),
        };
        Self {
            title: about.title.clone(),
            preprocessing: about.preprocessing.as_ref().map(preprocessing_message),
            own_outputs: about.own_outputs as u64,
            name: program.name.clone(),
            kernels: program.kernels.iter().zip(sections).map(kernel_message).collect(),
            steps: program.steps.iter().map(step_message).collect(),
            inputs: program.inputs.iter().map(port).collect(),
            outputs: program.outputs.iter().map(port).collect(),
            allocations: program
                .allocations
                .iter()
                .map(|allocation| AllocationMessage {
                    name: allocation.name.clone(),
                    numbers: [allocation.bytes, allocation.offset, allocation.first, allocation.last]
                        .map(|number| number as u64)
                        .to_vec(),
                })
                .collect(),
            arena_bytes: program.arena_bytes as u64,
            arena_lower_bound: program.arena_lower_bound as u64,
            weight_bytes: program.weight_bytes as u64,
            layout_hash: program.layout_hash,
            code_bytes: code_bytes as u64,
        }
    }

    /// The bytes of the message.
    pub(super) fn encode(&self) -> Vec<u8> {
        self.encode_to_vec()
    }

    /// Reads such bytes.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        Message::decode(bytes).ok()
    }

    /// The program, what belongs to it, the sections of its kernels with their offsets and the length of the code; `None`
    /// where a number means nothing.
    pub(super) fn read(self) -> Option<(Program, About, Sections, usize)> {
        let entries = [self.kernels.len(), self.steps.len(), self.allocations.len(), self.inputs.len()];
        (entries.into_iter().chain([self.outputs.len()]).all(|count| count <= MAX_ENTRIES)).then_some(())?;
        let about = About {
            title: self.title,
            preprocessing: match self.preprocessing {
                Some(message) => Some(preprocessing(&message)?),
                None => None,
            },
            own_outputs: size(self.own_outputs)?,
        };
        let sections = self.kernels.iter().map(sections).collect::<Option<_>>()?;
        let program = Program {
            name: self.name,
            kernels: self.kernels.into_iter().map(kernel).collect::<Option<_>>()?,
            steps: self.steps.into_iter().map(step).collect::<Option<_>>()?,
            inputs: self.inputs.into_iter().map(port).collect::<Option<_>>()?,
            outputs: self.outputs.into_iter().map(port).collect::<Option<_>>()?,
            allocations: self.allocations.into_iter().map(allocation).collect::<Option<_>>()?,
            arena_bytes: size(self.arena_bytes).filter(|&bytes| bytes <= MAX_ARENA_BYTES)?,
            arena_lower_bound: size(self.arena_lower_bound)?,
            weights: Vec::new(),
            weight_bytes: size(self.weight_bytes)?,
            layout_hash: self.layout_hash,
        };
        (about.own_outputs <= program.outputs.len()).then_some(())?;
        Some((program, about, sections, size(self.code_bytes)?))
    }
}

/// A number of bytes, elements or steps that is not absurd.
fn size(number: u64) -> Option<usize> {
    usize::try_from(number).ok().filter(|&size| size <= 1 << 40)
}

fn kernel_message((kernel, sections): (&Kernel, &Vec<(Work, usize)>)) -> KernelMessage {
    let section = |(work, offset): &(Work, usize)| SectionMessage {
        offset: *offset as u64,
        passes: vec![work.outer.start, work.outer.end, work.inner.start, work.inner.end],
        follows: work.follows.map(|section| section as u64),
        cycles: work.cycles,
    };
    let buffer = |buffer: &Buffer| BufferMessage {
        name: buffer.name.clone(),
        role: ROLES.iter().position(|role| *role == buffer.role).unwrap_or_default() as u32,
        elements: buffer.elements as u64,
        alignment: buffer.alignment as u64,
    };
    KernelMessage {
        name: kernel.name.clone(),
        sections: sections.iter().map(section).collect(),
        buffers: kernel.buffers.iter().map(buffer).collect(),
    }
}

/// The sections of a kernel; a loop has a pass at least, and not absurdly many.
fn sections(message: &KernelMessage) -> Option<Vec<(Work, usize)>> {
    let section = |(index, message): (usize, &SectionMessage)| {
        let [outer_begin, outer_end, begin, end] = message.passes[..] else { return None };
        let is_range =
            |begin: i64, end: i64| begin < end && (0..=MAX_ELEMENTS as i64).contains(&end) && begin >= 0;
        (is_range(outer_begin, outer_end) && is_range(begin, end)).then_some(())?;
        let follows = match message.follows {
            Some(section) => Some(size(section).filter(|&section| section < index)?),
            None => None,
        };
        let work =
            Work { outer: outer_begin..outer_end, inner: begin..end, follows, cycles: message.cycles.max(1) };
        Some((work, size(message.offset)?))
    };
    (1..=MAX_ENTRIES).contains(&message.sections.len()).then_some(())?;
    message.sections.iter().enumerate().map(section).collect()
}

fn kernel(message: KernelMessage) -> Option<Kernel> {
    let buffer = |message: BufferMessage| {
        Some(Buffer {
            name: message.name,
            role: *ROLES.get(message.role as usize)?,
            elements: size(message.elements)?,
            alignment: size(message.alignment).filter(|alignment| alignment.is_power_of_two())?,
        })
    };
    Some(Kernel {
        name: message.name,
        buffers: message.buffers.into_iter().map(buffer).collect::<Option<_>>()?,
        variables: Vec::new(),
        registers: Vec::new(),
        locals: Vec::new(),
        body: Vec::new(),
    })
}

fn step_message(step: &Step) -> StepMessage {
    let numbers = step.arguments.iter().flat_map(|&place| match place {
        Place::Arena(offset) => [0, offset as u64],
        Place::Weights(offset) => [1, offset as u64],
        Place::Input(index) => [2, index as u64],
        Place::Output(index) => [3, index as u64],
    });
    StepMessage {
        kernel: step.kernel as u64,
        name: step.name.clone(),
        multiply_accumulates: step.multiply_accumulates,
        arguments: numbers.collect(),
    }
}

fn step(message: StepMessage) -> Option<Step> {
    let (places, rest) = message.arguments.as_chunks::<2>();
    let place = |&[kind, number]: &[u64; 2]| {
        let number = size(number)?;
        match kind {
            0 => Some(Place::Arena(number)),
            1 => Some(Place::Weights(number)),
            2 => Some(Place::Input(number)),
            3 => Some(Place::Output(number)),
            _ => None,
        }
    };
    rest.is_empty().then_some(())?;
    Some(Step {
        kernel: size(message.kernel)?,
        name: message.name,
        multiply_accumulates: message.multiply_accumulates,
        arguments: places.iter().map(place).collect::<Option<_>>()?,
    })
}

fn port(message: PortMessage) -> Option<Port> {
    let dims: Vec<usize> = message.dims.into_iter().map(size).collect::<Option<_>>()?;
    dims.iter()
        .try_fold(1usize, |product, &extent| product.checked_mul(extent))
        .filter(|&elements| elements <= MAX_ELEMENTS)?;
    Some(Port { name: message.name, dims })
}

fn allocation(message: AllocationMessage) -> Option<Allocation> {
    let [bytes, offset, first, last] = message.numbers[..] else { return None };
    Some(Allocation {
        name: message.name,
        bytes: size(bytes)?,
        offset: size(offset)?,
        first: size(first)?,
        last: size(last)?,
    })
}

fn preprocessing_message(preprocessing: &Preprocessing) -> PreprocessingMessage {
    let (order, short_side, fraction) = match preprocessing.geometry {
        Geometry::ResizeThenCrop { short_side } => (0, short_side, 0.0),
        Geometry::CropThenResize { fraction } => (1, 0, fraction),
    };
    PreprocessingMessage {
        order,
        short_side,
        fraction,
        interpolation: match preprocessing.interpolation {
            Interpolation::Bilinear => 0,
            Interpolation::Bicubic => 1,
        },
        scale: preprocessing.scale,
        mean: preprocessing.mean.to_vec(),
        std: preprocessing.std.to_vec(),
    }
}

fn preprocessing(message: &PreprocessingMessage) -> Option<Preprocessing> {
    Some(Preprocessing {
        geometry: match message.order {
            0 => Geometry::ResizeThenCrop { short_side: message.short_side },
            1 => Geometry::CropThenResize { fraction: message.fraction },
            _ => return None,
        },
        interpolation: match message.interpolation {
            0 => Interpolation::Bilinear,
            1 => Interpolation::Bicubic,
            _ => return None,
        },
        scale: message.scale,
        mean: message.mean.as_slice().try_into().ok()?,
        std: message.std.as_slice().try_into().ok()?,
    })
}
