//! Signatures of requests, version 4
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html>):
//! in the header `Authorization`, or in the query of a presigned URL.
//!
//! The id of an access key is that of a token; its secret is the SHA-256 of the
//! token in hexadecimal digits, which is what the server keeps of it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use chrono::{DateTime, NaiveDateTime};
use selvedge_r2::object::{hex, unhex};

use super::error::S3Error;
use super::request::{Asked, encode, encode_path};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far clocks may be apart: 15 minutes in s.
const SKEW: i64 = 15 * 60;
/// How long a URL may be valid: seven days in s.
const MAX_EXPIRES: i64 = 7 * 24 * 3600;
/// What a body's hash is where it is not signed.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// A signature, and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// The id of the access key.
    pub(super) key_id: String,
    date: String,
    region: String,
    /// Such as `20130524T000000Z`.
    time: String,
    signed_headers: Vec<String>,
    signature: Vec<u8>,
    /// Seconds, of a URL.
    expires: Option<i64>,
    /// What the request says of its body's hash.
    pub(super) payload: String,
}

/// Signs further parts of the body that the request was signed with.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    key: hmac::Key,
    scope: String,
    time: String,
    /// The signature before, in digits.
    last: String,
}

impl Signature {
    /// What a request says.
    pub(super) fn of(asked: &Asked) -> Result<Self, S3Error> {
        if let Some(header) = asked.header("authorization") {
            return Self::of_header(asked, header);
        }
        if asked.query("X-Amz-Algorithm").is_some() {
            return Self::of_query(asked);
        }
        Err(S3Error::denied("Access Denied: the request is not signed."))
    }

    fn of_header(asked: &Asked, header: &str) -> Result<Self, S3Error> {
        let malformed = || {
            S3Error::bad("AuthorizationHeaderMalformed", "The authorization header is malformed.")
        };
        let fields = header.strip_prefix(ALGORITHM).ok_or_else(|| {
            S3Error::bad(
                "InvalidArgument",
                "Only signatures of version 4 (AWS4-HMAC-SHA256) are taken.",
            )
        })?;
        let field = |name: &str| {
            let mut fields = fields.split(',').map(str::trim);
            fields
                .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(malformed)
        };
        let time = match asked.header("x-amz-date") {
            Some(time) => time.to_owned(),
            // Some clients have the date of HTTP alone.
            None => {
                let date =
                    asked.header("date").and_then(|it| DateTime::parse_from_rfc2822(it).ok());
                let date = date.ok_or_else(malformed)?;
                date.to_utc().format("%Y%m%dT%H%M%SZ").to_string()
            }
        };
        let payload = asked.header("x-amz-content-sha256").ok_or_else(|| {
            S3Error::bad("InvalidRequest", "The header x-amz-content-sha256 is missing.")
        })?;
        Self::parse(
            field("Credential")?,
            field("SignedHeaders")?,
            field("Signature")?,
            (time, None, payload.to_owned()),
        )
        .ok_or_else(malformed)
    }

    fn of_query(asked: &Asked) -> Result<Self, S3Error> {
        let malformed = || {
            S3Error::bad(
                "AuthorizationQueryParametersError",
                "The signature in the query is malformed.",
            )
        };
        let field = |name: &str| asked.query(name).ok_or_else(malformed);
        if field("X-Amz-Algorithm")? != ALGORITHM {
            return Err(malformed());
        }
        let expires: i64 = field("X-Amz-Expires")?.parse().map_err(|_| malformed())?;
        if !(0..=MAX_EXPIRES).contains(&expires) {
            return Err(S3Error::bad(
                "AuthorizationQueryParametersError",
                "X-Amz-Expires must be between 0 and 604800 seconds.",
            ));
        }
        let payload = asked.query("X-Amz-Content-Sha256").unwrap_or(UNSIGNED);
        Self::parse(
            field("X-Amz-Credential")?,
            field("X-Amz-SignedHeaders")?,
            field("X-Amz-Signature")?,
            (field("X-Amz-Date")?.to_owned(), Some(expires), payload.to_owned()),
        )
        .ok_or_else(malformed)
    }

