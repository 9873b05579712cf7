//! Which instruction set the kernels use, chosen once at run time.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
pub(crate) mod ops;

use std::sync::OnceLock;

/// An instruction-set level that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// What every machine of the target has; the judge of the others.
    Scalar,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// The same and AVX-VNNI, whose integer products need fewer instructions.
    AvxVnni,
    /// x86-64 with AVX-512 (F, BW, DQ, VL) and its VNNI: registers of twice the
    /// width, and twice as many of them.
    Avx512Vnni,
}

impl Level {
    /// All levels, the plainest first.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Avx2, Self::AvxVnni, Self::Avx512Vnni];

    /// Returns the name that `LLM_SIMD` takes and records carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avxvnni",
            Self::Avx512Vnni => "avx512vnni",
        }
    }

    /// Returns whether this machine can run the level. If this is true once, it
    /// stays true as long as the program runs.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                std::is_x86_feature_detected!("avx2")
                    && std::is_x86_feature_detected!("fma")
                    && std::is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => Self::Avx2.is_available() && std::is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                Self::Avx2.is_available()
                    && std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512dq")
                    && std::is_x86_feature_detected!("avx512vl")
                    && std::is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::AvxVnni | Self::Avx512Vnni => false,
        }
    }

    /// Returns the best level of this machine, or the one that the environment
    /// variable `LLM_SIMD` names.
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
        let available = Self::ALL.into_iter().filter(|level| level.is_available());
        available.max().unwrap_or(Self::Scalar)
    }

    fn from_name(name: &str) -> Result<Self, LevelError> {
        let level = Self::ALL.into_iter().find(|level| level.name() == name);
        let level = level.ok_or_else(|| LevelError::Unknown(name.to_owned()))?;
        if level.is_available() {
            Ok(level)
        } else {
            Err(LevelError::Unavailable(level.name()))
        }
    }
}

/// Why the level that `LLM_SIMD` asks for cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// No such level.
    #[error(
        "LLM_SIMD={0} names no instruction set of this build; use scalar, avx2, avxvnni or avx512vnni, or unset it"
    )]
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
                if level >= $crate::simd::Level::Avx512Vnni {
                    debug_assert!(level.is_available());
                    // SAFETY: as below.
                    return unsafe { avx512($($arg),*) };
                }
                if level >= $crate::simd::Level::Avx2 {
                    debug_assert!(level.is_available());
                    // SAFETY: a `Level` above scalar is only made by `detect`
                    // or after `is_available`, so the features are there.
                    return unsafe { avx2($($arg),*) };
                }
            }
            let _ = level;
            $body($($arg),*)
        }
    };
}
pub(crate) use dispatch;
