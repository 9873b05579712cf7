//! Which safetensors files of a folder or repository are one model. Works on
//! names alone, as `select` does for GGUF.

/// Returns whether a name is that of a safetensors file.
pub(crate) fn is_safetensors(file: &str) -> bool {
    file.to_ascii_lowercase().ends_with(".safetensors")
}

/// Returns the safetensors files of the model among `files`: those called
/// `model…` where its configuration lies, else all. What stands beside those
/// (`consolidated.safetensors`, `onnx/…`) are the same weights once more, or an
/// adapter.
pub(crate) fn weights(files: &[String]) -> Vec<String> {
    let all = || files.iter().filter(|file| file.ends_with(".safetensors"));
    let usual = all().filter(|file| file.starts_with("model") && !file.contains('/'));
    let usual: Vec<String> = usual.cloned().collect();
    if usual.is_empty() {
        return all().cloned().collect();
    }
    usual
}

/// (How names of weights in other forms end, what the form is.)
const FOREIGN: [(&str, &str); 9] = [
    (".bin", "PyTorch's"),
    (".pt", "PyTorch's"),
    (".pth", "PyTorch's"),
    (".ckpt", "PyTorch's"),
    (".h5", "TensorFlow's"),
    (".msgpack", "Flax's"),
    (".onnx", "ONNX"),
    (".npz", "MLX's"),
    (".mlmodel", "Core ML's"),
];

/// Names weights that are not read, where `files` have such: a folder or repository
/// with nothing else has a model, and not in a form that can be run.
pub(crate) fn foreign<'a>(files: impl Iterator<Item = &'a str>) -> Option<String> {
    let form = |file: &'a str| {
        let lower = file.to_ascii_lowercase();
        // Settings of a training lie beside the weights in the same form.
        let is_settings = lower.contains("training_args") || lower.contains("optimizer");
        let mut forms = FOREIGN.iter().filter(|_| !is_settings);
        let form = forms.find(|(ending, _)| lower.ends_with(ending))?;
        Some((file, form.1))
    };
    let (file, form) = files.filter_map(form).next()?;
    Some(format!(
        "'{file}', weights in {form} form, which is not read; the same model as safetensors or GGUF is"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_copies_of_the_weights_are_left_out() {
        let weights = |files: &[&str]| {
            let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
            super::weights(&files)
        };
        let shards = [
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
        ];
        let beside = [
            "config.json",
            "consolidated.safetensors",
            "x/model.safetensors",
        ];
        assert_eq!(weights(&[&beside[..], &shards].concat()), shards);
        assert_eq!(weights(&["a.safetensors", "b.txt"]), ["a.safetensors"]);
        assert!(weights(&["config.json"]).is_empty());
        let told = |files: &[&'static str]| foreign(files.iter().copied());
        let pickled = told(&["config.json", "training_args.bin", "pytorch_model.bin"]);
        assert!(
            pickled
                .unwrap()
                .starts_with("'pytorch_model.bin', weights in PyTorch's form")
        );
        assert_eq!(told(&["config.json", "README.md"]), None);
        assert!(is_safetensors("x/MODEL.SafeTensors") && !is_safetensors("model.gguf"));
    }
}
