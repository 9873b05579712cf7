//! A model's name, file or record → its shape. A header is read by the engine; what it costs is not its
//! business.

use std::path::Path;

use anyhow::{Result, bail};
use llm_cost::catalogue::CacheLayers;
use llm_cost::{Bytes, Catalogue, Shape};
use llm_engine::model::Summary;
use llm_engine::spec::Spec;
use llm_gguf::{Gguf, TensorInfo, shard_paths};
use llm_record::Record;

/// Returns the shape of what a user named: a GGUF file, or a model of the catalogue.
pub(crate) fn named(name: &str, catalogue: &Catalogue) -> Result<Shape> {
    let name = &*llm_store::plain_name(name);
    let path = Path::new(name);
    let is_file = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"));
    if is_file || path.is_file() {
        return from_file(path);
    }
    from_name(name, catalogue)
}

/// Returns the shape of a model or repository, `NAME` or `NAME:QUANT`.
fn from_name(name: &str, catalogue: &Catalogue) -> Result<Shape> {
    if let Some(shape) = listed(name, catalogue) {
        return Ok(shape);
    }
    let unknown = match catalogue.shape(name) {
        Ok(shape) => return Ok(shape),
        Err(unknown) => unknown,
    };
    match catalogue.machine(name) {
        Ok(machine) => bail!(
            "'{name}' is a machine and no model; llm-cost floor --machine {} says what it runs",
            machine.id
        ),
        Err(_) => Err(unknown.into()),
    }
}

/// Returns the shape of a name or repository that `llm-pull` knows: of the file that it would fetch, whose
/// size is known, where no other quantization is asked for.
fn listed(name: &str, catalogue: &Catalogue) -> Option<Shape> {
    let (base, quant) = match name.rsplit_once(':') {
        Some((base, quant)) => (base, Some(quant)),
        None => (name, None),
    };
    let is_named = |entry: &&llm_store::Entry| {
        entry.name.eq_ignore_ascii_case(base) || entry.repo.eq_ignore_ascii_case(base)
    };
    let entry = llm_store::catalogue().ok()?.iter().find(is_named)?;
    let by_name = catalogue.model(&entry.name);
    let model = by_name.or_else(|_| catalogue.model(&entry.repo)).ok()?;
    let own = &entry.gguf.as_ref()?.quantization;
    let quant = quant.unwrap_or(own);
    let is_seen = model
        .files
        .iter()
        .any(|file| file.quant.eq_ignore_ascii_case(quant));
    let is_own = own.eq_ignore_ascii_case(quant);
    match entry.about_bytes().filter(|_| !is_seen && is_own) {
        Some(bytes) => Some(Shape::of_file(model, quant, Bytes(bytes as f64))),
        None => catalogue.shape_of(model, quant).ok(),
    }
}

/// Returns the shapes of the `model` records of a text, and how many other lines there were.
pub(crate) fn recorded(text: &str, catalogue: &Catalogue) -> (Vec<Result<Shape>>, usize) {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut others = 0;
    let mut shapes = Vec::new();
    for line in lines {
        let Ok(Record::Model(model)) = serde_json::from_str(line) else {
            others += 1;
            continue;
        };
        let path = model
            .path
            .as_deref()
            .map(Path::new)
            .filter(|path| path.is_file());
        let quant = model.quantization.as_deref();
        let names = [model.repo.as_deref(), Some(model.name.as_str())];
        shapes.push(match path {
            Some(path) => from_file(path),
            None => {
                let is_known = |name: &&str| catalogue.model(name).is_ok();
                let names = names.into_iter().flatten();
                let name = { names }.find(is_known).unwrap_or(&model.name);
                match quant {
                    Some(quant) => from_name(&format!("{name}:{quant}"), catalogue),
                    None => from_name(name, catalogue),
                }
            }
        });
    }
    (shapes, others)
}

