//! The flag that adds LoRA adapters to a model's weights. What is in their files is read
//! elsewhere.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

/// What is added to a model's weights.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Model")]
pub struct LoraArgs {
    /// Add the LoRA adapter in FILE (GGUF, or a folder of PEFT) to the weights, times SCALE (1);
    /// may be repeated, and a JSON line may choose others by NAME in its field 'lora'
    #[arg(long, value_name = "[NAME=]FILE[:SCALE]")]
    pub lora: Vec<LoraArg>,
}

/// One adapter of `--lora`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraArg {
    /// What requests and records call it; `None` for what its file is called.
    pub name: Option<String>,
    /// The file or folder.
    pub path: PathBuf,
    /// What it adds is multiplied by.
    pub scale: f32,
}

impl LoraArg {
    /// Returns the name, the file and the scale.
    #[must_use]
    pub fn parts(&self) -> (Option<&str>, &Path, f32) {
        (self.name.as_deref(), &self.path, self.scale)
    }
}

impl FromStr for LoraArg {
    type Err = String;

    /// A name ends before the first `=` that has no slash before it, a scale begins behind
    /// the last colon, if a number stands there.
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) if !name.contains('/') && !name.contains('\\') => (Some(name), rest),
            _ => (None, text),
        };
        let scaled = rest.rsplit_once(':').and_then(|(path, scale)| {
            let scale: f32 = scale.parse().ok()?;
            Some((path, scale))
        });
        let (path, scale) = scaled.unwrap_or((rest, 1.0));
        if name == Some("") {
            return Err("the name before '=' is empty".to_owned());
        }
        if path.is_empty() {
            return Err("it names no file".to_owned());
        }
        if !scale.is_finite() {
            return Err(format!("the scale {scale} is not finite"));
        }
        Ok(Self {
            name: name.map(str::to_owned),
            path: PathBuf::from(path),
            scale,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_scale_may_stand_around_the_file() {
        let read = |text: &str| -> (Option<String>, String, f32) {
            let one: LoraArg = text.parse().unwrap();
            (one.name, one.path.display().to_string(), one.scale)
        };
        let name = |text: &str| Some(text.to_owned());
        let path = |text: &str| text.to_owned();
        assert_eq!(read("a.gguf"), (None, path("a.gguf"), 1.0));
        assert_eq!(read("sql=a.gguf:-0.5"), (name("sql"), path("a.gguf"), -0.5));
        assert_eq!(read("./a=b.gguf"), (None, path("./a=b.gguf"), 1.0));
        assert_eq!(read("x=dir/a=b:2"), (name("x"), path("dir/a=b"), 2.0));
        assert_eq!(read("C:\\a.gguf"), (None, path("C:\\a.gguf"), 1.0));
        assert_eq!(read("a:1:0"), (None, path("a:1"), 0.0));
        for wrong in ["", "=a", "x=", ":1", "a:inf", "a:nan"] {
            assert!(wrong.parse::<LoraArg>().is_err(), "{wrong}");
        }
    }
}
