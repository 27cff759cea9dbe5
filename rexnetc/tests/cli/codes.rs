//! Every code is provoked: by the program with arguments, by the libraries, or in another test that is named.

use crate::binary::{SMALL, file, rexnetc, root, scratch};
use crate::files::{bytes_of, fixture, header, npy};
use crate::model::{chain, exported};
use rexnet::image::{Rgb8Image, decode};
use rexnet_codegen::driver::{Request, Weights, compile};
use rexnet_codegen::{loops, plan};
use rexnet_ir::diagnostic::{Code, Diagnostics};
use rexnet_ir::graph;
use std::path::Path;

/// How a code comes about.
enum How {
    /// The program, with these arguments, in a folder of files made for the purpose.
    Run(Vec<String>),
    /// The libraries: nothing that the program reads leads there.
    Call(Result<(), Diagnostics>),
    /// A test that needs a process of its own, which names the code.
    Elsewhere(&'static str),
    /// Nothing: it says why.
    Nowhere(&'static str),
}

const PHOTO: &str = "models/photos/coffee.png";
const CHECKPOINTS: &str = "tests/fixtures/checkpoints";
/// A network that the checkpoints do not fit.
const OTHER: &str = SMALL;

fn run(arguments: &[&str]) -> How {
    How::Run(arguments.iter().map(|&argument| argument.to_owned()).collect())
}

fn call<T>(result: Result<T, impl Into<Diagnostics>>) -> How {
    How::Call(result.map(|_| ()).map_err(Into::into))
}

/// A graph of one convolution or activation, `%2`, of a map of 8 channels.
fn of_map(node: &str) -> Result<graph::Graph, Diagnostics> {
    graph::parse(&format!(
        "graph @g {{\n%0 = input() @x : f32[1,8,4,4] nchw\n%1 = constant() @w : f32[8,8,1,1] nchw\n{node}\noutput @y = %2\n}}"
    ))
}

fn provoke(code: Code, folder: &Path) -> How {
    let spec = |text: &str| run(&["info", text]);
    let made = |name: &str, content: &[u8]| file(folder, name, content);
    let checkpoint = |name: &str| run(&["info", OTHER, "--weights", &format!("{CHECKPOINTS}/{name}")]);
    let weights = |dtype, dims: &[usize], data: &[u8]| {
        let view = safetensors::tensor::TensorView::new(dtype, dims.to_vec(), data).unwrap();
        let bytes = safetensors::serialize([("stem.conv.weight".to_owned(), view)], None).unwrap();
        run(&["info", OTHER, "--weights", &made("own.safetensors", &bytes)])
    };
    let model = |bytes: &[u8]| run(&["info", &made("own.onnx", bytes)]);
    let photo = |bytes: &[u8]| run(&["run", SMALL, &made("own.png", bytes)]);
    match code {
        Code::SpecSyntax => spec("rexnet("),
        Code::SpecUnknownName => spec("rexnt"),
        Code::SpecValue => spec("rexnet(width = -1)"),
        Code::SpecMissing => spec("network n { classes: 10 }"),
        Code::SpecDuplicate => spec("rexnet(width = 1, width = 2)"),
        Code::SpecTooLarge => spec(&"(".repeat(100)),
        Code::SpecNeeded => run(&["compile", &made("relu.onnx", &chain(&["Relu"])), "--emit", "pytorch"]),
        Code::GraphSyntax => call(graph::parse("graph")),
        Code::GraphInvalid => call(of_map(
            "%2 = conv2d(%0, %0) {stride=[1,1], pad=[0,0,0,0], dilation=[1,1], groups=1} @y : f32[1,8,4,4] nchw",
        )),
        Code::GraphTooLarge => run(&["info", "rexnet(size = 8192)", "--batch", "1024"]),
        Code::WeightsFormat => run(&["info", SMALL, "--weights", &made("w.safetensors", b"no weights")]),
        Code::WeightsMissing => checkpoint("network.zip.pth"),
        Code::WeightsShape => weights(safetensors::Dtype::F32, &[1], &[0; 4]),
        Code::WeightsType => weights(safetensors::Dtype::I64, &[32, 3, 3, 3], &[0; 8 * 32 * 3 * 3 * 3]),
        Code::WeightsUnused => {
            let (_, weights) = exported(folder, "0");
            let bytes = std::fs::read(weights).unwrap();
            let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            let extra =
                safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &[0; 4]).unwrap();
            let all = tensors.tensors().into_iter().chain([("a.stranger".to_owned(), extra)]);
            let more = made("more.safetensors", &safetensors::serialize(all, None).unwrap());
            run(&["info", SMALL, "--weights", &more])
        }
        Code::PackedHeader => run(&["bench", SMALL, "--weights", &made("w.rxw", b"rexnet\0w and no more")]),
        Code::CheckpointCode => checkpoint("refused/command.zip.pth"),
        Code::CheckpointContent => checkpoint("refused/other_keys.zip.pth"),
        Code::CheckpointForm => checkpoint("refused/deflated.zip.pth"),
        Code::CheckpointSize => {
            let huge = [&b"\x80\x02"[..], &b"]".repeat(1 << 20), b"."].concat();
            run(&["info", SMALL, "--weights", &made("huge.pth", &huge)])
        }
        Code::LoopsSyntax => call(loops::parse("kernel")),
        Code::LoopsInvalid => {
            let text =
                std::fs::read_to_string(root().join("tests/files/loops-errors/out_of_bounds_by_one.loops"));
            let text = text.unwrap();
            let kernel = loops::parse(text.split("; error").next().unwrap()).unwrap();
            call(loops::verify(&kernel))
        }
        Code::Unsupported => {
            let graph = of_map(
                "%2 = conv2d(%0, %1) {stride=[2,2], pad=[0,0,0,0], dilation=[1,1], groups=1, input_activation=silu} @y : f32[1,8,2,2] nchw",
            );
            let mut graph = graph.unwrap();
            rexnet_ir::weights::zero(&mut graph).unwrap();
            call(compile(Request::new(graph, Weights::Own)))
        }
        Code::PlanInvalid => {
            let mut program = compile(Request::new(SMALL, Weights::Zeros)).unwrap().program;
            program.arena_bytes = 0;
            call(plan::check(&program))
        }
        Code::MachineCode => run(&["compile", SMALL, "--emit", "asm", "--target", "neon"]),
        Code::ExecutableMemory => How::Elsewhere("tests/refused_memory.rs"),
        Code::UnsupportedHost => How::Nowhere("the processors that run these tests have a code generator"),
        Code::RustBuild => How::Elsewhere("rexnetc/tests/cli/rust.rs"),
        Code::CodeImage => run(&["run", &made("own.rxi", b"no image"), PHOTO]),
        Code::Threads | Code::Memory => How::Elsewhere("rexnetc/tests/cli/faults.rs"),
        Code::FileUnreadable => run(&["info", "none.rexnet"]),
        Code::ImageBroken => photo(b"no photograph"),
        Code::ImageSize => {
            let ihdr = b"\0\0\0\x0dIHDR\0\x01\0\0\0\0\0\x01\x08\x02\0\0\0";
            let png = [&b"\x89PNG\r\n\x1a\n"[..], ihdr, &crc32(&ihdr[4..]).to_be_bytes()].concat();
            assert_eq!(decode(&png).unwrap_err().code(), "RX0703");
            assert_eq!(Rgb8Image::new(0, 1, Vec::new()).unwrap_err().code(), "RX0703");
            photo(&png)
        }
        Code::ArrayBroken => run(&["run", SMALL, "--input", &made("x.npy", b"no array")]),
        Code::LabelsBroken => {
            let input = made("good.npy", &npy(&header(&[1, 3, 32, 32]), &bytes_of(&[0.5; 3 * 32 * 32])));
            run(&["run", SMALL, "--input", &input, "--labels", &made("one.labels", b"one")])
        }
        Code::RunArguments => {
            let input = made("x.npy", &npy(&header(&[1, 3, 32, 32]), &bytes_of(&[0.5; 3 * 32 * 32])));
            let maps = "rexnet(width = 0.25, features = [8, 16], classifier = false, size = 32)";
            run(&["verify", maps, "--input", &input, "--expect", &input])
        }
        Code::PreprocessingMissing => run(&["run", &made("relu.onnx", &chain(&["Relu"])), PHOTO]),
        Code::FileStale => {
            run(&["compile", SMALL, "--emit", "plan", "-o", folder.to_str().unwrap(), "--check"])
        }
        Code::VerificationFailed => {
            let given = fixture(folder, "rexnet_narrow");
            let wrong = made("wrong.npy", &npy(&header(&[1, 10]), &bytes_of(&[1.0; 10])));
            run(&[
                "verify",
                &given.net,
                "--weights",
                &given.weights,
                "--input",
                &given.input,
                "--expect",
                &wrong,
            ])
        }
        Code::NetworksDiffer => {
            run(&["verify", SMALL, "--against", "rexnet(width = 0.3, size = 32, classes = 10)"])
        }
        Code::OnnxFormat => model(b"no model"),
        Code::OnnxUnsupported => model(&chain(&["LSTM"])),
        Code::OnnxInvalid => {
            let mut twice = chain(&["Relu", "Relu"]);
            let names: Vec<usize> = (1..twice.len()).filter(|&at| &twice[at - 1..=at] == b"v1").collect();
            names.into_iter().for_each(|at| twice[at] = b'0');
            model(&twice)
        }
        Code::OnnxExternal => {
            let bytes = std::fs::read(root().join("tests/fixtures/onnx/mobilenet_external.onnx")).unwrap();
            model(&bytes)
        }
        Code::OnnxQuantised => model(&chain(&["QuantizeLinear"])),
    }
}

/// As PNG has it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[test]
fn every_code_is_provoked() {
    let mut wrong = Vec::new();
    for &code in Code::ALL {
        let (spelling, folder) = (code.code(), scratch(&format!("codes_{}", code.code())));
        match provoke(code, &folder) {
            How::Run(arguments) => {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let ran = rexnetc(&arguments);
                if !ran.err.contains(&format!("[{spelling}]")) {
                    wrong.push(format!("{spelling}: {arguments:?}: {ran:#?}"));
                }
            }
            How::Call(result) if result.as_ref().is_err_and(|faults| faults.contains(code)) => {}
            How::Call(result) => wrong.push(format!("{spelling}: {result:?}")),
            How::Elsewhere(test) => {
                let text = std::fs::read_to_string(root().join(test)).unwrap();
                let variant = format!("Code::{code:?}");
                if !text.contains(spelling) && !text.contains(&variant) {
                    wrong.push(format!("{test} names neither {spelling} nor {variant}"));
                }
            }
            How::Nowhere(reason) => assert!(!reason.is_empty()),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
