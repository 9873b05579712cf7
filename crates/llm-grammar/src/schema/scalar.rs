//! The keywords of JSON Schema about numbers and texts, and `type`.

use serde_json::Value;

use super::document::Dialect;
use super::format::{KNOWN, lookup};
use super::number::{Bound, Numbers, Step, exact};
use super::read::Site;
use super::shape::{Refusal, Shape};
use super::solve::Solver;
use super::text::Texts;
use crate::regular::language::Language;
use crate::regular::pattern::PatternFault;

impl Solver<'_> {
    pub(super) fn bound(
        &self,
        site: &Site,
        keyword: &str,
        value: &Value,
    ) -> Result<Option<Numbers>, Refusal> {
        let exclusive = keyword.starts_with("exclusive");
        let is_low = keyword.ends_with("inimum");
        if let (true, Value::Bool(_)) = (self.document.dialect == Dialect::Draft4, value) {
            return Ok(None);
        }
        let other = if is_low {
            "exclusiveMinimum"
        } else {
            "exclusiveMaximum"
        };
        let flagged = site.map.get(other) == Some(&Value::Bool(true));
        if !value.is_number() {
            return Err(site.invalid(keyword, "it is no number"));
        }
        let at = exact(value).ok_or_else(|| {
            site.origin(keyword)
                .refusal(format!("{value} has more digits than are kept apart"))
        })?;
        let bound = Some(Bound {
            at,
            exclusive: exclusive || (flagged && self.document.dialect == Dialect::Draft4),
        });
        let mut numbers = Numbers::default();
        if is_low {
            numbers.low = bound;
        } else {
            numbers.high = bound;
        }
        Ok(Some(numbers))
    }
}

pub(super) fn of_numbers(numbers: Numbers) -> Shape {
    Shape {
        numbers: vec![numbers],
        ..Shape::any()
    }
}

pub(super) fn of_texts(texts: Texts) -> Shape {
    Shape {
        texts: vec![texts],
        ..Shape::any()
    }
}

pub(super) fn types(site: &Site, value: &Value) -> Result<Shape, Refusal> {
    let names = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(names) => names.as_slice(),
        _ => return Err(site.invalid("type", "it is neither a type nor a list of types")),
    };
    let any = Shape::any();
    let mut shape = Shape::default();
    for name in names {
        match name.as_str() {
            Some("null") => shape.null = true,
            Some("boolean") => (shape.yes, shape.no) = (true, true),
            Some("number") => shape.numbers.clone_from(&any.numbers),
            Some("integer") if shape.numbers.is_empty() => shape.numbers.push(Numbers {
                whole: true,
                ..Numbers::default()
            }),
            Some("integer") => {}
            Some("string") => shape.texts.clone_from(&any.texts),
            Some("array") => shape.arrays.clone_from(&any.arrays),
            Some("object") => shape.objects.clone_from(&any.objects),
            _ => {
                let reason = format!("{name} is no type of JSON Schema");
                return Err(site.invalid("type", &reason));
            }
        }
    }
    Ok(shape)
}

pub(super) fn step(site: &Site, value: &Value) -> Result<Numbers, Refusal> {
    if !value.as_f64().is_some_and(|step| step > 0.0) {
        return Err(site.invalid("multipleOf", "it is no number above 0"));
    }
    let origin = site.origin("multipleOf");
    let step = Step::read(value)
        .ok_or_else(|| origin.refusal(format!("{value} has too many digits for a step")))?;
    Ok(Numbers {
        step: Some((step, origin)),
        ..Numbers::default()
    })
}

pub(super) fn text_keyword(site: &Site, keyword: &str, value: &Value) -> Result<Texts, Refusal> {
    let mut texts = Texts::default();
    if let Some(count) = (keyword == "minLength" || keyword == "maxLength")
        .then(|| site.count(keyword))
        .transpose()?
    {
        if keyword == "minLength" {
            texts.min = count.unwrap_or(0);
        } else {
            texts.max = count;
        }
        return Ok(texts);
    }
    let Value::String(text) = value else {
        return Err(site.invalid(keyword, "it is no string"));
    };
    let origin = site.origin(keyword);
    let mut pattern = text.clone();
    if keyword == "format" {
        let Some(format) = lookup(text) else {
            let reason = format!("the format '{text}' is not known here; known are {KNOWN}");
            return Err(origin.refusal(reason));
        };
        (pattern, texts.max) = (format.pattern, format.max);
    }
    let language = Language::parse(&pattern).map_err(|fault| match fault {
        PatternFault::Invalid(reason) => site.invalid(keyword, &reason),
        PatternFault::Unsupported(reason) => origin.refusal(reason),
    })?;
    texts.inside.push((language.into(), origin));
    Ok(texts)
}
