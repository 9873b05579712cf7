//! The weights of a stream with copies, see [`crate::spec::AltUpSpec`], and of the step of
//! low rank that such layers have beside attention (Gemma 3n).

use super::{Linear, Norm};

/// What makes the copies of a freshly embedded stream, and one stream of them at the end.
#[derive(Debug)]
pub struct Copies {
    /// (`hidden_size`, `hidden_size`) for each copy but the first.
    pub projections: Vec<Linear>,
    /// The same for the way back.
    pub unprojections: Vec<Linear>,
}

/// How a layer predicts and corrects the copies. A router says what a row is like, in
/// as many numbers as there are copies, of which all else is made.
#[derive(Debug)]
pub struct AltUp {
    /// (`hidden_size`)
    pub router_norm: Norm,
    /// (copies, `hidden_size`)
    pub router: Vec<f32>,
    /// (copies of the result, copies of the stream, copies)
    pub prediction: Vec<f32>,
    /// (copies, copies)
    pub correction: Vec<f32>,
    /// What the corrected copy is multiplied by for the layer's own input,
    /// (`hidden_size`).
    pub scale: Vec<f32>,
    /// (rank, `hidden_size`)
    pub laurel_down: Linear,
    /// (`hidden_size`, rank)
    pub laurel_up: Linear,
    /// (`hidden_size`)
    pub laurel_norm: Norm,
}
