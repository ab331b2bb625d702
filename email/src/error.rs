//! Why a message is not sent, as Workers see it: a text and a `code`
//! (<https://developers.cloudflare.com/email-service/api/send-emails/workers-api/#error-codes>).

use std::borrow::Cow;

use deno_error::{AdditionalProperties, JsErrorClass, PropertyValue};

/// What `code` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Validation,
    FieldMissing,
    TooManyRecipients,
    SenderNotAllowed,
    RecipientNotAllowed,
    /// Nobody takes mail of this server.
    NoRelay,
    ContentTooLarge,
    /// The relay will not take the message.
    DeliveryFailed,
    /// It may be taken later.
    Unavailable,
    HeaderNotAllowed,
    HeaderUseApiField,
    HeaderValueInvalid,
    HeaderValueTooLong,
    HeaderNameInvalid,
    HeadersTooLarge,
    HeadersTooMany,
}

impl Code {
    /// Cloudflare's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "E_VALIDATION_ERROR",
            Self::FieldMissing => "E_FIELD_MISSING",
            Self::TooManyRecipients => "E_TOO_MANY_RECIPIENTS",
            Self::SenderNotAllowed => "E_SENDER_NOT_VERIFIED",
            Self::RecipientNotAllowed => "E_RECIPIENT_NOT_ALLOWED",
            Self::NoRelay => "E_SENDER_DOMAIN_NOT_AVAILABLE",
            Self::ContentTooLarge => "E_CONTENT_TOO_LARGE",
            Self::DeliveryFailed => "E_DELIVERY_FAILED",
            Self::Unavailable => "E_INTERNAL_SERVER_ERROR",
            Self::HeaderNotAllowed => "E_HEADER_NOT_ALLOWED",
            Self::HeaderUseApiField => "E_HEADER_USE_API_FIELD",
            Self::HeaderValueInvalid => "E_HEADER_VALUE_INVALID",
            Self::HeaderValueTooLong => "E_HEADER_VALUE_TOO_LONG",
            Self::HeaderNameInvalid => "E_HEADER_NAME_INVALID",
            Self::HeadersTooLarge => "E_HEADERS_TOO_LARGE",
            Self::HeadersTooMany => "E_HEADERS_TOO_MANY",
        }
    }
}

/// Why a message is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    pub code: Code,
    pub text: String,
}

impl Refusal {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// Something is wrong with the message itself.
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(Code::Validation, text)
    }
}

impl JsErrorClass for Refusal {
    fn get_class(&self) -> Cow<'static, str> {
        deno_error::builtin_classes::GENERIC_ERROR.into()
    }

    fn get_message(&self) -> Cow<'static, str> {
        self.text.clone().into()
    }

    fn get_additional_properties(&self) -> AdditionalProperties {
        let code = PropertyValue::String(self.code.as_str().into());
        Box::new(std::iter::once(("code".into(), code)))
    }

    fn get_ref(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }
}
