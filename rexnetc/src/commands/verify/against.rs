//! `rexnetc verify NET --against NET`: whether two descriptions are the same network.

use super::Verify;
use crate::arguments::WeightsArguments;
use crate::failure::{Exit, Failure};
use crate::network::Net;
use crate::terminal::{Terminal, print_json};
use crate::weights::Chosen;
use rexnet::{Code, Diagnostic, Location};
use rexnet_codegen::driver::{Described, Weights};
use rexnet_ir::graph::{Difference, Graph, Op, WEIGHT_TOLERANCE};
use rexnet_ir::passes::{differences, structural_difference};
use rexnet_ir::spec::Network;
use serde_json::json;
use std::ffi::OsStr;
use std::io::Write;

/// One of the two.
struct Side {
    net: Net,
    title: String,
    described: Described,
    weights: Chosen,
}

/// What was found.
enum Outcome {
    Same,
    /// There are no weights to compare.
    SameStructure,
    /// At least one.
    OtherWeights(Vec<Difference>),
    OtherStructure(Difference),
}

/// Two networks beside each other.
pub(super) struct Comparison {
    sides: [Side; 2],
    outcome: Outcome,
}

/// The differences that are printed; JSON has all.
const SHOWN: usize = 5;

/// One node of so many may be in one of two networks alone for their names to mean the same.
const NEARLY_ALL: usize = 20;

/// Compares and prints.
pub(super) fn against(arguments: &Verify, other: &OsStr, terminal: &Terminal) -> Result<Exit, Failure> {
    let comparison = Comparison::new(arguments, other)?;
    if terminal.json {
        print_json(&comparison.to_json())?;
    } else {
        comparison.print(&mut std::io::stdout().lock())?;
    }
    match comparison.diagnostic() {
        Some(fault) => {
            terminal.note(&fault.to_string());
            Ok(Exit::VerificationFailed)
        }
        None => Ok(Exit::Done),
    }
}

fn open(argument: &OsStr, arguments: &Verify) -> Result<(Net, Described), Failure> {
    let net = Net::from_argument(argument)?.sized(&arguments.sizes)?;
    let described = net.describe(arguments.batch)?;
    Ok((net, described))
}

/// Structure first: weights of one need not fit the other.
fn compare(first: &mut Side, second: &mut Side) -> Result<Outcome, Failure> {
    let structure = structural_difference(&first.seeded()?, &second.seeded()?)?;
    // The graphs get their weights all the same: whoever evaluates one needs them.
    let bound = match structure {
        None => [first.bind()?, second.bind()?],
        // These are of one of the networks, and need not fit the other.
        Some(difference) => {
            let _ = (first.bind(), second.bind());
            return Ok(Outcome::OtherStructure(difference));
        }
    };
    if bound.contains(&false) {
        return Ok(Outcome::SameStructure);
    }
    Ok(match differences(&first.described.graph, &second.described.graph)? {
        Ok(none) if none.is_empty() => Outcome::Same,
        Ok(differences) => Outcome::OtherWeights(differences),
        Err(difference) => Outcome::OtherStructure(difference),
    })
}

impl Side {
    /// The graph with weights that mean nothing where it has none: without any, batch norms do not fold.
    fn seeded(&self) -> Result<Graph, Failure> {
        let mut described = self.described.clone();
        described.bind(&Weights::Seeded(0))?;
        Ok(described.graph)
    }

    /// Binds the weights if there are trained ones.
    fn bind(&mut self) -> Result<bool, Failure> {
        if let Chosen::Seeded(_) = self.weights {
            return Ok(false);
        }
        self.described
            .bind(&self.weights.source())
            .map_err(|faults| self.net.fail(self.weights.locate(faults)))?;
        Ok(true)
    }

    fn weights(&self) -> String {
        match self.weights {
            Chosen::Seeded(_) => "none".to_owned(),
            Chosen::File(..) | Chosen::Packed(..) | Chosen::Embedded | Chosen::Model => {
                self.weights.to_string()
            }
        }
    }
}

impl Outcome {
    fn verdict(&self) -> String {
        match self {
            Outcome::Same => format!("the same network, weights within {WEIGHT_TOLERANCE:e}"),
            Outcome::SameStructure => {
                "the same structure; weights were not compared, since there are none: give --weights"
                    .to_owned()
            }
            Outcome::OtherWeights(_) => {
                "not the same network: the same structure with other weights".to_owned()
            }
            Outcome::OtherStructure(_) => "not the same network".to_owned(),
        }
    }

    /// All that are known, the first in the order of computation first.
    fn differences(&self) -> &[Difference] {
        match self {
            Outcome::Same | Outcome::SameStructure => &[],
            Outcome::OtherWeights(differences) => differences,
            Outcome::OtherStructure(difference) => std::slice::from_ref(difference),
        }
    }
}

impl Comparison {
    /// Reads both networks and compares them.
    ///
    /// # Errors
    /// Faults of either network or of its weights; wrong usage where --weights would be for neither.
    pub(super) fn new(arguments: &Verify, other: &OsStr) -> Result<Self, Failure> {
        let (first, second) = (open(&arguments.net, arguments)?, open(other, arguments)?);
        let are_models = [&first, &second].iter().all(|(_, described)| described.network.is_none());
        if arguments.weights.weights.is_some() && are_models {
            let message = "both networks are ONNX models, which bring their own weights: leave --weights out";
            return Err(Failure::Usage(message.to_owned()));
        }
        let side = |(net, described): (Net, Described)| {
            let network = described.network.as_ref();
            let weights =
                if network.is_some() { arguments.weights.clone() } else { WeightsArguments::default() };
            let weights = Chosen::new(&weights, network)?;
            let title = network.map_or(net.name().to_owned(), Network::to_string);
            Ok::<_, Failure>(Side { net, title, described, weights })
        };
        let (mut first, mut second) = (side(first)?, side(second)?);
        let outcome = compare(&mut first, &mut second)?;
        Ok(Self { sides: [first, second], outcome })
    }

