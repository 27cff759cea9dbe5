//! Files that PyTorch, Python and numpy wrote and that are not read, each with its reason and a way out.

use crate::check::{bounded_read, check_all, fixture};

#[test]
fn nothing_is_run() {
    for (file, name) in [
        ("command.zip.pth", "posix.system"),
        ("command.pickle.pth", "posix.system"),
        ("command.pkl", "posix.system"),
        ("module.zip.pth", "torch.nn.modules.container.Sequential"),
        ("module.pickle.pth", "__main__.Net"),
        ("namespace.zip.pth", "argparse.Namespace"),
        ("namespace4.zip.pth", "argparse.Namespace"),
        ("number.zip.pth", "numpy"),
        ("sparse.zip.pth", "torch._utils._rebuild_sparse_tensor"),
    ] {
        let text = bounded_read(file, &fixture(&format!("refused/{file}"))).unwrap_err().to_string();
        for word in ["RX0307", name, "it was not run", "torch.save(model.state_dict(), FILE)"] {
            assert!(text.contains(word), "{file}: {word}: {text}");
        }
    }
}

#[test]
fn other_content_and_other_forms_are_told_apart() {
    let refused = |name: &str| fixture(&format!("refused/{name}"));
    check_all(vec![
        ("a tensor alone", "RX0308", "no dict", refused("tensor.zip.pth")),
        ("a tensor alone, older", "RX0308", "no dict", refused("tensor.pickle.pth")),
        ("a list", "RX0308", "no dict", refused("list.zip.pth")),
        ("other keys", "RX0308", "epoch, encoder, decoder", refused("other_keys.zip.pth")),
        ("deflated", "RX0309", "compressed", refused("deflated.zip.pth")),
        ("big endian", "RX0309", "big endian", refused("big_endian.zip.pth")),
        ("negated", "RX0309", "negative", refused("negated.zip.pth")),
        ("a set", "RX0309", "0x8f", refused("set.zip.pth")),
        ("a pickle of numbers", "RX0301", "none of torch.save", refused("numbers.pkl")),
        ("arrays of numpy", "RX0301", "none of torch.save", refused("arrays.npz")),
        ("text", "RX0301", "PyTorch checkpoint (.pth, .pt)", b"no weights at all".to_vec()),
        ("nothing", "RX0301", "PyTorch checkpoint (.pth, .pt)", Vec::new()),
    ]);
}
