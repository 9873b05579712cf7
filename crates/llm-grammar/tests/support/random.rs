//! Random small schemas.

use serde_json::{Map, Value, json};

/// A generator of random numbers (xorshift64*), so that a seed names a schema for good.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns a number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % bound
    }

    pub(crate) fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.below(list.len())]
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// The scalars that the schemas are about.
pub(crate) fn scalars() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(10),
        json!(""),
        json!("a"),
        json!("ab"),
    ]
}

/// Returns a random schema about the scalars, and arrays and objects of them with properties a and b.
pub(crate) fn schema(random: &mut Random, depth: usize) -> Value {
    if depth == 0 || random.chance(5) {
        return leaf(random);
    }
    let mut map = Map::new();
    for _ in 0..=random.below(2) {
        keyword(random, depth - 1, &mut map);
    }
    Value::Object(map)
}

fn leaf(random: &mut Random) -> Value {
    let mut map = Map::new();
    match random.below(10) {
        0 => return json!(random.chance(70)),
        1 | 2 => {
            let count = 1 + random.below(3);
            let list = (0..count).map(|_| random.pick(&scalars()).clone());
            map.insert("enum".into(), list.collect());
        }
        3 => {
            map.insert("const".into(), random.pick(&scalars()).clone());
        }
        4 => scalar_keyword(random, &mut map),
        _ => {
            let types = [
                "null", "boolean", "integer", "number", "string", "array", "object",
            ];
            map.insert("type".into(), json!(random.pick(&types)));
        }
    }
    Value::Object(map)
}

fn scalar_keyword(random: &mut Random, map: &mut Map<String, Value>) {
    let (keyword, value) = match random.below(9) {
        0 => ("minimum", json!(random.below(12))),
        1 => ("maximum", json!(random.below(12))),
        2 => ("exclusiveMinimum", json!(random.below(11))),
        3 => ("exclusiveMaximum", json!(1 + random.below(11))),
        4 => (
            "multipleOf",
            random.pick(&[json!(2), json!(0.5), json!(5)]).clone(),
        ),
        5 => ("minLength", json!(random.below(3))),
        6 => ("maxLength", json!(random.below(3))),
        7 => (
            "pattern",
            json!(random.pick(&["^a", "b$", "a", "^(a|ab)$", "^[^a]*$"])),
        ),
        _ => ("type", json!(["string", "integer"])),
    };
    map.insert(keyword.into(), value);
}

fn names(random: &mut Random) -> Value {
    let lists = [json!([]), json!(["a"]), json!(["b"]), json!(["a", "b"])];
    random.pick(&lists).clone()
}

fn keyword(random: &mut Random, depth: usize, map: &mut Map<String, Value>) {
    let inner = |random: &mut Random| schema(random, depth);
    let (keyword, value) = match random.below(25) {
        0 | 1 => ("not", inner(random)),
        2 | 3 => ("allOf", json!([inner(random), inner(random)])),
        4 | 5 => ("anyOf", json!([inner(random), inner(random)])),
        6 | 7 => ("oneOf", json!([inner(random), inner(random)])),
        8 => {
            map.insert("then".into(), inner(random));
            if random.chance(50) {
                map.insert("else".into(), inner(random));
            }
            ("if", inner(random))
        }
        9 | 10 => (
            "properties",
            json!({"a": inner(random), "b": inner(random)}),
        ),
        11 => ("properties", json!({"b": inner(random)})),
        12 => ("required", names(random)),
        13 => ("additionalProperties", inner(random)),
        14 => {
            let pattern = *random.pick(&["^a", "b", "^(a|b)$", "[^b]"]);
            ("patternProperties", json!({(pattern): inner(random)}))
        }
        15 => ("propertyNames", inner(random)),
        16 => ("minProperties", json!(random.below(3))),
        17 => ("maxProperties", json!(random.below(3))),
        18 => ("dependentRequired", json!({"a": names(random)})),
        19 => ("prefixItems", json!([inner(random), inner(random)])),
        20 => ("items", inner(random)),
        21 => ("minItems", json!(random.below(3))),
        22 => ("maxItems", json!(random.below(3))),
        23 => {
            if random.chance(30) {
                map.insert("maxContains".into(), json!(random.below(3)));
                map.insert("minContains".into(), json!(random.below(2)));
            }
            ("contains", inner(random))
        }
        _ => match random.below(4) {
            0 => ("uniqueItems", json!(true)),
            1 => ("unevaluatedProperties", inner(random)),
            2 => ("unevaluatedItems", inner(random)),
            _ => ("dependentSchemas", json!({"b": inner(random)})),
        },
    };
    map.insert(keyword.into(), value);
    if random.chance(25) {
        scalar_keyword(random, map);
    }
}
