//! Legal networks that ask for much: each is compiled or refused by code, within bounds of time and memory.

use crate::bounds::bounded;
use rexnet_codegen::driver::{MAX_NODES, Request, Weights, compile};
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::parse;
use rexnet_ir::weights::zero;
use std::fmt::Write;

/// What becomes of a graph's text: nothing, or the first code.
fn graph(name: &str, text: &str) -> String {
    let compiled = bounded(name, || {
        let mut graph = parse(text)?;
        zero(&mut graph)?;
        compile(Request::new(graph, Weights::Own)).map(|_| ())
    });
    outcome(compiled)
}

fn spec(name: &str, text: &str, weights: Weights, batch: usize) -> String {
    let request = Request { batch: Some(batch), ..Request::new(text, weights) };
    outcome(bounded(name, || compile(request).map(|_| ())))
}

fn outcome(compiled: Result<(), Diagnostics>) -> String {
    compiled.map_or_else(|faults| faults.list[0].code.code().to_owned(), |()| String::new())
}

/// A type of four extents.
fn ty(dims: [usize; 4]) -> String {
    format!("f32[{},{},{},{}] nchw", dims[0], dims[1], dims[2], dims[3])
}

/// What is said of a convolution.
#[derive(Clone, Copy)]
struct Windows {
    stride: usize,
    pad: usize,
    dilation: usize,
    groups: usize,
}

const PLAIN: Windows = Windows { stride: 1, pad: 0, dilation: 1, groups: 1 };

fn convolution(input: [usize; 4], weight: [usize; 4], windows: Windows) -> String {
    let Windows { stride, pad, dilation, groups } = windows;
    let extent = |axis: usize| (input[axis] + 2 * pad - (weight[axis] - 1) * dilation - 1) / stride + 1;
    let output = [input[0], weight[0], extent(2), extent(3)];
    format!(
        "graph @g {{\n%0 = input() @x : {}\n%1 = constant() @w : {}\n\
         %2 = conv2d(%0, %1) {{stride=[{stride},{stride}], pad=[{pad},{pad},{pad},{pad}], \
         dilation=[{dilation},{dilation}], groups={groups}}} @y : {}\noutput @y = %2\n}}",
        ty(input),
        ty(weight),
        ty(output)
    )
}

/// `count` nodes one after the other; `PREVIOUS` is the one before.
fn chain(node: &str, count: usize) -> String {
    let map = ty([1, 8, 4, 4]);
    let mut text = format!("graph @g {{\n%0 = input() @x : {map}\n");
    for at in 0..count {
        let node = node.replace("PREVIOUS", &format!("%{at}"));
        writeln!(text, "%{} = {node} @n{at} : {map}", at + 1).unwrap();
    }
    text + &format!("output @y = %{count}\n}}")
}

/// Many blocks of which no two have the same widths.
fn blocks(kernel: usize, count: usize, size: usize, channels: &str) -> String {
    format!(
        "network n {{ input: [3, {size}, {size}], classes: 10, batch_norm: {{ epsilon: 1e-5 }}, \
         stem: {{ channels: 8, kernel: 3, stride: 2, activation: relu }}, \
         blocks: {{ repeats: [{count}], channels: {channels}, expand: {{ ratio: 6, activation: relu }}, \
         depthwise: {{ kernel: {kernel}, stride: 1, activation: relu }}, shortcut: none }} }}"
    )
}

