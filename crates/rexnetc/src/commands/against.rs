//! `rexnetc verify NET --against NET`: whether two descriptions are the same network.

use super::verify::Verify;
use crate::arguments::WeightsArguments;
use crate::failure::{Exit, Failure};
use crate::network::Net;
use crate::terminal::{Terminal, print_json};
use crate::weights::Chosen;
use rexnet::{Code, Diagnostic, Location};
use rexnet_codegen::driver;
use rexnet_ir::graph::{Difference, Graph, WEIGHT_TOLERANCE};
use rexnet_ir::passes::{same_network, same_network_structure};
use rexnet_ir::spec::Network;
use rexnet_ir::weights;
use serde_json::json;
use std::io::Write;

/// One of the two.
struct Side {
    net: Net,
    title: String,
    graph: Graph,
    network: Option<Network>,
    weights: Chosen,
}

/// What was found.
enum Outcome {
    Same,
    /// There are no weights to compare.
    SameStructure,
    OtherWeights(Difference),
    OtherStructure(Difference),
}

/// Compares and prints.
pub(super) fn against(arguments: &Verify, other: &str, terminal: &Terminal) -> Result<Exit, Failure> {
    let (first, first_network) = open(&arguments.net, arguments)?;
    let (second, second_network) = open(other, arguments)?;
    if arguments.weights.weights.is_some() && first_network.is_none() && second_network.is_none() {
        let message = "both networks are ONNX models, which bring their own weights: leave --weights out";
        return Err(Failure::Usage(message.to_owned()));
    }
    let side = |(net, title, graph): Opened, network: Option<Network>| {
        let weights = if network.is_some() { arguments.weights.clone() } else { WeightsArguments::default() };
        let weights = Chosen::new(&weights, network.as_ref())?;
        Ok::<_, Failure>(Side { net, title, graph, network, weights })
    };
    let (mut first, mut second) = (side(first, first_network)?, side(second, second_network)?);
    let outcome = compare(&mut first, &mut second)?;
    let sides = [&first, &second];
    if terminal.json {
        print_json(&to_json(sides, &outcome))?;
    } else {
        print(sides, &outcome)?;
    }
    match outcome.diagnostic(sides) {
        Some(fault) => {
            terminal.note(&fault.to_string());
            Ok(Exit::VerificationFailed)
        }
        None => Ok(Exit::Done),
    }
}

type Opened = (Net, String, Graph);

fn open(argument: &str, arguments: &Verify) -> Result<(Opened, Option<Network>), Failure> {
    let net = Net::from_argument(argument)?;
    let (network, graph) = net.graph(arguments.batch)?;
    let title = network.as_ref().map_or(argument.to_owned(), Network::to_string);
    Ok(((net, title, graph), network))
}

/// Structure first: weights of one need not fit the other.
fn compare(first: &mut Side, second: &mut Side) -> Result<Outcome, Failure> {
    if let Err(difference) = same_network_structure(&first.seeded()?, &second.seeded()?)? {
        return Ok(Outcome::OtherStructure(difference));
    }
    let bound = [first.bind()?, second.bind()?];
    if bound.contains(&false) {
        return Ok(Outcome::SameStructure);
    }
    Ok(match same_network(&first.graph, &second.graph)? {
        Ok(()) => Outcome::Same,
        Err(difference) => Outcome::OtherWeights(difference),
    })
}

impl Side {
    /// The graph with weights that mean nothing where it has none: without any, batch norms do not fold.
    fn seeded(&self) -> Result<Graph, Failure> {
        let mut graph = self.graph.clone();
        weights::seed(&mut graph, 0)?;
        Ok(graph)
    }

    /// Binds the weights if there are trained ones.
    fn bind(&mut self) -> Result<bool, Failure> {
        if let Chosen::Seeded(_) = self.weights {
            return Ok(false);
        }
        driver::bind(&mut self.graph, self.network.as_ref(), &self.weights.source())
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

    fn difference(&self) -> Option<&Difference> {
        match self {
            Outcome::Same | Outcome::SameStructure => None,
            Outcome::OtherWeights(difference) | Outcome::OtherStructure(difference) => Some(difference),
        }
    }

    /// `RX0802` at the first node of the first network that differs.
    fn diagnostic(&self, sides: [&Side; 2]) -> Option<Diagnostic> {
        let Difference { first: node, second: other, cause } = self.difference()?;
        let cause = format!("it parts here from {other} of {}: {cause}", sides[1].title);
        let help = "`rexnetc dump NET --after remove_dead` shows the graphs that were compared";
        Some(Diagnostic::new(Code::NetworksDiffer, Location::Name(node.clone()), cause).with_help(help))
    }
}

fn to_json(sides: [&Side; 2], outcome: &Outcome) -> serde_json::Value {
    let weights = match outcome {
        Outcome::Same => Some(true),
        Outcome::OtherWeights(_) => Some(false),
        Outcome::SameStructure | Outcome::OtherStructure(_) => None,
    };
    let difference = outcome.difference().map(|difference| {
        json!({ "first": difference.first, "second": difference.second, "cause": difference.cause })
    });
    json!({
        "same": outcome.difference().is_none(),
        "same_structure": !matches!(outcome, Outcome::OtherStructure(_)),
        "same_weights": weights,
        "difference": difference,
        "networks": sides.map(|side| json!({ "network": side.title, "weights": side.weights() })),
    })
}

fn print(sides: [&Side; 2], outcome: &Outcome) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for side in sides {
        writeln!(out, "{}; weights: {}", side.title, side.weights())?;
    }
    writeln!(out, "{}", outcome.verdict())
}
