//! HTTP requests that keep the token at home: redirects are followed by hand,
//! the token goes only to the hub's own scheme, host and port, and a server
//! that falls silent ends the request. What is asked for is left to `hub`.

use std::io;
use std::time::Duration;

use ureq::http::{HeaderMap, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy, ProxyProtocol};

use crate::error::StoreError;
use crate::settings::Settings;

/// Redirects that are followed before a request is given up (curl's limit is
/// 50, browsers' 20; the hub needs two).
const REDIRECTS_MAX: usize = 10;

/// A client for one hub.
pub(crate) struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
    stall: Duration,
}

/// An answer that is no redirect, or a redirect that was to be kept.
pub(crate) struct Answer {
    /// Where it came from, after redirects.
    pub(crate) url: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
}

impl Client {
    /// Builds a client for the hub of the settings.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] for a proxy of a kind that is not spoken, [`StoreError::BadToken`].
    pub(crate) fn new(settings: &Settings) -> Result<Self, StoreError> {
        let proxy = settings.proxy_from_env.then(Proxy::try_from_env).flatten();
        if let Some(proxy) = &proxy
            && !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https)
        {
            return Err(StoreError::Unreachable {
                url: settings.endpoint.clone(),
                cause: "the proxy variables name a SOCKS proxy, and only HTTP proxies are spoken"
                    .to_owned(),
            });
        }
        let stall = Some(settings.stall);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .user_agent(concat!("llm-pull/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(stall)
            .timeout_recv_response(stall)
            .timeout_per_read(stall)
            .tls_config(
                TlsConfig::builder()
                    // The system's certificates, so that a company's own
                    // authority and SSL_CERT_FILE work.
                    .root_certs(RootCerts::PlatformVerifier)
                    .build(),
            )
            .build()
            .new_agent();
        Ok(Self {
            agent,
            endpoint: settings.endpoint.clone(),
            token: settings.access_token()?,
            stall: settings.stall,
        })
    }

    /// Returns the hub's address, without a slash at the end.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Requests a body, following redirects to any host.
    pub(crate) fn get(&self, url: &str) -> Result<Answer, StoreError> {
        self.follow(Method::Get, url, &|_| false)
    }

    /// Requests headers alone, until `enough` accepts a redirect's headers.
    pub(crate) fn head(
        &self,
        url: &str,
        enough: &dyn Fn(&HeaderMap) -> bool,
    ) -> Result<Answer, StoreError> {
        self.follow(Method::Head, url, enough)
    }

    fn follow(
        &self,
        method: Method,
        url: &str,
        enough: &dyn Fn(&HeaderMap) -> bool,
    ) -> Result<Answer, StoreError> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.once(method, &url)?;
            let redirected = (300..400).contains(&answer.status) && answer.status != 304;
            if !redirected || enough(&answer.headers) {
                return Ok(answer);
            }
            let location = answer
                .headers
                .get("location")
                .and_then(|value| value.to_str().ok())
                .ok_or_else(|| StoreError::BadAnswer {
                    url: url.clone(),
                    reason: "a redirect without a destination".to_owned(),
                })?;
            let next = join(&url, location);
            if url.starts_with("https://") && !next.starts_with("https://") {
                return Err(StoreError::BadAnswer {
                    url,
                    reason: "a redirect to an address without encryption".to_owned(),
                });
            }
            url = next;
        }
        Err(StoreError::BadAnswer {
            url,
            reason: format!("more than {REDIRECTS_MAX} redirects"),
        })
    }

    /// Makes one request, with the token only where it belongs.
    fn once(&self, method: Method, url: &str) -> Result<Answer, StoreError> {
        let mut request = match method {
            Method::Get => self.agent.get(url),
            Method::Head => self.agent.head(url),
        }
        // Without this a hub may compress, and lengths and digests are those
        // of the plain bytes.
        .header("Accept-Encoding", "identity");
        if let Some(token) = &self.token
            && origin(url).is_some_and(|there| Some(there) == origin(&self.endpoint))
        {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let response = request.call().map_err(|error| self.failure(url, &error))?;
        let (parts, body) = response.into_parts();
        Ok(Answer {
            url: without_query(url),
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        })
    }

    fn failure(&self, url: &str, error: &ureq::Error) -> StoreError {
        let url = without_query(url);
        match error {
            ureq::Error::Timeout(_) => self.stalled(url),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => StoreError::Unreachable {
                url,
                cause: "this is no http or https address".to_owned(),
            },
            other => StoreError::Unreachable {
                url,
                cause: other.to_string(),
            },
        }
    }

    fn stalled(&self, url: String) -> StoreError {
        StoreError::Stalled {
            url,
            seconds: self.stall.as_secs().max(1),
        }
    }

    /// Translates an error that came while a body was read.
    pub(crate) fn broken(
        &self,
        url: &str,
        file: &str,
        received_bytes: u64,
        expected_bytes: u64,
        error: io::Error,
    ) -> StoreError {
        match ureq::Error::from(error) {
            ureq::Error::Timeout(_) => self.stalled(url.to_owned()),
            other => StoreError::Truncated {
                file: file.to_owned(),
                received_bytes,
                expected_bytes,
                cause: format!(": {other}"),
            },
        }
    }
}

