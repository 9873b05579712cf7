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
        assert!(is_safetensors("x/MODEL.SafeTensors") && !is_safetensors("model.gguf"));
    }
}