    fn parse(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        (time, expires, payload): (String, Option<i64>, String),
    ) -> Option<Self> {
        let [key_id, date, region, "s3", "aws4_request"] =
            credential.split('/').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let signed_headers: Vec<String> = signed_headers.split(';').map(str::to_owned).collect();
        let has_host = signed_headers.iter().any(|name| name == "host");
        let is_of_day = time.get(..8) == Some(date);
        (has_host && is_of_day).then_some(Self {
            key_id: key_id.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            time,
            signed_headers,
            signature: unhex(signature)?,
            expires,
            payload,
        })
    }

    /// Checks the time and the signature; `secret` is that of the access key. Gives
    /// what signs the parts of the body.
    pub(super) fn check(&self, asked: &Asked, secret: &str, now: i64) -> Result<Signer, S3Error> {
        self.check_time(now)?;
        let canonical = self.canonical(asked)?;
        let scope = format!("{}/{}/s3/aws4_request", self.date, self.region);
        let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{hash}", self.time);
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [&self.date, &self.region, "s3", "aws4_request"] {
            key = sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signature = sign(&key, &text);
        verify_slices_are_equal(&signature, &self.signature).map_err(|_| {
            S3Error::new(
                http::StatusCode::FORBIDDEN,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. \
                 Check your secret access key and signing method.",
            )
        })?;
        Ok(Signer { key, scope, time: self.time.clone(), last: hex(&signature) })
    }

    fn check_time(&self, now: i64) -> Result<(), S3Error> {
        let time = NaiveDateTime::parse_from_str(&self.time, "%Y%m%dT%H%M%SZ")
            .map_err(|_| {
                S3Error::bad("InvalidArgument", "The date of the signature is malformed.")
            })?
            .and_utc()
            .timestamp();
        let now = now.div_euclid(1000);
        let is_late = match self.expires {
            Some(expires) => now > time + expires,
            None => now > time + SKEW,
        };
        if is_late && self.expires.is_some() {
            return Err(S3Error::denied("Request has expired"));
        }
        if is_late || time > now + SKEW {
            return Err(S3Error::new(
                http::StatusCode::FORBIDDEN,
                "RequestTimeTooSkewed",
                "The difference between the request time and the server's time is too large.",
            ));
        }
        Ok(())
    }

    /// The request as it was signed. What matters and was not signed is refused.
    fn canonical(&self, asked: &Asked) -> Result<String, S3Error> {
        let mut query: Vec<(String, String)> = asked
            .query
            .iter()
            .filter(|(name, _)| name != "X-Amz-Signature")
            .map(|(name, value)| (encode(name), encode(value)))
            .collect();
        query.sort();
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        for name in asked.headers.keys() {
            let name = name.as_str();
            if name.starts_with("x-amz-") && !is_signed(name) {
                let text = format!(
                    "There were headers present in the request which were not signed: {name}"
                );
                return Err(S3Error::new(http::StatusCode::FORBIDDEN, "AccessDenied", text));
            }
        }
        let mut headers = String::new();
        for name in &self.signed_headers {
            let values: Vec<String> = asked
                .headers
                .get_all(name)
                .iter()
                .map(|value| {
                    let text = String::from_utf8_lossy(value.as_bytes());
                    text.split_whitespace().collect::<Vec<_>>().join(" ")
                })
                .collect();
            headers.push_str(&format!("{name}:{}\n", values.join(",")));
        }
        Ok(format!(
            "{}\n{}\n{}\n{headers}\n{}\n{}",
            asked.method,
            encode_path(&asked.path),
            query.join("&"),
            self.signed_headers.join(";"),
            self.payload,
        ))
    }
}

fn sign(key: &hmac::Key, text: &str) -> Vec<u8> {
    hmac::sign(key, text.as_bytes()).as_ref().to_vec()
}

impl Signer {
    /// Whether this is the signature of the next part of the body, whose hash is
    /// given; `None`: of the trailer.
    fn next(&mut self, kind: &str, hashes: &str, signature: &str) -> Result<(), S3Error> {
        let text = format!(
            "AWS4-HMAC-SHA256-{kind}\n{}\n{}\n{}\n{hashes}",
            self.time, self.scope, self.last
        );
        let expected = sign(&self.key, &text);
        let given = unhex(signature).unwrap_or_default();
        verify_slices_are_equal(&expected, &given).map_err(|_| {
            S3Error::new(
                http::StatusCode::FORBIDDEN,
                "SignatureDoesNotMatch",
                "The signature of a chunk does not match.",
            )
        })?;
        self.last = hex(&expected);
        Ok(())
    }

