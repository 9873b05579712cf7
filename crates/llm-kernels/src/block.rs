//! The storage formats that the kernels run: one row of a table for each.
//!
//! A row of a matrix is a sequence of blocks. The layouts are ggml's
//! (`ggml-common.h`); how a block's bits become numbers is in `dequantize`.

use std::fmt;

/// The offset of a part that a block does not have.
pub(crate) const NONE: usize = usize::MAX;

/// A row of the table: a format's name, its sizes, and the offsets in bytes of a
/// block's parts; [`NONE`] for a part that it does not have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    name: &'static str,
    /// Its number in files (`ggml_type`).
    type_id: u32,
    /// Weights of a block.
    elements: usize,
    /// Bytes of a block.
    bytes: usize,
    /// The factor of the scales, a half (of MXFP4 an exponent of 8 bits).
    pub(crate) scale: usize,
    /// The factor of the minima, a half.
    pub(crate) minimum: usize,
    /// The groups' scales and minima, as small integers.
    pub(crate) scales: usize,
    /// The bits of the quants above those in `quants`.
    pub(crate) high: usize,
    /// The low bits of the quants, or all.
    pub(crate) quants: usize,
    /// The signs, where they stand apart from the quants.
    pub(crate) signs: usize,
}

impl Layout {
    const EMPTY: Self = Self {
        name: "",
        type_id: 0,
        elements: 1,
        bytes: 0,
        scale: NONE,
        minimum: NONE,
        scales: NONE,
        high: NONE,
        quants: NONE,
        signs: NONE,
    };

    /// Returns whether every part begins inside the block.
    const fn is_inside(&self) -> bool {
        let parts = [
            self.scale,
            self.minimum,
            self.scales,
            self.high,
            self.quants,
            self.signs,
        ];
        let mut part = 0;
        while part < parts.len() {
            if parts[part] != NONE && parts[part] >= self.bytes {
                return false;
            }
            part += 1;
        }
        true
    }
}

/// Defines [`Format`], its table, and `for_quantized!`. `$d` is a dollar sign, for
/// the macro that it makes.
macro_rules! formats {
    ($d:tt
        floats { $($float:ident $float_name:literal $float_id:literal $float_bytes:literal)* }
        quantized { $(
            $quantized:ident $name:literal $type_id:literal $elements:literal $bytes:literal
            { $($part:ident: $offset:literal),* }
        )* }
    ) => {
        /// How the weights of a matrix are stored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "the variants are ggml's own names")]
        pub enum Format {
            $($float,)*
            $($quantized,)*
        }

        impl Format {
            /// All formats.
            pub const ALL: [Self; TABLE.len()] = [$(Self::$float,)* $(Self::$quantized,)*];
        }

        const TABLE: [Layout; [$($float_bytes,)* $($bytes,)*].len()] = [
            $(Layout {
                name: $float_name,
                type_id: $float_id,
                bytes: $float_bytes,
                ..Layout::EMPTY
            },)*
            $(Layout {
                name: $name,
                type_id: $type_id,
                elements: $elements,
                bytes: $bytes,
                $($part: $offset,)*
                ..Layout::EMPTY
            },)*
        ];

        /// Calls `$run::<Q>($args)` for the quantized format that `$format` is, and
        /// evaluates `$float` for the others.
        macro_rules! for_quantized {
            ($d format:expr, $d run:ident ($d ($d arg:expr),* $d (,)?), $d float:expr) => {
                match $d format {
                    $($crate::block::Format::$quantized => {
                        $d run::<$crate::dequantize::$quantized>($d ($d arg),*)
                    })*
                    $($crate::block::Format::$float)|* => $d float,
                }
            };
        }
        pub(crate) use for_quantized;
    };
}

formats! { $
    // variant, name, ggml's type id, bytes of a weight
    floats {
        F32  "F32"   0 4
        F16  "F16"   1 2
        Bf16 "BF16" 30 2
    }
    // the same, weights and bytes of a block, and what stands where in it
    quantized {
        Q4_0   "Q4_0"     2  32  18 { scale: 0, quants: 2 }
        Q4_1   "Q4_1"     3  32  20 { scale: 0, minimum: 2, quants: 4 }
        Q5_0   "Q5_0"     6  32  22 { scale: 0, high: 2, quants: 6 }
        Q5_1   "Q5_1"     7  32  24 { scale: 0, minimum: 2, high: 4, quants: 8 }
        Q8_0   "Q8_0"     8  32  34 { scale: 0, quants: 2 }
        Q2K    "Q2_K"    10 256  84 { scales: 0, quants: 16, scale: 80, minimum: 82 }
        Q3K    "Q3_K"    11 256 110 { high: 0, quants: 32, scales: 96, scale: 108 }
        Q4K    "Q4_K"    12 256 144 { scale: 0, minimum: 2, scales: 4, quants: 16 }
        Q5K    "Q5_K"    13 256 176 { scale: 0, minimum: 2, scales: 4, high: 16, quants: 48 }
        Q6K    "Q6_K"    14 256 210 { quants: 0, high: 128, scales: 192, scale: 208 }
        // The scales of IQ2_XXS stand among its quants, those of IQ3_XXS among its signs.
        Iq2Xxs "IQ2_XXS" 16 256  66 { scale: 0, quants: 2 }
        Iq2Xs  "IQ2_XS"  17 256  74 { scale: 0, quants: 2, scales: 66 }
        Iq2S   "IQ2_S"   22 256  82 { scale: 0, quants: 2, signs: 34, high: 66, scales: 74 }
        Iq3Xxs "IQ3_XXS" 18 256  98 { scale: 0, quants: 2, signs: 66 }
        Iq3S   "IQ3_S"   21 256 110 { scale: 0, quants: 2, high: 66, signs: 74, scales: 106 }
        Iq4Nl  "IQ4_NL"  20  32  18 { scale: 0, quants: 2 }
        Iq4Xs  "IQ4_XS"  23 256 136 { scale: 0, scales: 2, quants: 8 }
        Mxfp4  "MXFP4"   39  32  17 { scale: 0, quants: 1 }
    }
}

const _: () = {
    let mut row = 0;
    while row < TABLE.len() {
        assert!(TABLE[row].is_inside());
        row += 1;
    }
};

impl Format {
    /// Returns the format's row of the table.
    pub(crate) const fn layout(self) -> Layout {
        TABLE[self as usize]
    }

    /// Returns its number in files (`ggml_type`).
    pub const fn type_id(self) -> u32 {
        self.layout().type_id
    }

    /// Returns the format with the number `type_id` in files, if it is one that is run.
    pub fn of_type_id(type_id: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.type_id() == type_id)
    }

    /// Returns the number of weights in a block.
    pub const fn block_elements(self) -> usize {
        TABLE[self as usize].elements
    }

    /// Returns the bytes of a block.
    pub const fn block_bytes(self) -> usize {
        TABLE[self as usize].bytes
    }

    /// Returns the bytes of a row of `columns` weights.
    pub const fn row_bytes(self, columns: usize) -> usize {
        columns / self.block_elements() * self.block_bytes()
    }

    /// Returns whether the weights are integers with scales, not floats.
    pub const fn is_quantized(self) -> bool {
        self.block_elements() > 1
    }
}

impl fmt::Display for Format {
    /// Writes ggml's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.layout().name)
    }
}
