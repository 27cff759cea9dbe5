//! What a back end can hold and how wide it computes, as data.

/// A register tile of a matrix product: `rows` positions by `vectors` vectors of output channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileShape {
    /// Output positions.
    pub rows: usize,
    /// Vectors of output channels.
    pub vectors: usize,
}

impl TileShape {
    /// The rows with which enough sums are in flight to hide the latency of a multiply-add: four cycles, two of
    /// them begun in each.
    pub(crate) fn enough_rows(&self) -> usize {
        8usize.div_ceil(self.vectors)
    }
}

/// What lowering needs to know of a back end. Results do not depend on it: it chooses tiles, unrolling and the
/// order of independent outputs, never the order of a sum. Targets of one name are equal.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name in reports, which no other target has.
    pub name: &'static str,
    /// Lanes of a nest's vectors: 4, 8 or 16.
    pub lanes: usize,
    /// Lanes of the processor's registers: a vector of more lanes lies in several.
    pub register_lanes: usize,
    /// How many such vectors the registers hold.
    pub registers: usize,
    /// Whether the back end may keep values in memory when registers run out. Where it may not, lowering proves
    /// that they suffice.
    pub may_spill: bool,
    /// Whether lowering proves its kernels: not for a back end that proves all that it is given, and itself refuses what
    /// it has no registers for.
    pub proves_kernels: bool,
    /// The tile for many rows; `rows · vectors + vectors + 1` registers.
    pub tile: TileShape,
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Target {}

impl Target {
    /// 128-bit vectors in pairs: what Cranelift compiles, on x86-64 (16 registers) and aarch64 (32).
    pub const PORTABLE: Target = Target {
        name: "portable",
        lanes: 8,
        register_lanes: 4,
        registers: 8,
        may_spill: true,
        proves_kernels: true,
        tile: TileShape { rows: 6, vectors: 1 },
    };
    /// 256-bit vectors, 16 registers.
    pub const AVX2: Target = Target {
        name: "avx2",
        lanes: 8,
        register_lanes: 8,
        registers: 16,
        may_spill: false,
        proves_kernels: true,
        tile: TileShape { rows: 6, vectors: 2 },
    };
    /// 512-bit vectors, 32 registers.
    pub const AVX512: Target = Target {
        name: "avx512",
        lanes: 16,
        register_lanes: 16,
        registers: 32,
        may_spill: false,
        proves_kernels: true,
        tile: TileShape { rows: 12, vectors: 2 },
    };

    /// 128-bit vectors, 32 registers.
    pub const NEON: Target = Target {
        name: "neon",
        lanes: 4,
        register_lanes: 4,
        registers: 32,
        may_spill: false,
        proves_kernels: true,
        tile: TileShape { rows: 6, vectors: 4 },
    };

    /// Plain Rust: where every multiply-add is a call, unrolling many of them makes code longer and nothing faster.
    pub const PLAIN: Target =
        Target { name: "plain", registers: 5, tile: TileShape { rows: 2, vectors: 1 }, ..Target::PORTABLE };

    /// All targets.
    pub const ALL: &'static [Target] =
        &[Target::PORTABLE, Target::AVX2, Target::AVX512, Target::NEON, Target::PLAIN];

    /// How many sums may wait in registers while an activation is computed.
    pub(crate) fn most_sums(&self) -> usize {
        self.registers - 4
    }

    /// The tile for `rows` rows in all: the usual one, or a wider one for few rows, so that enough independent
    /// sums are in flight.
    pub(crate) fn tile_for(&self, rows: usize) -> TileShape {
        if rows >= self.tile.rows {
            return self.tile;
        }
        // A single row needs each weight once; it is an operand of its multiply-add then. What an activation
        // needs beside the sums bounds their number.
        let vectors = if rows == 1 { self.most_sums() } else { (self.registers - 1) / (rows + 1) };
        TileShape { rows, vectors: vectors.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_targets() {
        for (index, target) in Target::ALL.iter().enumerate() {
            let of_that_name = Target::ALL.iter().position(|other| other == target);
            assert_eq!(of_that_name, Some(index), "{}", target.name);
            assert!(target.lanes.is_multiple_of(target.register_lanes), "{}", target.name);
        }
    }
}