    /// Checks a chunk by the hash of its bytes.
    pub(super) fn chunk(&mut self, hash: &[u8], signature: &str) -> Result<(), S3Error> {
        let empty = hex(digest::digest(&digest::SHA256, b"").as_ref());
        self.next("PAYLOAD", &format!("{empty}\n{}", hex(hash)), signature)
    }

    /// Checks the trailer's text.
    pub(super) fn trailer(&mut self, text: &str, signature: &str) -> Result<(), S3Error> {
        let hash = hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        self.next("TRAILER", &hash, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    /// 24 May 2013 in Unix ms.
    const NOW: i64 = 1_369_353_600_000;
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn asked(uri: &str, headers: &[(&str, &str)]) -> Asked {
        let mut request = http::Request::get(uri).header("host", "examplebucket.s3.amazonaws.com");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Asked::new(request.body(()).expect("valid").into_parts().0)
    }

    fn header() -> Asked {
        let authorization = "AWS4-HMAC-SHA256 \
            Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
            SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
            Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        asked(
            "/test.txt",
            &[
                ("authorization", authorization),
                ("range", "bytes=0-9"),
                ("x-amz-content-sha256", EMPTY),
                ("x-amz-date", "20130524T000000Z"),
            ],
        )
    }

    // Both are examples of the documentation of version 4.

    #[test]
    fn the_example_with_a_header_is_good() {
        let asked = header();
        let signature = Signature::of(&asked).expect("there is one");
        assert_eq!(signature.key_id, "AKIAIOSFODNN7EXAMPLE");
        signature.check(&asked, SECRET, NOW).expect("it fits");
        let code = |result: Result<Signer, S3Error>| result.expect_err("refused").code;
        assert_eq!(code(signature.check(&asked, "other", NOW)), "SignatureDoesNotMatch");
        for now in [NOW - 901_000, NOW + 901_000] {
            assert_eq!(code(signature.check(&asked, SECRET, now)), "RequestTimeTooSkewed");
        }
        let mut changed = header();
        changed.headers.insert("range", http::HeaderValue::from_static("bytes=0-99"));
        assert_eq!(code(signature.check(&changed, SECRET, NOW)), "SignatureDoesNotMatch");
        changed.headers.insert("x-amz-acl", http::HeaderValue::from_static("private"));
        assert_eq!(code(signature.check(&changed, SECRET, NOW)), "AccessDenied");
    }

    #[test]
    fn the_example_of_a_url_is_good_until_it_expires() {
        let asked = asked(
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE\
             %2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z\
             &X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=\
             aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
            &[],
        );
        let signature = Signature::of(&asked).expect("there is one");
        signature.check(&asked, SECRET, NOW + 86_400_000).expect("it fits");
        let late = signature.check(&asked, SECRET, NOW + 86_401_000).expect_err("late");
        assert_eq!(late.message, "Request has expired");
        signature.check(&asked, SECRET, NOW - 901_000).expect_err("early");
    }

    #[test]
    fn what_is_not_a_signature_is_refused() {
        for authorization in ["", "AWS4-HMAC-SHA256", "AWS AKIA:x", "Bearer slv_x"] {
            let asked = asked("/", &[("authorization", authorization), ("x-amz-date", "x")]);
            Signature::of(&asked).expect_err(authorization);
        }
        Signature::of(&asked("/", &[])).expect_err("none");
        Signature::of(&asked("/?X-Amz-Algorithm=AWS4-HMAC-SHA256", &[])).expect_err("half of one");
    }
}
