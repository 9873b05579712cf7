//! References between URIs (RFC 3986, section 5.2), as far as schemas use them.

/// Returns the URI that a reference names from a base.
pub(super) fn resolve(base: &str, reference: &str) -> String {
    if has_scheme(reference) || base.is_empty() {
        return reference.to_owned();
    }
    let (base, _) = split(base);
    if reference.is_empty() || reference.starts_with('#') {
        return base + reference;
    }
    let Some((scheme, rest)) = base.split_once(':') else {
        return merged("", &base, reference);
    };
    let scheme = format!("{scheme}:");
    if reference.starts_with("//") {
        return scheme + reference;
    }
    let Some(rest) = rest.strip_prefix("//") else {
        return merged(&scheme, rest, reference);
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = if path.is_empty() { "/" } else { path };
    merged(&format!("{scheme}//{authority}"), path, reference)
}

/// Joins a relative path to a base path, and takes `.` and `..` out.
fn merged(prefix: &str, base: &str, reference: &str) -> String {
    let end = reference.find(['?', '#']).unwrap_or(reference.len());
    let (path, tail) = reference.split_at(end);
    let base = base.split('?').next().unwrap_or("");
    let folder = base.rfind('/').map_or("", |slash| &base[..=slash]);
    let joined = if path.starts_with('/') {
        path.to_owned()
    } else if path.is_empty() {
        base.to_owned()
    } else {
        format!("{folder}{path}")
    };
    let mut steps: Vec<&str> = Vec::new();
    for (index, step) in joined.split('/').enumerate() {
        match step {
            "." => {}
            ".." if steps.len() > 1 => {
                steps.pop();
            }
            _ if index == 0 || step != ".." => steps.push(step),
            _ => {}
        }
    }
    if joined.ends_with("/.") || joined.ends_with("/..") {
        steps.push("");
    }
    format!("{prefix}{}{tail}", steps.join("/"))
}

fn has_scheme(reference: &str) -> bool {
    let end = reference.find([':', '/', '?', '#']);
    end.is_some_and(|end| end > 0 && reference[end..].starts_with(':'))
}

/// Splits a URI into what stands before `#` and the fragment.
pub(super) fn split(uri: &str) -> (String, String) {
    let (uri, fragment) = uri.split_once('#').unwrap_or((uri, ""));
    (uri.to_owned(), fragment.to_owned())
}

/// Returns a text with its percent-encoded bytes decoded; what is no UTF-8 then stays as it is.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) if byte == b'%' => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 3986, section 5.4.1 and 5.4.2.
    #[test]
    fn references_resolve_as_the_rfc_shows() {
        for (reference, wanted) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("g#s", "http://a/b/c/g#s"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
        ] {
            assert_eq!(
                resolve("http://a/b/c/d;p?q", reference),
                wanted,
                "{reference}"
            );
        }
    }
}
