//! The names that others give to tensors: `names/` lists those of state dicts with their extents.

use rexnet_ir::graph::{Graph, Op, Tensor};
use rexnet_ir::spec::{expand, parse_network};
use rexnet_ir::weights::{Scheme, load, to_safetensors};

/// The list, the network that it is of, and whose names they are. Those of clovaai are read off its source; the others
/// were printed by timm 1.0.31 and torchvision 0.29.2.
const FILES: &[(&str, &str, Scheme)] = &[
    (include_str!("names/clovaai_rexnet_100.txt"), "rexnet", Scheme::Clovaai),
    (include_str!("names/clovaai_rexnet_lite_100.txt"), "rexnet_lite", Scheme::Clovaai),
    (include_str!("names/timm_rexnet_100.txt"), "rexnet", Scheme::Own),
    (include_str!("names/timm_rexnetr_100.txt"), "rexnetr", Scheme::Own),
    (include_str!("names/timm_mobilenetv2_100.txt"), "mobilenet_v2", Scheme::Timm),
    (include_str!("names/timm_fbnetc_100.txt"), "fbnet_c_timm", Scheme::Timm),
    (include_str!("names/timm_semnasnet_100.txt"), "mnasnet_a1", Scheme::Timm),
    (include_str!("names/timm_mixnet_m.txt"), "mixnet_m", Scheme::TimmByWidth),
    (include_str!("names/timm_efficientnet_b0.txt"), "efficientnet_b0", Scheme::Timm),
    (include_str!("names/timm_tf_efficientnet_lite0.txt"), "efficientnet_lite0", Scheme::Timm),
    (include_str!("names/torchvision_mobilenet_v2.txt"), "mobilenet_v2", Scheme::TorchvisionMobilenet),
    (
        include_str!("names/torchvision_efficientnet_b0.txt"),
        "efficientnet_b0",
        Scheme::TorchvisionEfficientnet,
    ),
];

fn entries(list: &str) -> Vec<(String, Vec<usize>)> {
    let line = |line: &str| {
        let (name, dims) = line.split_once(' ')?;
        let dims = dims.trim_matches(['[', ']']).split(", ").filter(|extent| !extent.is_empty());
        Some((name.to_owned(), dims.map(|extent| extent.parse().unwrap()).collect()))
    };
    list.lines().filter_map(line).collect()
}

/// A safetensors file of them, in which every element of a tensor is its place in the list.
fn file(entries: &[(String, Vec<usize>)]) -> Vec<u8> {
    let mut graph = Graph::new("file");
    for (place, (name, dims)) in entries.iter().enumerate() {
        let dims = if dims.is_empty() { vec![1] } else { dims.clone() };
        let data = vec![place as f32; dims.iter().product()];
        graph.edit().bound_constant(name, Tensor::new(dims, data).unwrap()).unwrap();
    }
    to_safetensors(&graph).unwrap()
}

/// Every tensor is found under the right scheme, in the order in which the layers stand, and none is left over.
#[test]
fn names_of_others_are_understood() {
    for (list, call, scheme) in FILES {
        let entries = entries(list);
        let network = parse_network(call).unwrap();
        let mut graph = expand(&network, 1).unwrap();
        let loaded = load(&mut graph, Some(&network), &file(&entries).into())
            .unwrap_or_else(|faults| panic!("{call}, {}: {faults}", scheme.name()));
        assert_eq!((loaded.scheme, loaded.unused), (*scheme, Vec::new()), "{call}");
        // State dicts list layers in the order of the data, and a layer's tensors in that of ours; groups follow
        // each other, so that the first of them tells.
        let constants = graph.order().into_iter().filter(|&id| graph.node(id).op == Op::Constant);
        let mut last_layer = (String::new(), 0.0);
        for id in constants {
            let name = &graph.node(id).name;
            let place = graph.constant(name).unwrap().element(0);
            let layer = name.rsplit_once('.').unwrap().0.to_owned();
            let (theirs, _) = &entries[place as usize];
            let parameter = |name: &str| name.rsplit('.').next().unwrap().to_owned();
            assert_eq!(parameter(theirs), parameter(name), "{call}: {name} is {theirs}");
            let same_layer = layer == last_layer.0;
            assert!(!same_layer || place > last_layer.1, "{call}: {name} is {theirs}");
            last_layer = (layer, place);
        }
    }
}

/// Layers in groups that stand side by side elsewhere are one tensor here: its filters are theirs, in their order.
#[test]
fn groups_are_joined_in_order() {
    let entries = entries(include_str!("names/timm_mixnet_m.txt"));
    let network = parse_network("mixnet_m").unwrap();
    let mut graph = expand(&network, 1).unwrap();
    load(&mut graph, Some(&network), &file(&entries).into()).unwrap();
    let joined = graph.constant("features.1.conv_exp.conv.weight").unwrap();
    assert_eq!(joined.dims(), [144, 12, 1, 1]);
    let place = |name: &str| entries.iter().position(|(other, _)| other == name).unwrap() as f32;
    assert_eq!(joined.element(0), place("blocks.1.0.conv_pw.0.weight"));
    assert_eq!(joined.element(72 * 12), place("blocks.1.0.conv_pw.1.weight"));
}

/// A file of another network is told by our names, and no tensor is bound.
#[test]
fn a_file_of_another_network_is_refused() {
    let entries = entries(include_str!("names/torchvision_mobilenet_v2.txt"));
    let network = parse_network("mobilenet_v2(width = 0.5)").unwrap();
    let mut graph = expand(&network, 1).unwrap();
    let faults = load(&mut graph, Some(&network), &file(&entries).into()).unwrap_err();
    assert!(faults.list.iter().all(|fault| fault.code.code() == "RX0303"), "{faults}");
    assert!(graph.constant("stem.conv.weight").is_none());
}
