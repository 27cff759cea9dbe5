//! The header of an object: the network's facts, and the functions around those that the object holds.

use super::ObjectOptions;
use crate::build::printable;
use crate::emit::rust::Version;
use crate::plan::{PACKED_VERSION, Port, Program, port_names};
use std::fmt::Write;

/// The new of a network whose weights are in the object.
const NEW: &str = r"
/* The content of the .rxw file that is part of the object. */
extern const unsigned char @name@_embedded[];

/* The network with the weights that were compiled in, by the best version for this processor. */
static inline @name@_status @name@_new(@name@_network *network) {
    network->weights = (const float *)(const void *)(@name@_embedded + 64);
    network->owned = NULL;
    return @name@_best_version(&network->version);
}
";

/// What needs the C library.
const HEAP: &str = r#"
/* Gives back the memory of @name@_load; of other networks, nothing. */
static inline void @name@_free(@name@_network *network) {
    free(network->owned);
    network->owned = NULL;
    network->weights = NULL;
}

/* Reads packed weights (.rxw) from a file. Where it succeeds, @name@_free gives back its memory. */
static inline @name@_status @name@_load(@name@_network *network, const char *path) {
    unsigned char header[64];
    unsigned char *owned, *content;
    @name@_status status = @NAME@_LENGTH;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return @NAME@_READ;
    }
    owned = (unsigned char *)malloc(@NAME@_WEIGHT_BYTES + 64);
    if (owned == NULL) {
        fclose(file);
        return @NAME@_READ;
    }
    content = owned + (64 - (uintptr_t)owned % 64);
    if (fread(header, 1, 64, file) == 64) {
        status = @name@_check_header(header);
        if (status == @NAME@_OK) {
            if (fread(content, 1, @NAME@_WEIGHT_BYTES, file) != @NAME@_WEIGHT_BYTES || fgetc(file) != EOF) {
                status = @NAME@_LENGTH;
            } else if (@name@_checksum(content, @NAME@_WEIGHT_BYTES) != @name@_word(header + 24)) {
                status = @NAME@_CHECKSUM;
            } else {
                status = @name@_best_version(&network->version);
            }
        }
    }
    if (ferror(file)) {
        status = @NAME@_READ;
    }
    fclose(file);
    if (status != @NAME@_OK) {
        free(owned);
        return status;
    }
    network->weights = (const float *)(void *)content;
    network->owned = owned;
    return @NAME@_OK;
}
"#;

