//! What a network says of photographs, and how that is printed.

use crate::photograph::Photograph;
use crate::report;
use crate::runner::Runner;
use crate::terminal::{Terminal, print_json};
use crate::text::ms;
use crate::weights::Chosen;
use rexnet::{Diagnostic, Diagnostics, Prediction, softmax, top};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// What the network says of one image.
pub(super) struct Answer {
    /// The file, for tensors with the index in it.
    pub(super) name: String,
    /// The most probable classes.
    pub(super) top: Vec<Prediction>,
    /// The network's output.
    pub(super) logits: Vec<f32>,
    /// Reading and decoding.
    pub(super) decode: Duration,
    /// Cutting, resizing, normalising.
    pub(super) prepare: Duration,
    /// Running the network.
    pub(super) network: Duration,
}

/// Prints answers.
pub(super) struct Printer<'a> {
    /// The names of the classes.
    pub(super) labels: &'a [String],
    /// Where the weights come from.
    pub(super) weights: &'a Chosen,
    /// How to print.
    pub(super) terminal: &'a Terminal,
    /// What compiling took.
    pub(super) compile_time: Duration,
}

impl Printer<'_> {
    /// Takes note of what was compiled.
    pub(super) fn begin(&mut self, runner: &Runner) {
        self.weights.warn_of_unused(runner.compilation(), self.terminal);
        self.compile_time = runner.compile_time;
    }

    fn label(&self, index: usize) -> &str {
        self.labels.get(index).map_or("?", String::as_str)
    }

    /// Prints an answer as text; with the first one, the time that compiling took.
    pub(super) fn print(&self, out: &mut impl Write, answer: &Answer, first: bool) -> io::Result<()> {
        writeln!(out, "{}", answer.name)?;
        for Prediction { index, probability } in &answer.top {
            writeln!(out, "  {:5.1} %  {index:>4}  {}", 100.0 * probability, self.label(*index))?;
        }
        let Answer { decode, prepare, network, .. } = answer;
        if !decode.is_zero() {
            write!(out, "  decode {:.1} ms, prepare {:.1} ms, ", ms(*decode), ms(*prepare))?;
        } else {
            write!(out, "  ")?;
        }
        write!(out, "network {:.1} ms", ms(*network))?;
        if first {
            write!(out, "; compiled once in {:.0} ms", ms(self.compile_time))?;
        }
        writeln!(out)
    }

    /// With `--json`, prints all answers as a list; if there are faults, as an object beside them.
    pub(super) fn finish(&self, answers: &[Answer], faults: &Diagnostics) -> io::Result<()> {
        if self.terminal.json {
            let list: Vec<Value> =
                answers.iter().enumerate().map(|(index, answer)| self.json(answer, index == 0)).collect();
            if faults.list.is_empty() {
                print_json(&json!(list))?;
            } else {
                print_json(&json!({ "errors": report::errors(faults, None), "images": list }))?;
            }
        }
        Ok(())
    }

    /// `compile` is 0 for all but the first: the times add up to what was spent.
    fn json(&self, answer: &Answer, first: bool) -> Value {
        let top = |prediction: &Prediction| {
            json!({
                "index": prediction.index,
                "label": self.label(prediction.index),
                "probability": prediction.probability,
            })
        };
        json!({
            "image": answer.name,
            "top": answer.top.iter().map(top).collect::<Vec<_>>(),
            "times_ms": {
                "compile": if first { ms(self.compile_time) } else { 0.0 },
                "decode": ms(answer.decode),
                "prepare": ms(answer.prepare),
                "network": ms(answer.network),
            },
        })
    }
}

/// Classifies photographs in one run, at most as many as the runner's batch; empty ones fill what is missing.
///
/// # Errors
/// `RX0706` when the network's input is no image.
pub(super) fn classify(
    runner: &mut Runner,
    photographs: Vec<Photograph>,
    k: usize,
) -> Result<Vec<Answer>, Diagnostic> {
    let mut input = Vec::new();
    photographs.iter().for_each(|photograph| input.extend_from_slice(&photograph.input));
    input.resize(input.len() / photographs.len().max(1) * runner.batch(), 0.0);
    let mut outputs = runner.buffers();
    let network = runner.run(&input, &mut outputs)? / photographs.len().max(1) as u32;
    let logits = outputs.into_iter().next().unwrap_or_default();
    let row = (logits.len() / runner.batch()).max(1);
    let answers = photographs.into_iter().zip(logits.chunks(row)).map(|(photograph, logits)| {
        let Photograph { name, decode, prepare, .. } = photograph;
        Answer { name, top: top(&softmax(logits), k), logits: logits.to_vec(), decode, prepare, network }
    });
    Ok(answers.collect())
}