impl Answer {
    /// Returns a header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Turns an HTTP error into the sentence that helps.
    pub(crate) fn accepted(self, what: &str, has_token: bool) -> Result<Self, StoreError> {
        let hint = match self.status {
            200..=399 => return Ok(self),
            401 | 403 if has_token => {
                format!(
                    "your token may not read {what}: accept its licence on the hub's page, or use another token"
                )
            }
            401 | 403 => format!(
                "{what} does not exist, or is private or gated: check the name, or set HF_TOKEN"
            ),
            404 => format!("there is no {what}: check the name and the revision"),
            429 => "too many requests: wait a minute, or set HF_TOKEN".to_owned(),
            500..=599 => "the hub has a problem: try again later".to_owned(),
            _ => "this answer is not expected: check HF_ENDPOINT".to_owned(),
        };
        Err(StoreError::Refused {
            url: self.url,
            status: self.status,
            hint,
        })
    }
}

impl Client {
    /// Whether requests to the hub carry a token.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }
}

/// Scheme, host and port of an address, with the scheme's own port filled in.
fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let port = uri
        .port_u16()
        .unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

/// The address that a redirect's `Location` means (RFC 3986, section 5.2,
/// without dot segments, which servers resolve themselves).
fn join(base: &str, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    let scheme_end = base.find("://").map_or(0, |index| index + 3);
    if let Some(rest) = location.strip_prefix("//") {
        return format!("{}{rest}", base.get(..scheme_end).unwrap_or_default());
    }
    let after_scheme = base.get(scheme_end..).unwrap_or_default();
    let host_end = after_scheme
        .find(['/', '?'])
        .map_or(base.len(), |index| scheme_end + index);
    let keep = if location.starts_with('/') {
        host_end
    } else {
        let path_end = base.find('?').unwrap_or(base.len());
        base.get(..path_end)
            .and_then(|path| path.rfind('/'))
            .filter(|index| *index >= host_end)
            .map_or(host_end, |index| index + 1)
    };
    let kept = base.get(..keep).unwrap_or(base);
    let slash = if location.starts_with('/') || kept.ends_with('/') {
        ""
    } else {
        "/"
    };
    format!("{kept}{slash}{location}")
}

/// An address as it may be shown: a CDN's query holds a signature.
fn without_query(url: &str) -> String {
    url.split('?').next().unwrap_or(url).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_scheme_host_and_port() {
        assert_eq!(origin("https://Hub.co/x"), origin("https://hub.co:443/y?z"));
        for other in [
            "http://hub.co",
            "https://hub.co:8443",
            "https://cdn.hub.co",
            "nonsense",
        ] {
            assert_ne!(origin(other), origin("https://hub.co"), "{other}");
        }
        // A name in front of an @ is no host.
        assert_ne!(
            origin("https://hub.co@evil.example/"),
            origin("https://hub.co")
        );
    }

    #[test]
    fn redirects_may_be_relative() {
        let base = "https://hub.co/a/b?c=/d";
        assert_eq!(join(base, "http://x/y"), "http://x/y");
        assert_eq!(join(base, "//x/y"), "https://x/y");
        assert_eq!(join(base, "/y"), "https://hub.co/y");
        assert_eq!(join(base, "y"), "https://hub.co/a/y");
        assert_eq!(join("https://hub.co", "y"), "https://hub.co/y");
    }
}
