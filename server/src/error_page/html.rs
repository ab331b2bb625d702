//! Pages for browsers. Every text that is not ours passes [`escape`].

use std::fmt::Write as _;

use http::StatusCode;
use selvedge_runtime::Failure;

use super::Reference;

const STYLE: &str = "\
:root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1c1c1b;--dim:#6b6a66;--line:#e4e3df;--code:#fff;--red:#c0281c;--mark:#fdecea}\
@media(prefers-color-scheme:dark){:root{--bg:#161616;--fg:#ececea;--dim:#9b9a96;--line:#2e2e2d;--code:#1e1e1e;--red:#ff7b72;--mark:#3a1d1b}}\
*{box-sizing:border-box}\
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}\
main{max-width:60rem;margin:0 auto;padding:3rem 1.25rem}\
h1{font-size:1.35rem;line-height:1.35;margin:.25rem 0 1rem;color:var(--red);white-space:pre-wrap;overflow-wrap:anywhere}\
h2{font-size:.8rem;font-weight:600;letter-spacing:.04em;text-transform:uppercase;color:var(--dim);margin:2rem 0 .5rem}\
p{margin:.5rem 0}\
pre{margin:0;padding:.75rem 0;background:var(--code);border:1px solid var(--line);border-radius:6px;overflow-x:auto;font:13px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\
pre span{display:block;padding:0 1rem;min-height:1.55em}\
pre .at{background:var(--mark)}\
.dim{color:var(--dim)}\
code{font:inherit;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.9em}\
.hint{border-left:3px solid var(--line);padding:.1rem 0 .1rem .9rem;margin-top:1.5rem;white-space:pre-wrap}";

/// The whole failure.
pub(super) fn local(status: StatusCode, failure: &Failure) -> String {
    let mut body = String::new();
    let _ = write!(
        body,
        "<p class=\"dim\">{} {} &middot; outcome: {}</p><h1>{}</h1>",
        status.as_str(),
        escape(status.canonical_reason().unwrap_or("")),
        escape(failure.outcome.as_str()),
        escape(&failure.message),
    );
    if let Some(position) = &failure.position {
        let _ = write!(
            body,
            "<p><code>{}:{}:{}</code></p>",
            escape(&position.module),
            position.line,
            position.column
        );
    }
    if let Some(frame) = &failure.code_frame {
        body.push_str("<pre>");
        for line in frame.lines() {
            let class = if line.starts_with('>') { " class=\"at\"" } else { "" };
            let _ = write!(body, "<span{class}>{}</span>", escape(line));
        }
        body.push_str("</pre>");
    }
    if let Some(hint) = &failure.hint {
        let _ = write!(body, "<p class=\"hint\">{}</p>", escape(hint));
    }
    if !failure.stack.is_empty() {
        body.push_str("<h2>Stack</h2><pre>");
        for line in failure.stack.lines() {
            let _ = write!(body, "<span>{}</span>", escape(line));
        }
        body.push_str("</pre>");
    }
    body.push_str(
        "<p class=\"dim\" style=\"margin-top:2.5rem\">Only <code>selvedge run</code> without \
         <code>--production</code> shows this page.</p>",
    );
    document(&first_line(&failure.message), &body)
}

/// A code and a reference.
pub(super) fn production(code: u16, meaning: &str, reference: &Reference) -> String {
    let body = format!(
        "<p class=\"dim\">Error {code}</p><h1>{}</h1>\
         <p>The page that you asked for could not be made. If you run this site, look for the \
         reference in its log.</p>\
         <p class=\"dim\">Reference: <code>{}</code></p>",
        escape(meaning),
        escape(reference.as_str()),
    );
    document(&format!("Error {code}: {meaning}"), &body)
}

/// A status and a sentence.
pub(super) fn short(title: &str, why: &str) -> String {
    let mut body = format!("<h1>{}</h1>", escape(title));
    if !why.is_empty() {
        let mut sentence = why.to_owned();
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let _ = write!(body, "<p>{}</p>", escape(&sentence));
    }
    document(title, &body)
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        escape(title)
    )
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("").chars().take(120).collect()
}

/// Text that means itself between tags and in quoted attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\0' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