/// The header of [`object`](super::object) for the same arguments. Equal arguments give equal bytes.
///
/// # Panics
/// When there is no program.
pub fn header(programs: &[(Version, Program)], options: &ObjectOptions<'_>) -> String {
    let program = &programs[0].1;
    let (name, capitals) = (options.name, options.name.to_uppercase());
    let arena = programs.iter().map(|(_, program)| program.arena_bytes).max().unwrap_or(0);
    let portable = programs.iter().any(|(version, _)| *version == Version::Portable);
    let (inputs, outputs) =
        (port_names("input", program.inputs.len()), port_names("output", program.outputs.len()));
    let pointers = |constant: &str, names: &[String]| -> Vec<String> {
        names.iter().map(|name| format!("{constant}float *{name}")).collect()
    };
    let parameters = [pointers("const ", &inputs), pointers("", &outputs)].concat().join(", ");
    let arguments = [inputs.clone(), outputs.clone()].concat().join(", ");

    let (mut variants, mut supported, mut runs, mut declarations) =
        (Vec::new(), String::new(), String::new(), String::new());
    // Writing to a string cannot fail.
    for (version, _) in programs {
        let (own, upper) = (version.name(), version.name().to_uppercase());
        let condition = match version {
            Version::Avx512 => format!("({name}_processor_features() & 2) != 0"),
            Version::Avx2 => format!("({name}_processor_features() & 1) != 0"),
            Version::Neon | Version::Portable => "1".to_owned(),
        };
        let _ = writeln!(supported, "    case {capitals}_VERSION_{upper}: return {condition};");
        let _ = writeln!(runs, "    case {capitals}_VERSION_{upper}:");
        let _ = writeln!(runs, "        {name}_run_{own}(network->weights, arena, {arguments});");
        let _ = writeln!(runs, "        break;");
        let _ = writeln!(
            declarations,
            "void {name}_run_{own}(const float *weights, float *scratch, {parameters});"
        );
        variants.push(format!("{capitals}_VERSION_{upper}"));
    }
    if programs.iter().any(|(version, _)| matches!(version, Version::Avx512 | Version::Avx2)) {
        let _ = write!(
            declarations,
            "\n/* Bit 0 where processor and system have AVX2 and FMA, bit 1 where they have AVX-512 too. */\nuint32_t {name}_processor_features(void);\n"
        );
    }
    let ports = [ports(&capitals, "INPUT", &program.inputs), ports(&capitals, "OUTPUT", &program.outputs)];
    let making = match (options.embedded, options.std) {
        (Some(_), _) => format!("{name}_new(&network)"),
        (None, true) => format!("{name}_load(&network, \"{name}.rxw\")"),
        (None, false) => format!("{name}_from_static(&network, file, bytes)"),
    };
    let mark = super::mark(programs, options);
    let variants_text = format!("    {}", variants.join(",\n    "));
    let text = |key: &str| -> String {
        match key {
            "generated" => "@generated".to_owned(),
            "name" => name.to_owned(),
            "mark" => mark.clone(),
            "NAME" => capitals.clone(),
            "spec" => comment(options.spec),
            "spec_string" => string(options.spec),
            "includes" if options.std => "#include <stdio.h>\n#include <stdlib.h>\n".to_owned(),
            "mathematics" if portable => ", and the C library's mathematics (-lm)".to_owned(),
            "making" => making.clone(),
            "ports" => ports.concat(),
            "params" => options.counts.parameters.to_string(),
            "macs" => options.counts.multiply_accumulates.to_string(),
            "arena_bytes" => arena.to_string(),
            // C has no arrays without elements.
            "scratch_bytes" => arena.max(64).to_string(),
            "weight_bytes" => program.weight_bytes.to_string(),
            "layout_hash" => format!("{:#018x}", program.layout_hash),
            "packed_version" => PACKED_VERSION.to_string(),
            "version_variants" => variants_text.clone(),
            "version_list" => variants.join(", "),
            "version_supported" => supported.trim_end().to_owned(),
            "version_runs" => runs.trim_end().to_owned(),
            "declarations" => declarations.clone(),
            "parameters" => parameters.clone(),
            "arguments" => arguments.clone(),
            "new" | "heap" | "includes" | "mathematics" => String::new(),
            other => unreachable!("the template has no {other}"),
        }
    };
    let fill = |template: &str, text: &dyn Fn(&str) -> String| -> String {
        let parts = template.split('@').enumerate();
        parts.map(|(index, part)| if index % 2 == 0 { part.to_owned() } else { text(part) }).collect()
    };
    fill(include_str!("header.h.template"), &|key| match key {
        "new" if options.embedded.is_some() => fill(NEW, &text),
        "heap" if options.std => fill(HEAP, &text),
        _ => text(key),
    })
}

/// The extents of ports. Those of a single number, of rank 0, are `{1}`.
fn ports(capitals: &str, kind: &str, ports: &[Port]) -> String {
    let mut text = String::new();
    for (own, port) in port_names(kind, ports.len()).into_iter().zip(ports) {
        let mut extents: Vec<String> = port.dims.iter().map(usize::to_string).collect();
        if extents.is_empty() {
            // C has no arrays without elements.
            extents.push("1".to_owned());
        }
        let title = comment(&printable(&port.name));
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "/* The {} `{title}`: float in NCHW order, unpadded. */\n#define {capitals}_{own}_ELEMENTS ((size_t){})\n#define {capitals}_{own}_RANK {}\n#define {capitals}_{own}_DIMENSIONS {{{}}}\n",
            kind.to_lowercase(),
            port.elements(),
            port.dims.len(),
            extents.join(", ")
        );
    }
    text
}

/// A text inside a comment.
fn comment(text: &str) -> String {
    let closed = text.replace("*/", "* /").replace("/*", "/ *");
    let lines: Vec<&str> = closed.lines().collect();
    lines.join("\n * ").lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A string literal, a line of the text on each of its own.
fn string(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut literal = String::from("\"");
        for byte in line.bytes() {
            match byte {
                b'"' | b'\\' | b'?' => literal.extend(['\\', char::from(byte)]),
                0x20..=0x7e => literal.push(char::from(byte)),
                // Always three digits, so that what follows is no part of it.
                _ => {
                    let _ = write!(literal, "\\{byte:03o}");
                }
            }
        }
        lines.push(literal);
    }
    lines.join("\\n\" \\\n    ") + "\""
}
