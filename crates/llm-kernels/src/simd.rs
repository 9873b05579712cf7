//! Which instruction set the kernels use, chosen once at run time.

use std::sync::OnceLock;

/// An instruction-set level that the kernels are compiled for, and the proof that
/// this machine can run it: a value above [`SCALAR`](Level::SCALAR) comes only
/// from the functions here, which ask the processor first. So safe code cannot
/// reach an instruction that the processor lacks.
///
/// ```
/// use llm_kernels::simd::Level;
///
/// assert_eq!(Level::from_name("scalar"), Ok(Level::SCALAR));
/// assert!(Level::available().any(|level| Level::detect() == Ok(level)));
/// ```
///
/// The levels of an architecture have no public names:
///
/// ```compile_fail,E0624
/// let level = llm_kernels::simd::Level::AVX512_VNNI;
/// ```
///
/// and a level cannot be put together by hand:
///
/// ```compile_fail,E0603
/// let level = llm_kernels::simd::Level(llm_kernels::simd::InstructionSet::Avx512Vnni);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(InstructionSet);

/// What a [`Level`] stands for, each architecture's in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum InstructionSet {
    Scalar,
    Neon,
    Dotprod,
    I8mm,
    Avx2,
    AvxVnni,
    Avx512Vnni,
}

impl Level {
    /// What every machine of the target has; the reference for all others.
    pub const SCALAR: Self = Self(InstructionSet::Scalar);
    /// Little-endian aarch64, where NEON is always there.
    pub(crate) const NEON: Self = Self(InstructionSet::Neon);
    /// [`NEON`](Self::NEON) and dotprod (`FEAT_DotProd`): sums of four 8-bit products.
    pub(crate) const DOTPROD: Self = Self(InstructionSet::Dotprod);
    /// [`DOTPROD`](Self::DOTPROD) and i8mm (`FEAT_I8MM`): products of 8-bit matrices.
    pub(crate) const I8MM: Self = Self(InstructionSet::I8mm);
    /// x86-64 with AVX2, FMA and F16C.
    pub(crate) const AVX2: Self = Self(InstructionSet::Avx2);
    /// [`AVX2`](Self::AVX2) and AVX-VNNI, whose integer products need fewer
    /// instructions.
    pub(crate) const AVX_VNNI: Self = Self(InstructionSet::AvxVnni);
    /// [`AVX2`](Self::AVX2) and AVX-512 (F, BW, DQ, VL) with its VNNI: registers of
    /// twice the width, and twice as many of them.
    pub(crate) const AVX512_VNNI: Self = Self(InstructionSet::Avx512Vnni);

    /// The levels of all architectures, each architecture's in ascending order.
    const ALL: [Self; 7] = [
        Self::SCALAR,
        Self::NEON,
        Self::DOTPROD,
        Self::I8MM,
        Self::AVX2,
        Self::AVX_VNNI,
        Self::AVX512_VNNI,
    ];

    /// Returns the levels that this machine can run, the plainest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|level| level.is_available())
    }

    /// Returns the name that `LLM_SIMD` takes and records carry.
    pub fn name(self) -> &'static str {
        match self.0 {
            InstructionSet::Scalar => "scalar",
            InstructionSet::Neon => "neon",
            InstructionSet::Dotprod => "dotprod",
            InstructionSet::I8mm => "i8mm",
            InstructionSet::Avx2 => "avx2",
            InstructionSet::AvxVnni => "avxvnni",
            InstructionSet::Avx512Vnni => "avx512vnni",
        }
    }

    /// Returns whether this machine can run the level. If this is true once, it
    /// stays true as long as the program runs.
    fn is_available(self) -> bool {
        match self.0 {
            InstructionSet::Scalar => true,
            #[cfg(target_arch = "aarch64")]
            InstructionSet::Neon => {
                cfg!(target_endian = "little") && std::arch::is_aarch64_feature_detected!("neon")
            }
            #[cfg(target_arch = "aarch64")]
            InstructionSet::Dotprod => {
                Self::NEON.is_available() && std::arch::is_aarch64_feature_detected!("dotprod")
            }
            #[cfg(target_arch = "aarch64")]
            InstructionSet::I8mm => {
                Self::DOTPROD.is_available() && std::arch::is_aarch64_feature_detected!("i8mm")
            }
            #[cfg(not(target_arch = "aarch64"))]
            InstructionSet::Neon | InstructionSet::Dotprod | InstructionSet::I8mm => false,
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => {
                std::is_x86_feature_detected!("avx2")
                    && std::is_x86_feature_detected!("fma")
                    && std::is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            InstructionSet::AvxVnni => {
                Self::AVX2.is_available() && std::is_x86_feature_detected!("avxvnni")
            }
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512Vnni => {
                Self::AVX2.is_available()
                    && std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512dq")
                    && std::is_x86_feature_detected!("avx512vl")
                    && std::is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(not(target_arch = "x86_64"))]
            InstructionSet::Avx2 | InstructionSet::AvxVnni | InstructionSet::Avx512Vnni => false,
        }
    }

    /// Returns the best level of this machine, or the one that the environment
    /// variable `LLM_SIMD` names. The processor is asked once per process.
    ///
    /// # Errors
    /// `LLM_SIMD` names no level, or one that this machine cannot run.
    pub fn detect() -> Result<Self, LevelError> {
        static LEVEL: OnceLock<Result<Level, LevelError>> = OnceLock::new();
        LEVEL
            .get_or_init(|| match std::env::var("LLM_SIMD") {
                Ok(name) if !name.is_empty() => Self::from_name(&name),
                _ => Ok(Self::best()),
            })
            .clone()
    }

    fn best() -> Self {
        Self::available().max().unwrap_or(Self::SCALAR)
    }

    /// Returns the level with this [`name`](Self::name).
    ///
    /// # Errors
    /// There is no such level, or this machine cannot run it.
    pub fn from_name(name: &str) -> Result<Self, LevelError> {
        let known = Self::ALL.into_iter().find(|level| level.name() == name);
        let level = known.ok_or_else(|| LevelError::Unknown(name.to_owned()))?;
        if level.is_available() {
            Ok(level)
        } else {
            Err(LevelError::Unavailable(level.name()))
        }
    }
}