#[test]
fn convolutions() {
    let depthwise = |kernel: usize, side: usize| {
        let windows = Windows { pad: kernel / 2, groups: 64, ..PLAIN };
        convolution([1, 64, side, side], [64, 1, kernel, kernel], windows)
    };
    let pool = |kernel: usize, pad: usize, side: usize| {
        let extent = side + 2 * pad - kernel + 1;
        format!(
            "graph @g {{\n%0 = input() @x : {}\n%1 = pool2d(%0) {{kind=max, kernel=[{kernel},{kernel}], \
             stride=[1,1], pad=[{pad},{pad},{pad},{pad}], dilation=[1,1]}} @y : {}\noutput @y = %1\n}}",
            ty([1, 8, side, side]),
            ty([1, 8, extent, extent])
        )
    };
    let slices = |count: usize| {
        let kinds: Vec<String> = (0..count).map(|at| format!("{}:1", 3 + at % 3 * 2)).collect();
        let windows = Windows { pad: 3, groups: count, ..PLAIN };
        convolution([1, count, 14, 14], [count, 1, 7, 7], windows)
            .replace(&format!("groups={count}"), &format!("groups={count}, slices=[{}]", kinds.join(",")))
    };
    let concat = |count: usize| {
        let parts = vec!["%0"; count].join(", ");
        let (from, to) = (ty([1, 5, 64, 64]), ty([1, 5 * count, 64, 64]));
        format!(
            "graph @g {{\n%0 = input() @x : {from}\n%1 = concat({parts}) {{axis=1}} @y : {to}\noutput @y = %1\n}}"
        )
    };
    let rows = [
        ("depthwise 31", "", depthwise(31, 112)),
        ("depthwise 63 on a small map", "", depthwise(63, 7)),
        ("depthwise 63 on a large map", "RX0403", depthwise(63, 112)),
        (
            "dense 201",
            "RX0403",
            convolution([1, 8, 300, 300], [8, 8, 201, 201], Windows { pad: 100, ..PLAIN }),
        ),
        ("dense 201 without padding", "", convolution([1, 8, 300, 300], [8, 8, 201, 201], PLAIN)),
        (
            "dense 501 on one pixel",
            "",
            convolution([1, 8, 1, 1], [8, 8, 501, 501], Windows { pad: 250, ..PLAIN }),
        ),
        (
            "a row of a million windows at the border",
            "RX0403",
            convolution([1, 8, 1, 1 << 20], [8, 8, 1, 1 << 20], Windows { pad: 1 << 19, ..PLAIN })
                .replace(&format!("pad=[{0},{0},{0},{0}]", 1 << 19), &format!("pad=[0,{0},0,{0}]", 1 << 19))
                .replace(
                    &format!("{},{}] nchw\noutput", (1 << 20) + 1, (1 << 20) + 1),
                    &format!("1,{}] nchw\noutput", (1 << 20) + 1),
                ),
        ),
        (
            "stride beyond the map",
            "",
            convolution([1, 8, 300, 300], [8, 8, 3, 3], Windows { stride: 1 << 40, ..PLAIN }),
        ),
        (
            "dilation 400",
            "",
            convolution([1, 8, 1000, 1000], [8, 8, 3, 3], Windows { pad: 400, dilation: 400, ..PLAIN }),
        ),
        (
            "65536 groups",
            "",
            convolution([1, 65536, 2, 2], [131_072, 1, 3, 3], Windows { pad: 1, groups: 65536, ..PLAIN }),
        ),
        (
            "32768 groups of 1×1",
            "",
            convolution([1, 65536, 2, 2], [65536, 2, 1, 1], Windows { groups: 32768, ..PLAIN }),
        ),
        ("a weight of 256 MiB", "", convolution([1, 8192, 1, 1], [8192, 8192, 1, 1], PLAIN)),
        ("pool 56", "", pool(56, 0, 56)),
        ("pool 15", "", pool(15, 7, 64)),
        ("pool 501", "RX0403", pool(501, 250, 600)),
        ("kernels of 3 sizes, 64 times", "", slices(64)),
        ("kernels of 3 sizes, 8192 times", "", slices(8192)),
        ("64 parts", "", concat(64)),
        ("4096 parts", "RX0201", concat(4096)),
    ];
    let mut wrong = Vec::new();
    for (name, expected, text) in rows {
        let found = graph(name, &text);
        if found != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn chains() {
    let pool = "pool2d(PREVIOUS) {kind=max, kernel=[3,3], stride=[1,1], pad=[1,1,1,1], dilation=[1,1]}";
    assert_eq!(graph("relu", &chain("activate(PREVIOUS) {function=relu}", MAX_NODES - 1)), "");
    assert_eq!(graph("add", &chain("add(PREVIOUS, %0)", MAX_NODES - 1)), "");
    assert_eq!(graph("pool", &chain(pool, MAX_NODES - 1)), "");
    assert_eq!(graph("too long", &chain("add(PREVIOUS, %0)", MAX_NODES)), "RX0203");
}

#[test]
fn specs() {
    let drawn = || Weights::Seeded(0);
    let rows = [
        ("512 blocks", "", blocks(3, 512, 32, "64"), Weights::Zeros, 1),
        ("512 blocks of other widths", "", blocks(3, 512, 32, "8 + floor(i / 4)"), Weights::Zeros, 1),
        ("512 wide blocks", "RX0203", blocks(3, 512, 32, "8000"), Weights::Zeros, 1),
        ("512 wide blocks, drawn", "RX0203", blocks(3, 512, 32, "8000"), drawn(), 1),
        ("many large kernels", "RX0203", blocks(31, 512, 224, "8 + i"), Weights::Zeros, 1),
        ("larger kernels", "RX0403", blocks(63, 3, 224, "8 + i"), Weights::Zeros, 1),
        ("8192 pixels", "RX0203", "rexnet(size = 8192)".to_owned(), Weights::Zeros, 1),
        ("4096 pixels", "", "rexnet(size = 4096, width = 0.25)".to_owned(), Weights::Zeros, 1),
        ("a large batch", "", "rexnet(size = 32, width = 0.25)".to_owned(), Weights::Zeros, 10_000),
        ("no batch", "RX0103", "rexnet(size = 32, width = 0.25)".to_owned(), Weights::Zeros, 0),
        ("all batches", "RX0203", "rexnet(size = 32)".to_owned(), Weights::Zeros, usize::MAX),
    ];
    let mut wrong = Vec::new();
    for (name, expected, text, weights, batch) in rows {
        let found = spec(name, &text, weights, batch);
        if found != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
