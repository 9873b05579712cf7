//! What the converter makes of tensors that GGUF files hold in another form: which
//! elements go where. What the numbers become is computed in `derived_tensors`.

use super::config::Config;
use super::order::{Order, Walk};
use super::{FolderError, latent, state};
use llm_gguf::TensorInfo;

/// What becomes of a tensor. Shapes are those of the folder, the slowest-running extent
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is as it is.
    Same,
    /// Each number plus one.
    PlusOne,
    /// Extents of one are left out.
    Flat,
    /// (experts, m, n) becomes (experts, n, m), or (m, n) becomes (n, m).
    Transposed,
    /// (experts, m, 2 n), in which gates and ups take turns, becomes two of
    /// (experts, n, m).
    GateUpColumns,
    /// The same with gates before ups.
    GateUpColumnHalves,
    /// (experts, 2 n), gates and ups in turns, becomes two of (experts, n).
    GateUpPairs,
    /// (2 m, n), gates before ups, becomes two of (m, n).
    GateUpRows,
    /// (heads × (keys + values), n) becomes (heads, n, keys) and (heads, values, n).
    KeysAndValues,
    /// (heads of keys × (queries to each + key + value), n) becomes all queries, then all
    /// keys, then all values.
    QueriesKeysValues,
    /// Heads of values, a row each, which stand beside the head of keys that they
    /// share, are put in its turn: the first of all, then the second of all.
    ValueHeads,
    /// The same with minus the exponential of each number.
    Decay,
    /// Minus the exponential of each number, as they stand.
    MinusExp,
    /// (heads of keys × (queries + keys + values + gates), n), what belongs to one head of
    /// keys together, becomes all queries, keys and values, and all gates.
    MixedAndGates,
    /// The heads of values with as many rows a head as it is long.
    ValueRows,
    /// The same behind the rows of queries and keys, which stay.
    MixedRows,
    /// The same with columns.
    ValueColumns,
}

/// What happens to each number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Each {
    Kept,
    PlusOne,
    /// Minus its exponential.
    Decay,
}

/// A tensor that is made.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) name: String,
    /// Extents, the fastest-running first.
    pub(super) shape: Vec<u64>,
    /// The elements that it takes; `None` for all as they stand.
    pub(super) order: Option<Order>,
    pub(super) each: Each,
}

/// Why a tensor cannot be changed: a number that the config lacks, or its shape.
pub(super) enum Misfit {
    Config(FolderError),
    Shape,
}

impl From<FolderError> for Misfit {
    fn from(error: FolderError) -> Self {
        Self::Config(error)
    }
}

impl Change {
    /// Returns what becomes of the tensor of a name.
    pub(super) fn of(name: &str, config: &Config) -> Self {
        let mut changes = config.kind.changes.iter();
        let found = changes.find(|(ending, _)| name.ends_with(ending));
        found.map_or(Self::Same, |(_, change)| *change)
    }

    /// Returns the tensors that are made of one.
    pub(super) fn pieces(self, tensor: &TensorInfo, config: &Config) -> Result<Vec<Piece>, Misfit> {
        let whole = |shape: Vec<u64>, order, each| {
            vec![Piece {
                name: tensor.name.clone(),
                shape,
                order,
                each,
            }]
        };
        let shape = tensor.shape.clone();
        let pieces = match self {
            Self::Same => whole(shape, None, Each::Kept),
            Self::PlusOne => whole(shape, None, Each::PlusOne),
            Self::Flat => whole(flat(&shape), None, Each::Kept),
            Self::MinusExp => whole(shape, None, Each::Decay),
            Self::Transposed => {
                let (shape, order) = transposed(&shape)?;
                whole(shape, Some(order), Each::Kept)
            }
            Self::GateUpColumns => {
                let [both, rows, count] = extents(&shape)?;
                let inner = both / 2;
                halves(tensor, both, &[rows, inner, count], |first| {
                    Order::of(first, &[(count, rows * both), (inner, 2), (rows, both)])
                })?
            }
            Self::GateUpColumnHalves => {
                let [both, rows, count] = extents(&shape)?;
                let inner = both / 2;
                halves(tensor, both, &[rows, inner, count], |half| {
                    let steps = [(count, rows * both), (inner, 1), (rows, both)];
                    Order::of(half * inner, &steps)
                })?
            }
            Self::GateUpPairs => {
                let [both, count] = extents(&shape)?;
                let inner = both / 2;
                halves(tensor, both, &[inner, count], |first| {
                    Order::of(first, &[(count * inner, 2)])
                })?
            }
            Self::GateUpRows => {
                let [columns, both] = extents(&shape)?;
                let inner = both / 2;
                halves(tensor, both, &[columns, inner], |half| {
                    Order::of(half * inner * columns, &[(inner * columns, 1)])
                })?
            }
            Self::KeysAndValues => keys_and_values(tensor, &latent::Lengths::of(config)?)?,
            Self::QueriesKeysValues => {
                let order = queries_keys_values(&shape, config)?;
                whole(shape, Some(order), Each::Kept)
            }
            Self::MixedAndGates => Values::of(config)?.mixed_and_gates(tensor)?,
            Self::Decay => {
                let order = Values::of(config)?.order(&shape, self)?;
                whole(shape, order, Each::Decay)
            }
            Self::ValueHeads | Self::ValueRows | Self::MixedRows | Self::ValueColumns => {
                let shape = flat(&shape);
                let order = Values::of(config)?.order(&shape, self)?;
                whole(shape, order, Each::Kept)
            }
        };
        if pieces.iter().all(|piece| piece.fits(tensor)) {
            Ok(pieces)
        } else {
            Err(Misfit::Shape)
        }
    }
}

