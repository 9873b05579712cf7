//! Units as types, so that a rate cannot be added to a sum or a price taken for a power. The fields
//! hold plain numbers in the unit that the name says; only operations with a meaning are defined.

use std::ops::{Add, Div, Mul, Sub};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hours of a month: a year of 365 days in twelve parts.
pub const HOURS_PER_MONTH: Hours = Hours(730.0);

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

macro_rules! unit {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        /// Scaled by a plain number.
        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }

        /// How many times the other fits in.
        impl Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 {
                self.0 / other.0
            }
        }
    )*};
}

/// `left × right = product`, in either order, and the two quotients.
macro_rules! product {
    ($($left:ident * $right:ident = $product:ident),* $(,)?) => {$(
        impl Mul<$right> for $left {
            type Output = $product;
            fn mul(self, other: $right) -> $product {
                $product(self.0 * other.0)
            }
        }

        impl Mul<$left> for $right {
            type Output = $product;
            fn mul(self, other: $left) -> $product {
                $product(self.0 * other.0)
            }
        }

        impl Div<$right> for $product {
            type Output = $left;
            fn div(self, other: $right) -> $left {
                $left(self.0 / other.0)
            }
        }

        impl Div<$left> for $product {
            type Output = $right;
            fn div(self, other: $left) -> $right {
                $right(self.0 / other.0)
            }
        }
    )*};
}

unit! {
    /// US dollars.
    Usd,
    /// US dollars a month.
    UsdPerMonth,
    /// US dollars for a million tokens.
    UsdPerMtok,
    /// US dollars for a kilowatt-hour.
    UsdPerKwh,
    /// US dollars for an hour of work.
    UsdPerHour,
    /// Tokens.
    Tokens,
    /// Millions of tokens.
    Mtok,
    /// Tokens a second.
    TokensPerSecond,
    /// Seconds.
    Seconds,
    /// Hours.
    Hours,
    /// Months.
    Months,
    /// Watts.
    Watts,
    /// Kilowatt-hours.
    KilowattHours,
    /// Joules.
    Joules,
    /// Bytes.
    Bytes,
    /// Gibibytes, 2^30 bytes.
    Gib,
    /// Gigabytes a second, 10^9 bytes.
    GigabytesPerSecond,
    /// 10^12 floating-point operations a second.
    Teraflops,
    /// Multiply-adds a second.
    MacsPerSecond,
}

product! {
    UsdPerMtok * Mtok = Usd,
    UsdPerKwh * KilowattHours = Usd,
    UsdPerHour * Hours = Usd,
    UsdPerMonth * Months = Usd,
    TokensPerSecond * Seconds = Tokens,
}

impl Mul<Hours> for Watts {
    type Output = KilowattHours;
    fn mul(self, time: Hours) -> KilowattHours {
        KilowattHours(self.0 * time.0 / 1e3)
    }
}

impl From<Joules> for KilowattHours {
    fn from(energy: Joules) -> Self {
        Self(energy.0 / 3.6e6)
    }
}

impl From<Tokens> for Mtok {
    fn from(tokens: Tokens) -> Self {
        Self(tokens.0 / 1e6)
    }
}

impl From<Mtok> for Tokens {
    fn from(tokens: Mtok) -> Self {
        Self(tokens.0 * 1e6)
    }
}

impl From<Seconds> for Hours {
    fn from(time: Seconds) -> Self {
        Self(time.0 / 3600.0)
    }
}

impl From<Hours> for Seconds {
    fn from(time: Hours) -> Self {
        Self(time.0 * 3600.0)
    }
}

impl From<Gib> for Bytes {
    fn from(size: Gib) -> Self {
        Self(size.0 * GIB)
    }
}

impl From<Bytes> for Gib {
    fn from(size: Bytes) -> Self {
        Self(size.0 / GIB)
    }
}

impl Usd {
    /// Returns the sum as one that comes every month.
    #[must_use]
    pub fn a_month(self) -> UsdPerMonth {
        UsdPerMonth(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_multiply_into_what_they_mean() {
        let time = Hours::from(Tokens::from(Mtok(1.0)) / TokensPerSecond(11.0));
        assert!((time.0 - 25.2525).abs() < 1e-4);
        let energy = Watts(110.0) * time;
        assert!((energy.0 - 2.7778).abs() < 1e-4);
        assert!(((energy * UsdPerKwh(0.17)).0 - 0.4722).abs() < 1e-4);
        assert_eq!(KilowattHours::from(Joules(3.6e6)), KilowattHours(1.0));
        assert_eq!(UsdPerMtok(15.0) * Mtok(12.0), Usd(180.0));
        assert_eq!(Gib::from(Bytes(1_073_741_824.0)), Gib(1.0));
    }
}