    /// The other network as its source says it; its weights may be missing.
    pub(super) fn other(&self) -> &Graph {
        &self.sides[1].described.graph
    }

    /// The nodes whose names only one of the networks has, with that network's title, where the structures differ though
    /// nearly all names are in both: whoever removed a layer from one left the names of the others.
    pub(super) fn only_in_one(&self) -> Vec<(&str, Vec<&str>)> {
        if !matches!(self.outcome, Outcome::OtherStructure(_)) {
            return Vec::new();
        }
        let [first, second] = [0, 1].map(|side| {
            let graph = &self.sides[side].described.graph;
            let nodes = graph.order().into_iter().map(|id| graph.node(id));
            nodes.filter(|node| node.op != Op::Constant).map(|node| node.name.as_str()).collect::<Vec<_>>()
        });
        let lacking = |names: &[&'_ str], other: &Graph| -> Vec<usize> {
            let lacks = |&at: &usize| other.find(names[at]).is_none();
            (0..names.len()).filter(lacks).collect()
        };
        let only = [lacking(&first, self.other()), lacking(&second, &self.sides[0].described.graph)];
        let all = [first, second];
        if only.iter().zip(&all).any(|(only, all)| only.len() * NEARLY_ALL > all.len()) {
            return Vec::new();
        }
        let named = |side: usize| {
            let names: Vec<&str> = only[side].iter().map(|&at| all[side][at]).collect();
            (self.sides[side].title.as_str(), names)
        };
        [0, 1].map(named).into_iter().filter(|(_, names)| !names.is_empty()).collect()
    }

    /// What the other network is called.
    pub(super) fn other_title(&self) -> &str {
        &self.sides[1].title
    }

    /// What was found, in a few words.
    pub(super) fn verdict(&self) -> String {
        self.outcome.verdict()
    }

    /// The node of the first network at which the two part.
    pub(super) fn layer(&self) -> Option<&str> {
        self.outcome.differences().first().map(|difference| difference.layer.as_str())
    }

    /// Each difference in a line: the layer, what differs, how.
    pub(super) fn lines(&self) -> Vec<[String; 3]> {
        let line = |difference: &Difference| {
            let Difference { first, second, layer, cause } = difference;
            let names = if first == second { first.clone() } else { format!("{first}, {second}") };
            [layer.clone(), names, cause.clone()]
        };
        self.outcome.differences().iter().map(line).collect()
    }

    /// `RX0802` at the first place where the networks part.
    pub(super) fn diagnostic(&self) -> Option<Diagnostic> {
        let Difference { first: node, second: other, layer, cause } = self.outcome.differences().first()?;
        let of = if layer == node { String::new() } else { format!(" in the layer {layer}") };
        let cause = format!("it parts here{of} from {other} of {}: {cause}", self.other_title());
        let help = "`rexnetc dump NET --after remove_dead` shows the graphs that were compared";
        Some(Diagnostic::new(Code::NetworksDiffer, Location::Name(node.clone()), cause).with_help(help))
    }

    /// Everything.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let weights = match self.outcome {
            Outcome::Same => Some(true),
            Outcome::OtherWeights(_) => Some(false),
            Outcome::SameStructure | Outcome::OtherStructure(_) => None,
        };
        let difference = |difference: &Difference| {
            let Difference { first, second, layer, cause } = difference;
            json!({ "first": first, "second": second, "layer": layer, "cause": cause })
        };
        let differences: Vec<_> = self.outcome.differences().iter().map(difference).collect();
        json!({
            "same": differences.is_empty(),
            "same_structure": !matches!(self.outcome, Outcome::OtherStructure(_)),
            "same_weights": weights,
            "layer": self.layer(),
            "difference": differences.first(),
            "differences": differences,
            "only_in_one": self.only_in_one().iter().map(|(title, names)| json!({ "network": title, "nodes": names }))
                .collect::<Vec<_>>(),
            "networks": self.sides.iter().map(|side| json!({ "network": side.title, "weights": side.weights() }))
                .collect::<Vec<_>>(),
        })
    }

    /// Both networks, the verdict, the first differences.
    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        for side in &self.sides {
            writeln!(out, "{}; weights: {}", side.title, side.weights())?;
        }
        self.print_differences(out)
    }

    /// The verdict and the first differences.
    pub(super) fn print_differences(&self, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(out, "{}", self.verdict())?;
        let lines = self.lines();
        for [layer, names, cause] in lines.iter().take(SHOWN) {
            let names = if layer == names { String::new() } else { format!(", {names}") };
            writeln!(out, "  {layer}{names}: {cause}")?;
        }
        for (title, names) in self.only_in_one() {
            writeln!(out, "  only in {title}: {}", names.join(", "))?;
        }
        if lines.len() > SHOWN {
            writeln!(out, "  and {} more; --json lists all", lines.len() - SHOWN)?;
        }
        Ok(())
    }
}
