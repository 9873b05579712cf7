//! Answers for people: [`table`]s and sentences, the formulas with the numbers in them ([`explain`]), and
//! pictures ([`plot`]). All of them are text; where it goes is the program's business.

mod format;

pub mod explain;
pub mod plot;
pub mod table;
