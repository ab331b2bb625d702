//! The binding that sends mail, whole: what a Worker sees of it, its rules, and
//! where messages go.

pub mod binding;
pub mod config;
pub mod error;
pub mod incoming;
pub mod mailer;
pub mod rules;

mod headers;
mod message;
mod raw;
mod reply;

use deno_core::Extension;

pub use binding::SendEmail;
pub use incoming::IncomingEmail;
pub use mailer::{Mailer, MailerError};
pub use rules::Rules;

deno_core::extension!(
    selvedge_email,
    deps = [selvedge],
    ops = [
        binding::op_email_send_built,
        binding::op_email_send_raw,
        incoming::op_email_forward,
        incoming::op_email_max_bytes,
        incoming::op_email_reply_built,
        incoming::op_email_reply_raw,
    ],
    lazy_loaded_js = [dir "src", "incoming.js", "parts.js", "send_email.js"],
);

/// The binding's ops and its scripts, which load in isolates that send mail.
pub fn extension() -> Extension {
    selvedge_email::init()
}