/// The levels of this build's architecture, for people.
const NAMES: &str = if cfg!(target_arch = "aarch64") {
    "scalar, neon, dotprod or i8mm"
} else {
    "scalar, avx2, avxvnni or avx512vnni"
};

/// Why the level that `LLM_SIMD` asks for cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// No such level.
    #[error("LLM_SIMD={0} is not an instruction set of this build; use {NAMES}, or unset it")]
    Unknown(String),
    /// The processor lacks it.
    #[error("LLM_SIMD={0} asks for instructions that this processor lacks; unset it")]
    Unavailable(&'static str),
}

/// Defines `$name(level, …)` that runs `$body` compiled for `level`.
///
/// `$body` must be `#[inline(always)]`, so that it takes over the features of
/// the function that it is inlined into.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $(<$(const $c:ident: $ct:ty),*>)? ($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? = $body:path) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "mirrors the kernel that it dispatches to")]
        $vis fn $name $(<$(const $c: $ct),*>)? (level: $crate::simd::Level, $($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma,f16c")]
                #[allow(clippy::too_many_arguments, reason = "mirrors the kernel that it dispatches to")]
                fn avx2 $(<$(const $c: $ct),*>)? ($($arg: $type),*) $(-> $out)? {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
                #[allow(clippy::too_many_arguments, reason = "mirrors the kernel that it dispatches to")]
                fn avx512 $(<$(const $c: $ct),*>)? ($($arg: $type),*) $(-> $out)? {
                    $body($($arg),*)
                }
                if level >= $crate::simd::Level::AVX512_VNNI {
                    // SAFETY: a `Level` is only made after the processor was asked,
                    // so the features are there.
                    return unsafe { avx512($($arg),*) };
                }
                if level >= $crate::simd::Level::AVX2 {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            let _ = level;
            $body($($arg),*)
        }
    };
}
pub(crate) use dispatch;

#[cfg(test)]
mod tests {
    use super::*;

    /// Under `LLM_SIMD` this also shows that the machine has that level:
    /// `scripts/check-neon` would otherwise test nothing of it.
    #[test]
    fn the_level_is_the_one_asked_for_or_the_best() {
        let asked = std::env::var("LLM_SIMD").unwrap_or_default();
        let level = Level::detect().unwrap();
        let expected = if asked.is_empty() {
            Level::best().name()
        } else {
            &asked
        };
        assert_eq!(level.name(), expected);
        assert!(level.is_available());
    }

    #[test]
    fn a_name_makes_a_level_only_where_the_processor_has_it() {
        for level in Level::ALL {
            let expected = if level.is_available() {
                Ok(level)
            } else {
                Err(LevelError::Unavailable(level.name()))
            };
            assert_eq!(Level::from_name(level.name()), expected);
        }
        let foreign = if cfg!(target_arch = "x86_64") {
            "neon"
        } else {
            "avx2"
        };
        assert_eq!(
            Level::from_name(foreign),
            Err(LevelError::Unavailable(foreign))
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_choice() {
        let message = Level::from_name("bogus").unwrap_err().to_string();
        for level in Level::available() {
            assert!(message.contains(level.name()), "{message}");
        }
    }
}
