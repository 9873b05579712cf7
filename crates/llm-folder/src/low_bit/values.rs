//! What the codes of a matrix mean: integers, or floats of a few bits.

/// The meaning of a code.
#[derive(Debug, Clone)]
pub(super) enum Values {
    /// An integer of so many bits.
    Unsigned(usize),
    /// An integer of 8 bits, with a sign.
    Signed,
    /// The number at its place.
    Table {
        numbers: Box<[f32; 256]>,
        /// The smallest difference that counts between two of them.
        step: f32,
        /// They are the sixteen of MXFP4.
        is_e2m1: bool,
    },
}

/// The numbers of OCP's E2M1: a sign, two bits of exponent, one of mantissa.
pub(super) const E2M1: [f32; 16] = [
    0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0,
];

impl Values {
    /// Returns those of E2M1.
    pub(super) fn e2m1() -> Self {
        Self::table(&E2M1, 0.5, true)
    }

    /// Returns those of E4M3. Its numbers lie as far apart as they are large; those
    /// between 16 and 32 stand for all.
    pub(super) fn e4m3() -> Self {
        let numbers: Vec<f32> = (0..=255).map(e4m3).collect();
        Self::table(&numbers, 2.0, false)
    }

    /// Returns those of a table, which repeats itself where it is shorter than 256.
    pub(super) fn table(some: &[f32], step: f32, is_e2m1: bool) -> Self {
        let mut numbers = Box::new([0.0; 256]);
        for (number, value) in numbers.iter_mut().zip(some.iter().cycle()) {
            *number = *value;
        }
        Self::Table {
            numbers,
            step,
            is_e2m1,
        }
    }

    /// Returns the least and the greatest code as integers; `None` for a table.
    pub(super) fn range(&self) -> Option<(i16, i16)> {
        match self {
            Self::Unsigned(bits) => Some((0, (1 << bits) - 1)),
            Self::Signed => Some((-128, 127)),
            Self::Table { .. } => None,
        }
    }

    /// Returns a code as an integer, 0 for a table.
    pub(super) fn integer(&self, code: u8) -> i16 {
        match self {
            Self::Signed => i16::from(code.cast_signed()),
            _ => i16::from(code),
        }
    }
}

/// Returns the number of an E4M3 code (OCP 8-bit floating point, 2023: without
/// infinities).
pub(super) fn e4m3(code: u8) -> f32 {
    let sign = if code & 0x80 == 0 { 1.0 } else { -1.0 };
    let (exponent, mantissa) = (i32::from(code >> 3 & 15), f32::from(code & 7));
    match (exponent, code & 7) {
        (15, 7) => f32::NAN,
        (0, _) => sign * mantissa * 2.0_f32.powi(-9),
        _ => sign * (1.0 + mantissa / 8.0) * 2.0_f32.powi(exponent - 7),
    }
}

/// Returns the number of an E8M0 code (OCP Microscaling Formats v1.0).
pub(super) fn e8m0(code: u8) -> f32 {
    match code {
        255 => f32::NAN,
        _ => 2.0_f32.powi(i32::from(code) - 127),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_floats_are_those_of_the_standard() {
        assert_eq!(
            [0x00, 0x01, 0x08, 0x38, 0x7e, 0xfe].map(e4m3),
            [0.0, 0.001_953_125, 0.015_625, 1.0, 448.0, -448.0]
        );
        assert!(e4m3(0x7f).is_nan() && e4m3(0xff).is_nan() && e8m0(255).is_nan());
        assert_eq!(
            [0, 126, 127, 254].map(e8m0),
            [2.0_f32.powi(-127), 0.5, 1.0, 2.0_f32.powi(127)]
        );
    }
}
