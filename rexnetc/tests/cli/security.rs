//! The limits that `SECURITY.md` states are those of the sources, and all of them.

use crate::binary::root;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Constants that bound nothing of a user's.
const OTHERS: [&str; 4] = ["MAX_LANES", "MAX_PARTS", "MAX_WHOLE", "MAX_RUNS"];

/// `65536`, `16 MiB`.
fn number(text: &str) -> u64 {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let unit = match unit {
        "" => 0,
        "MiB" => 20,
        "GiB" => 30,
        other => panic!("{other} is no unit"),
    };
    number.parse::<u64>().unwrap() << unit
}

/// `1 << 29`, `64 * 1024`, `10_000`.
fn value(expression: &str) -> u64 {
    let literal = |text: &str| text.trim().replace('_', "").parse::<u64>().unwrap();
    if let Some((number, places)) = expression.split_once("<<") {
        literal(number) << literal(places)
    } else {
        expression.split('*').map(literal).product()
    }
}

/// The limits of a file, as names and what they are defined as.
fn constants(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once("const MAX_")?;
        let (name, rest) = rest.split_once(':')?;
        let (_, expression) = rest.split_once('=')?;
        let start = line.len() - rest.len() - 1 - name.len() - "MAX_".len();
        Some((&line[start..][..name.len() + "MAX_".len()], expression.trim_end_matches(';').trim()))
    })
}

/// All sources below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_limits_are_those_of_the_sources() {
    let document = std::fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let mut stated = BTreeSet::new();
    for line in document.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let &[limit, _, _, file, constant] = cells.as_slice() else { continue };
        let (Some(file), Some(name)) =
            (file.strip_prefix('`'), constant.strip_prefix('`').and_then(|name| name.strip_suffix('`')))
        else {
            continue;
        };
        let file = file.trim_end_matches('`');
        let text =
            std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let found = constants(&text).find(|(other, _)| *other == name);
        let (_, expression) = found.unwrap_or_else(|| panic!("{file} has no {name}"));
        assert_eq!(number(limit), value(expression), "{file}: {name}");
        stated.insert((file.to_owned(), name.to_owned()));
    }
    assert!(stated.len() > 30, "{stated:?}");

    let mut files = Vec::new();
    for folder in ["src", "rexnet-ir/src", "rexnet-codegen/src", "rexnetc/src"] {
        sources(&root().join(folder), &mut files);
    }
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let file = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        for (name, _) in constants(&text).filter(|(name, _)| !OTHERS.contains(name)) {
            assert!(stated.contains(&(file.clone(), name.to_owned())), "SECURITY.md lacks {name} of {file}");
        }
    }
}