impl Piece {
    /// Returns whether its elements are some of the tensor's.
    fn fits(&self, tensor: &TensorInfo) -> bool {
        let wanted = self.shape.iter().product();
        let order = self.order.as_ref();
        !self.shape.contains(&0) && order.is_none_or(|order| order.fits(tensor.elements(), wanted))
    }
}

/// Returns the shape of what is transposed, and its order.
fn transposed(shape: &[u64]) -> Result<(Vec<u64>, Order), Misfit> {
    let (columns, rows, count) = match *shape {
        [columns, rows] => (columns, rows, 1),
        [columns, rows, count] => (columns, rows, count),
        _ => return Err(Misfit::Shape),
    };
    let mut turned = shape.to_vec();
    turned.swap(0, 1);
    let steps = [(count, rows * columns), (columns, 1), (rows, columns)];
    Ok((turned, Order::of(0, &steps)))
}

fn extents<const N: usize>(shape: &[u64]) -> Result<[u64; N], Misfit> {
    shape.try_into().map_err(|_| Misfit::Shape)
}

/// Leaves out extents of one, but for one that is alone.
fn flat(shape: &[u64]) -> Vec<u64> {
    let mut flat = shape.to_vec();
    flat.retain(|&extent| extent != 1);
    if flat.is_empty() { vec![1] } else { flat }
}

/// Gates and ups; `order` is told which half it is.
fn halves(
    tensor: &TensorInfo,
    both: u64,
    shape: &[u64],
    order: impl Fn(u64) -> Order,
) -> Result<Vec<Piece>, Misfit> {
    if !both.is_multiple_of(2) {
        return Err(Misfit::Shape);
    }
    let half = |(first, name): (u64, &str)| Piece {
        name: tensor.name.replace("ffn_gate_up", name),
        shape: shape.to_vec(),
        order: Some(order(first)),
        each: Each::Kept,
    };
    Ok([(0, "ffn_gate"), (1, "ffn_up")].map(half).into())
}

fn keys_and_values(tensor: &TensorInfo, lengths: &latent::Lengths) -> Result<Vec<Piece>, Misfit> {
    let [columns, rows] = extents(&tensor.shape)?;
    let (heads, keys, values) = (lengths.heads, lengths.unrotated, lengths.value);
    let of_head = keys.checked_add(values).ok_or(Misfit::Shape)?;
    if heads.checked_mul(of_head) != Some(rows) {
        return Err(Misfit::Shape);
    }
    let head = (heads, of_head * columns);
    let piece = |name: &str, shape: [u64; 3], order| Piece {
        name: tensor.name.replace("attn_kv_b", name),
        shape: shape.to_vec(),
        order: Some(order),
        each: Each::Kept,
    };
    Ok(vec![
        piece(
            "attn_k_b",
            [keys, columns, heads],
            Order::of(0, &[head, (columns, 1), (keys, columns)]),
        ),
        piece(
            "attn_v_b",
            [columns, values, heads],
            Order::of(keys * columns, &[head, (values * columns, 1)]),
        ),
    ])
}

