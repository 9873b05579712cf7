//! Pictures: the crossing, every machine, and all of it inside.

use std::collections::BTreeSet;

use super::{BY_HAND, records, tool};
use crate::harness::Sandbox;

#[test]
fn pictures_show_the_crossing_and_every_machine() {
    let sandbox = Sandbox::new();
    tool(&sandbox, &format!("{BY_HAND} --plot p.svg"))
        .run()
        .exits(0);
    let svg = std::fs::read_to_string(sandbox.path().join("p.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(
        svg.contains("<circle") && svg.contains("22.1 months"),
        "the crossing is not marked"
    );
    let lines = svg.matches("<polyline").filter(|_| true).count();
    assert!(lines >= 2, "{lines} lines");
    let floor = tool(&sandbox, "floor gpt-oss-120b --plot f.svg")
        .run()
        .exits(0);
    let svg = std::fs::read_to_string(sandbox.path().join("f.svg")).unwrap();
    let rows = records(&floor);
    let machines: Vec<_> = rows
        .iter()
        .filter_map(|row| row["machine"].as_str())
        .collect();
    assert!(machines.len() > 5);
    assert_eq!(svg.matches("<circle").count(), machines.len());
    // Who finds no room beside its point is not named, and that is said.
    let shown = names(&svg);
    let is_named = |machine: &&&str| {
        let begins = format!("{machine} ");
        shown
            .iter()
            .any(|name| name == **machine || name.starts_with(&begins))
    };
    let named = machines.iter().filter(is_named).count();
    assert!(named * 5 >= machines.len() * 4, "{named} of {shown:?}");
    let told = format!("{named} of {} points are named", machines.len());
    assert_eq!(named < machines.len(), shown.contains(&told), "{shown:?}");
    tool(&sandbox, &format!("{BY_HAND} --plot no/such.svg"))
        .run()
        .exits(2)
        .says("cannot write 'no/such.svg'");
}

/// What the answer says in words stands in its picture as well.
#[test]
fn a_payback_is_drawn_with_its_verdicts_its_life_and_its_bands() {
    let line = "payback --input-mtok 10 --machine rtx-4090-24 --local qwen3-32b";
    let svg = drawn(line);
    let shown = names(&svg);
    for part in [
        "rtx-4090-24 with qwen3-32b:Q4_K_M",
        "beyond its life (140.9 months) against anthropic/claude-sonnet-5.5; never against",
        "end of its life, 36 months",
    ] {
        assert!(
            shown.iter().any(|name| name.starts_with(part)),
            "{part}: {shown:?}"
        );
    }
    // The clouds' falling prices, and the speeds of the machine.
    assert!(
        svg.matches("<polygon").count() >= 3,
        "{}",
        svg.matches("<polygon").count()
    );
    assert!(!drawn(BY_HAND).contains("with qwen"));
}

/// Returns the picture that a command draws.
fn drawn(line: &str) -> String {
    let sandbox = Sandbox::new();
    let ran = tool(&sandbox, &format!("{line} --plot p.svg")).run();
    ran.exits(0);
    std::fs::read_to_string(sandbox.path().join("p.svg")).unwrap()
}

/// Returns the numbers of an attribute in all elements of a name, as they stand in a picture.
fn attributes(svg: &str, element: &str, name: &str) -> Vec<f64> {
    let opening = format!("<{element} ");
    let heads = svg.split(&opening).skip(1);
    let value = |head: &str| {
        let (_, rest) = head.split_once(&format!(" {name}=\""))?;
        rest.split_once('"')?.0.parse().ok()
    };
    heads
        .filter_map(|head| value(&format!(" {head}")))
        .collect()
}

/// Returns the names that a picture shows, each of which lies inside of it.
#[track_caller]
fn names(svg: &str) -> Vec<String> {
    let (width, height) = (960.0, 600.0);
    let bodies = svg.split("<text ").skip(1);
    let names: Vec<String> = bodies
        .filter_map(|text| Some(text.split_once('>')?.1.split_once('<')?.0.trim().to_owned()))
        .collect();
    let starts = attributes(svg, "text", "x");
    let lines = attributes(svg, "text", "y");
    assert_eq!((starts.len(), lines.len()), (names.len(), names.len()));
    for ((name, x), y) in names.iter().zip(starts).zip(lines) {
        assert!(
            (0.0..width).contains(&x) && (0.0..height).contains(&y),
            "{name}: {x}, {y}"
        );
    }
    names
}

#[test]
fn pictures_hold_their_marks_and_names_inside() {
    // 181.40 USD a month pay for 50,000 after 276 months, were there no interest.
    let long = BY_HAND.replace(
        "--machine-price 4000",
        "--machine-price 50000 --discount-rate 0",
    );
    let svg = drawn(&long);
    let marks = attributes(&svg, "circle", "cx");
    assert!(
        marks.len() == 1 && (100.0..850.0).contains(&marks[0]),
        "{marks:?}"
    );
    assert!(
        names(&svg).iter().any(|name| name == "275.6 months"),
        "{:?}",
        names(&svg)
    );

    // A machine that costs less than what it takes the place of: its line begins below the cloud's, and
    // the two do not meet.
    let svg = drawn(&format!("{BY_HAND} --alternative-price 9000"));
    assert_eq!(svg.matches("<circle").count(), 0);
    assert!(
        names(&svg).iter().any(|name| name == "-4000"),
        "{:?}",
        names(&svg)
    );
}

#[test]
fn models_and_machines_are_named_where_there_is_room() {
    let svg = drawn("floor --machine dgx-spark-128");
    let shown = names(&svg);
    for model in [
        "gpt-oss-120b:MXFP4",
        "llama-3.3-70b:Q4_K_M",
        "llama-3.2-1b:Q4_K_M",
    ] {
        assert!(shown.iter().any(|name| name == model), "{model}: {shown:?}");
    }
    assert_eq!(
        shown
            .iter()
            .filter(|name| *name == "dgx-spark-128 4699 USD")
            .count(),
        1,
        "{shown:?}"
    );

    // Of one machine each model stands where its need is: 43.1 GiB far right of 1.6.
    let marks = attributes(&svg, "circle", "cx");
    let ends = marks.iter().fold((960.0_f64, 0.0_f64), |ends, x| {
        (ends.0.min(*x), ends.1.max(*x))
    });
    assert!(ends.1 - ends.0 > 500.0, "{ends:?}");

    let svg = drawn("floor llama-3.2-1b");
    let ends = attributes(&svg, "text", "x");
    let texts = names(&svg);
    // Letters of this size are at least five pixels wide.
    for (name, x) in texts
        .iter()
        .zip(ends)
        .filter(|(name, _)| name.contains('-'))
    {
        let is_title = name.contains(':');
        assert!(
            is_title || x + 5.0 * name.len() as f64 <= 960.0,
            "{name} at {x}"
        );
    }
}

#[test]
fn models_are_told_apart() {
    // Few models have a colour each, and a legend.
    let svg = drawn("floor llama-3.1-8b qwen3-4b");
    let shown = names(&svg);
    for model in ["llama-3.1-8b:Q4_K_M", "qwen3-4b:Q4_K_M"] {
        let count = shown.iter().filter(|name| *name == model).count();
        assert_eq!(count, 1, "{model}: {shown:?}");
    }
    let fills: BTreeSet<&str> = svg
        .split("<circle ")
        .skip(1)
        .filter_map(|head| head.split_once(" fill=\"")?.1.split_once('"'))
        .map(|(fill, _)| fill)
        .collect();
    assert_eq!(fills.len(), 2, "{fills:?}");

    // Of many models on many machines each has one point, and it is said that not all are named.
    let svg = drawn("floor --budget 4000");
    let shown = names(&svg);
    assert!(
        shown
            .iter()
            .any(|name| name.contains("each on its fastest machine")),
        "{shown:?}"
    );
    let told = shown.iter().find(|name| name.ends_with("points are named"));
    let points = attributes(&svg, "circle", "cx").len();
    let told = told.unwrap_or_else(|| panic!("{shown:?}"));
    assert!(told.contains(&format!("of {points} ")), "{told}");
}

#[test]
fn a_line_that_nobody_can_reach_is_drawn_so() {
    let pays = drawn(BY_HAND);
    let heavy = drawn(&BY_HAND.replace(" 12 ", " 120 "));
    let lines = |svg: &str| svg.matches("<polyline").count();
    assert!(!pays.contains("out of reach"));
    assert!(heavy.contains("own machine, 4000 USD: out of reach, it would be busy"));
    // Dashes are lines of their own.
    assert!(lines(&heavy) > lines(&pays) + 10, "{}", lines(&heavy));
    assert!(!heavy.contains("<circle"), "no crossing is marked");
}
