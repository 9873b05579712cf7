//! What `format` allows. JSON Schema leaves it open whether a format is checked; here a known one is
//! enforced and any other refused.
//!
//! Each is written as a pattern of ECMA-262 that matches only texts that the format's own document allows.
//! Where that document asks for more than a pattern can say, the pattern is the narrower: leap seconds
//! stand in UTC only, and a host name has no `--` in third place (`xn--` names need tables).

/// A format: a pattern, and the greatest length in characters.
pub(super) struct Format {
    pub(super) pattern: String,
    pub(super) max: Option<u64>,
}

/// RFC 3339, section 5.6, with the days of each month.
const DATE: &str = concat!(
    "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])",
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)",
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))",
    "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])",
    "|(?:[02468][048]|[13579][26])00)-02-29)",
);
const TIME: &str = concat!(
    "(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?",
    "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])",
    "|23:59:60(?:\\.[0-9]+)?(?:[Zz]|[+-]00:00))",
);
/// RFC 3339, appendix A.
const DURATION: &str = concat!(
    "P(?:[0-9]+W|(?:(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)",
    "(?:T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S))?",
    "|T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)))",
);
/// RFC 1123, section 2.1; no label has `--` in third and fourth place.
const LABEL: &str = concat!(
    "(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9]",
    "|[A-Za-z0-9][A-Za-z0-9-](?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]{0,59}[A-Za-z0-9]",
    "|-[A-Za-z0-9](?:[A-Za-z0-9-]{0,58}[A-Za-z0-9])?))",
);
const IPV4: &str = "(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const HEX: &str = "[0-9A-Fa-f]";
/// RFC 5322's atoms, as RFC 5321, section 4.1.2 has them, and its quoted strings.
const LOCAL: &str = concat!(
    "(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*",
    "|\"(?:[ !#-\\[\\]-~]|\\\\[ -~])*\")",
);
/// Characters beyond ASCII that RFC 3987, section 2.2 allows.
const UCS: &str = "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}\\u{30000}-\\u{3FFFD}\\u{40000}-\\u{4FFFD}\\u{50000}-\\u{5FFFD}\\u{60000}-\\u{6FFFD}\\u{70000}-\\u{7FFFD}\\u{80000}-\\u{8FFFD}\\u{90000}-\\u{9FFFD}\\u{A0000}-\\u{AFFFD}\\u{B0000}-\\u{BFFFD}\\u{C0000}-\\u{CFFFD}\\u{D0000}-\\u{DFFFD}\\u{E1000}-\\u{EFFFD}";
const POINTER: &str = "(?:/(?:[^/~]|~[01])*)*";

/// Returns what a format allows, if it is known.
pub(super) fn lookup(name: &str) -> Option<Format> {
    let mut max = None;
    let inner = match name {
        "date" => DATE.to_owned(),
        "time" => TIME.to_owned(),
        "date-time" => format!("{DATE}[Tt]{TIME}"),
        "duration" => DURATION.to_owned(),
        "hostname" => {
            max = Some(253);
            format!("{LABEL}(?:\\.{LABEL})*")
        }
        "email" => {
            let domain = format!("{LABEL}(?:\\.{LABEL})*");
            format!("{LOCAL}@(?:{domain}|\\[(?:{IPV4}|IPv6:{})\\])", ipv6())
        }
        "ipv4" => IPV4.to_owned(),
        "ipv6" => ipv6(),
        "uuid" => format!("{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}"),
        "uri" => uri("", true),
        "uri-reference" => uri("", false),
        "iri" => uri(UCS, true),
        "iri-reference" => uri(UCS, false),
        "uri-template" => uri_template(),
        "json-pointer" => POINTER.to_owned(),
        "relative-json-pointer" => format!("(?:0|[1-9][0-9]*)(?:#|{POINTER})"),
        _ => return None,
    };
    Some(Format {
        pattern: format!("^(?:{inner})$"),
        max,
    })
}

/// The names of all known formats.
pub(super) const KNOWN: &str = "date, time, date-time, duration, email, hostname, ipv4, ipv6, uuid, uri, uri-reference, iri, iri-reference, uri-template, json-pointer and relative-json-pointer";

/// The addresses of RFC 3986, section 3.2.2.
fn ipv6() -> String {
    let group = format!("{HEX}{{1,4}}");
    let last = format!("(?:{group}:{group}|{IPV4})");
    let mut ways = vec![format!("(?:{group}:){{6}}{last}")];
    for before in 0..=7_usize {
        let head = match before {
            0 => String::new(),
            _ => format!("(?:{group}(?::{group}){{0,{}}})?", before - 1),
        };
        let tail = match 7 - before {
            0 => String::new(),
            1 => group.clone(),
            after => format!("(?:{group}:){{{}}}{last}", after - 2),
        };
        ways.push(format!("{head}::{tail}"));
    }
    format!("(?:{})", ways.join("|"))
}

/// RFC 3986, appendix A, with further characters as RFC 3987 has them.
fn uri(ucs: &str, absolute: bool) -> String {
    let plain = format!("A-Za-z0-9._~!$&'()*+,;={ucs}\\-");
    let percent = "%[0-9A-Fa-f]{2}";
    let chars = |more: &str| format!("(?:[{plain}{more}]|{percent})");
    let (segment, host, user) = (chars(":@"), chars(""), chars(":"));
    let literal = format!("\\[(?:{}|[Vv]{HEX}+\\.[{plain}:]+)\\]", ipv6());
    let authority = format!("//(?:{user}*@)?(?:{literal}|{host}*)(?::[0-9]*)?");
    let rest = format!("(?:/{segment}*)*");
    let absolute_path = format!("/(?:{segment}+{rest})?");
    let private = if ucs.is_empty() {
        ""
    } else {
        "\\uE000-\\uF8FF\\u{F0000}-\\u{FFFFD}\\u{100000}-\\u{10FFFD}"
    };
    let query = chars(&format!(":@/?{private}"));
    let fragment = chars(":@/?");
    let tail = format!("(?:\\?{query}*)?(?:#{fragment}*)?");
    let scheme = "[A-Za-z][A-Za-z0-9+.\\-]*:";
    let whole = format!("{scheme}(?:{authority}{rest}|{absolute_path}|{segment}+{rest})?{tail}");
    if absolute {
        return whole;
    }
    let first = chars("@");
    format!("(?:{whole}|(?:{authority}{rest}|{absolute_path}|{first}+{rest})?{tail})")
}

/// RFC 6570, section 2.
fn uri_template() -> String {
    let literal = format!("[!#$&(-;=?-\\[\\]_a-z~{UCS}]|%[0-9A-Fa-f]{{2}}");
    let char = "(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})";
    let name = format!("{char}(?:\\.?{char})*(?::[1-9][0-9]{{0,3}}|\\*)?");
    format!("(?:{literal}|\\{{[+#./;?&=,!@|]?{name}(?:,{name})*\\}})*")
}