/// Returns the order of rows, or of numbers, that stand by heads of keys.
fn queries_keys_values(shape: &[u64], config: &Config) -> Result<Order, Misfit> {
    let (columns, rows) = match *shape {
        [rows] => (1, rows),
        [columns, rows] => (columns, rows),
        _ => return Err(Misfit::Shape),
    };
    let (heads, groups) = (config.needed("num_attention_heads")?, config.kv_heads()?);
    let shared = heads.checked_div(groups).ok_or(Misfit::Shape)?;
    let of_group = rows.checked_div(groups).ok_or(Misfit::Shape)?;
    let in_group = shared.checked_add(2).ok_or(Misfit::Shape)?;
    let head = of_group / in_group;
    if shared * groups != heads || head * in_group * groups != rows {
        return Err(Misfit::Shape);
    }
    let walk = |first: u64, heads: u64| {
        let of_group = of_group * columns;
        let rows = heads * head * columns;
        Walk::of(first * head * columns, &[(groups, of_group), (rows, 1)])
    };
    Ok(Order {
        walks: vec![walk(0, shared), walk(shared, 1), walk(shared + 1, 1)],
    })
}

/// Heads of values that share heads of keys.
struct Values {
    /// Heads of keys.
    keys: u64,
    /// Heads of values to each.
    shared: u64,
    /// Elements of a head of values.
    length: u64,
    /// Rows of queries and keys before those of values.
    before: u64,
}

impl Values {
    fn of(config: &Config) -> Result<Self, Misfit> {
        let heads = state::Heads::of(config)?;
        let before = heads.keys.checked_mul(heads.key_length);
        let before = before.and_then(|rows| rows.checked_mul(2));
        let shared = heads.values.checked_div(heads.keys).ok_or(Misfit::Shape)?;
        if !heads.values.is_multiple_of(heads.keys) {
            return Err(Misfit::Shape);
        }
        Ok(Self {
            keys: heads.keys,
            shared,
            length: heads.value_length,
            before: before.ok_or(Misfit::Shape)?,
        })
    }

    /// Returns the tensors that are made of one in which heads of keys stand with all
    /// that belongs to them.
    fn mixed_and_gates(&self, tensor: &TensorInfo) -> Result<Vec<Piece>, Misfit> {
        let [columns, rows] = extents(&tensor.shape)?;
        let product = |one: u64, other: u64| one.checked_mul(other).ok_or(Misfit::Shape);
        // Of one head of keys.
        let key = self.before / 2 / self.keys.max(1);
        let values = product(self.shared, self.length)?;
        let all = key.checked_add(values).and_then(|half| half.checked_mul(2));
        let all = all.ok_or(Misfit::Shape)?;
        if product(self.keys, all)? != rows {
            return Err(Misfit::Shape);
        }
        let walk = |first: u64, rows: u64| {
            Walk::of(
                first * columns,
                &[(self.keys, all * columns), (rows * columns, 1)],
            )
        };
        let piece = |name: &str, rows: u64, walks: Vec<Walk>| Piece {
            name: tensor.name.replace("attn_qkvz", name),
            shape: vec![columns, rows],
            order: Some(Order { walks }),
            each: Each::Kept,
        };
        let mixed = vec![walk(0, key), walk(key, key), walk(2 * key, values)];
        Ok(vec![
            piece("attn_qkv", self.keys * (2 * key + values), mixed),
            piece(
                "attn_gate",
                self.keys * values,
                vec![walk(2 * key + values, values)],
            ),
        ])
    }

    /// Returns the order of a tensor's elements, `None` for the one that they have.
    fn order(&self, shape: &[u64], change: Change) -> Result<Option<Order>, Misfit> {
        let (columns, rows) = match *shape {
            [rows] => (1, rows),
            [columns, rows] => (columns, rows),
            _ => return Err(Misfit::Shape),
        };
        let (first, unit) = match change {
            Change::ValueRows | Change::ValueColumns => (0, self.length),
            Change::MixedRows => (self.before, self.length),
            _ => (0, 1),
        };
        let heads = self.keys.checked_mul(self.shared).ok_or(Misfit::Shape)?;
        let all = heads
            .checked_mul(unit)
            .and_then(|all| all.checked_add(first));
        let extent = match change {
            Change::ValueColumns => columns,
            _ => rows,
        };
        if all != Some(extent) {
            return Err(Misfit::Shape);
        }
        if self.shared == 1 {
            return Ok(None);
        }
        let turns = |unit: u64| {
            [
                (self.shared, unit),
                (self.keys, self.shared * unit),
                (unit, 1),
            ]
        };
        if change == Change::ValueColumns {
            let [outer, middle, inner] = turns(unit);
            return Ok(Some(Order::of(0, &[(rows, columns), outer, middle, inner])));
        }
        let mut walks = vec![Walk::of(first * columns, &turns(unit * columns))];
        if first > 0 {
            walks.insert(0, Walk::of(0, &[(first * columns, 1)]));
        }
        Ok(Some(Order { walks }))
    }
}
