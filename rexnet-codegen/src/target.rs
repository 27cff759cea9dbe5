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
/// order of independent outputs, never the order of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name in reports.
    pub name: &'static str,
    /// Lanes of a nest's vectors: 4, 8 or 16.
    pub lanes: usize,
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

impl Target {
    /// 128-bit vectors in pairs: what Cranelift compiles, on x86-64 (16 registers) and aarch64 (32).
    pub const PORTABLE: Target = Target {
        name: "portable",
        lanes: 8,
        registers: 8,
        may_spill: true,
        proves_kernels: true,
        tile: TileShape { rows: 6, vectors: 1 },
    };
    /// 256-bit vectors, 16 registers.
    pub const AVX2: Target = Target {
        name: "avx2",
        lanes: 8,
        registers: 16,
        may_spill: false,
        proves_kernels: true,
        tile: TileShape { rows: 6, vectors: 2 },
    };
    /// 512-bit vectors, 32 registers.
    pub const AVX512: Target = Target {
        name: "avx512",
        lanes: 16,
        registers: 32,
        may_spill: false,
        proves_kernels: true,
        tile: TileShape { rows: 12, vectors: 2 },
    };

    /// 128-bit vectors, 32 registers.
    pub const NEON: Target = Target {
        name: "neon",
        lanes: 4,
        registers: 32,
        may_spill: false,
        proves_kernels: true,
        tile: TileShape { rows: 6, vectors: 4 },
    };

    /// Plain Rust: where every multiply-add is a call, unrolling many of them makes code longer and nothing faster.
    pub const PLAIN: Target =
        Target { name: "plain", registers: 5, tile: TileShape { rows: 2, vectors: 1 }, ..Target::PORTABLE };

    /// All targets of machine code; that of plain Rust is run as Rust only.
    pub const ALL: &'static [Target] = &[Target::PORTABLE, Target::AVX2, Target::AVX512, Target::NEON];

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
