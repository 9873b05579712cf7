//! Heads of keys: how many there are, and where their rows stand.

use serde_json::json;

use super::{metadata, read, told, whole};
use llm_gguf::{TensorInfo, TensorType};

#[test]
fn heads_of_keys_are_said_in_many_ways() {
    for (more, expected) in [
        (json!({ "num_key_value_heads": 2 }), 2),
        (
            json!({ "num_kv_heads": 2, "new_decoder_architecture": true }),
            2,
        ),
        (json!({ "new_decoder_architecture": true }), 4),
        (
            json!({ "num_kv_heads": 2, "new_decoder_architecture": false }),
            1,
        ),
        (json!({}), 1),
        (json!({ "multi_query": false }), 4),
    ] {
        let mut values = whole("falcon");
        values["num_key_value_heads"] = json!(null);
        values
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let config = read(&values).unwrap();
        assert_eq!(config.kv_heads().unwrap(), expected, "{more}");
    }
}

/// Two heads of keys with two heads of queries each: rows 0 to 3 belong to the first.
#[test]
fn rows_that_stand_by_heads_of_keys_are_put_in_order() {
    let config = read(&whole("falcon")).unwrap();
    let tensor = |name: &str, shape: &[u64]| TensorInfo {
        name: name.to_owned(),
        shape: shape.to_vec(),
        dtype: TensorType(0),
        shard: 0,
        offset: 0,
        size: None,
    };
    let change = |tensor: &TensorInfo| {
        let pieces = crate::changes::Change::of(&tensor.name, &config).pieces(tensor, &config);
        let pieces = pieces.unwrap_or_default();
        let count = pieces.first()?.shape.iter().product::<u64>();
        let bytes: Vec<u8> = (0..count as u8).collect();
        let mut out = vec![0; count as usize];
        pieces[0].order.as_ref()?.copy(&bytes, 1, 0, &mut out);
        Some(out)
    };
    // (query, query, key, value) of one head each, then the same of the other.
    let bias = change(&tensor("blk.0.attn_qkv.bias", &[8]));
    assert_eq!(bias.unwrap(), [0, 1, 4, 5, 2, 6, 3, 7]);
    let matrix = change(&tensor("blk.0.attn_qkv.weight", &[3, 8]));
    let rows: Vec<u8> = matrix.unwrap().chunks(3).map(|row| row[0] / 3).collect();
    assert_eq!(rows, [0, 1, 4, 5, 2, 6, 3, 7]);
    assert!(change(&tensor("blk.0.attn_qkv.bias", &[9])).is_none());
}

#[test]
fn a_number_that_is_listed_for_each_layer_is_one_number() {
    let of = |list| {
        metadata(
            "hunyuan_v1_moe",
            &json!({ "moe_topk": list, "num_experts_per_tok": null }),
        )
    };
    let found = of(json!([3, 3, 3, 3])).unwrap();
    assert_eq!(found.u64("hunyuan-moe.expert_used_count").unwrap(), Some(3));
    let told_one = told(
        "hunyuan_v1_moe",
        &json!({ "moe_intermediate_size": [3, 4] }),
    );
    assert!(
        told_one.contains("'moe_intermediate_size' is [3,4]"),
        "{told_one}"
    );
    assert!(of(json!([])).is_err());
}

#[test]
fn the_rotation_of_far_positions_is_no_obstacle_where_the_kind_has_it() {
    let far = json!({ "rope_scaling": { "type": "dynamic", "factor": 2.0 } });
    assert!(metadata("internlm2", &far).is_ok());
    let qwen = metadata("qwen", &json!({ "seq_length": 256 })).unwrap();
    assert_eq!(qwen.u64("qwen.context_length").unwrap(), Some(256));
}