/// Reads a GGUF header, all shards of a split model.
fn from_file(path: &Path) -> Result<Shape> {
    let gguf = Gguf::open(&shard_paths(path))?;
    let summary = Summary::of(&gguf);
    let spec = match Spec::from_gguf(&gguf, None) {
        Ok(spec) => spec,
        Err(reason) => bail!(
            "'{}': {reason}; name its model of 'llm-cost catalogue models' instead",
            path.display()
        ),
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Shape {
        model: name.into_owned(),
        quant: summary.quantization,
        weights: Bytes(summary.weight_bytes as f64),
        params_b: summary.parameters as f64 / 1e9,
        active_b: active(gguf.tensors(), &spec) / 1e9,
        is_moe: spec.experts.is_some(),
        layers: spec.layers.len() as u32,
        cache: cache(&spec),
        // In 32-bit floats, one for each sequence.
        state: Bytes((spec.state_elements() * size_of::<f32>()) as f64),
        context: summary.context_length,
    })
}

/// Returns the weights that a token goes through: its experts, and no row of the embedding but its own,
/// unless that is the head as well.
fn active(tensors: &[TensorInfo], spec: &Spec) -> f64 {
    let share = spec.experts.map_or(1.0, |experts| {
        experts.used as f64 / experts.count.max(1) as f64
    });
    let has_head = tensors.iter().any(|tensor| tensor.name == "output.weight");
    let met = |tensor: &TensorInfo| {
        let elements = tensor.elements() as f64;
        match tensor.name.as_str() {
            "token_embd.weight" if has_head => 0.0,
            name if name.contains("_exps.") => elements * share,
            _ => elements,
        }
    };
    tensors.iter().map(met).sum()
}

/// Returns what the layers keep, layers with one window together.
fn cache(spec: &Spec) -> Vec<CacheLayers> {
    let absorbed = spec.mla.filter(|mla| mla.absorbed);
    let mut parts: Vec<CacheLayers> = Vec::new();
    for (index, layer) in spec.layers.iter().enumerate() {
        // A state does not grow with the context, and shared keys are kept once.
        if !layer.attends || layer.kv_source_layer.is_some() {
            continue;
        }
        let elements = match absorbed {
            Some(mla) => (mla.kv_lora_rank + spec.rope_dim) as f64,
            None => (spec.key_width(index) + spec.value_width(index)) as f64,
        };
        let window = layer.window.map(|window| window as u64);
        let alike = |part: &&mut CacheLayers| part.window == window && part.elements == elements;
        match parts.iter_mut().find(alike) {
            Some(part) => part.layers += 1,
            None => parts.push(CacheLayers {
                layers: 1,
                elements,
                window,
            }),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use llm_engine::synthetic::Synthetic;

    use super::*;

    /// What `llm-pull` can fetch, by its name and by its repository, is in the file that it fetches.
    #[test]
    fn names_and_repositories_that_can_be_pulled_have_shapes() {
        let all = Catalogue::builtin();
        for entry in llm_store::catalogue().unwrap() {
            // Encoders generate nothing.
            let Some(gguf) = &entry.gguf else { continue };
            let shapes = [&entry.name, &entry.repo].map(|name| named(name, all).unwrap());
            assert_eq!(shapes[0], shapes[1], "{}", entry.name);
            assert_eq!(shapes[0].quant, gguf.quantization, "{}", entry.name);
            let bytes = entry.about_bytes().unwrap() as f64;
            let share = shapes[0].weights.0 / bytes;
            assert!((0.97..1.03).contains(&share), "{}: {share}", entry.name);
        }
    }

    /// A header says the same as the catalogue's row of its model.
    #[test]
    fn headers_and_rows_agree() {
        for (name, id) in [
            ("llama-3.2-1b:q8_0", "llama-3.2-1b"),
            ("llama-3.3-70b:q8_0", "llama-3.3-70b"),
            ("gemma-3-270m:q8_0", "gemma-3-270m"),
        ] {
            let synthetic = Synthetic::parse(name).unwrap();
            let spec = Spec::from_metadata(&synthetic.metadata()).unwrap();
            let model = Catalogue::builtin().model(id).unwrap();
            assert_eq!(spec.layers.len() as u32, model.layers, "{name}");
            let shape = |cache| Shape {
                cache,
                ..Shape::default()
            };
            let kind = llm_cost::CacheType::F16;
            for tokens in [1.0, 300.0, 10_000.0] {
                let theirs = shape(model.cache.clone()).cache(tokens, kind);
                assert_eq!(shape(cache(&spec)).cache(tokens, kind), theirs, "{name}");
            }
        }
    }
}
