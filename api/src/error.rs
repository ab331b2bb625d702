//! What a client is told of a failure: a status and Cloudflare's code.

use http::StatusCode;
use selvedge_deployments::Error as StoreError;
use selvedge_deployments::{InvalidBinding, InvalidId};
use selvedge_kv::Error as StorageError;
use serde_json::{Value, json};

use crate::host::{HostError, ObjectsRefusal, StartFailure};

/// A failure. Clients branch on the code more than on the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: u32,
    pub(crate) message: String,
    /// Seconds until it may work.
    pub(crate) retry_after: Option<u32>,
}

/// The script, or service, is not there. Half of wrangler's decisions hang on it.
pub(crate) const SCRIPT_NOT_FOUND: u32 = 10007;
/// What was uploaded is not valid, or does not start.
pub(crate) const INVALID_SCRIPT: u32 = 10021;
/// What was uploaded has nothing that an event could go to.
pub(crate) const NO_HANDLERS: u32 = 10068;
/// What was uploaded is too large.
pub(crate) const SCRIPT_TOO_LARGE: u32 = 10027;
/// A value is not what it should be.
pub(crate) const INVALID_VALUE: u32 = 10004;
/// Something that only the server knows.
const UNKNOWN: u32 = 10013;

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// 400.
    pub(crate) fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404.
    pub(crate) fn not_found(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 409.
    pub(crate) fn conflict(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    pub(crate) fn no_script() -> Self {
        Self::not_found(SCRIPT_NOT_FOUND, "This Worker does not exist on your account.")
    }

    /// Who asks is known, and may not.
    pub(crate) fn forbidden(why: &str) -> Self {
        let text = match why {
            "" => "Authentication error".to_owned(),
            why => format!("Authentication error: {why}"),
        };
        Self::new(StatusCode::FORBIDDEN, 10000, text)
    }

    /// The log gets what happened, and the client a reference to that.
    pub(crate) fn internal(what: &str) -> Self {
        let mut bytes = [0; 8];
        // Without random numbers the reference is not unique, which is all.
        let _ = getrandom::fill(&mut bytes);
        let reference: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        tracing::error!("the API failed: {what} reference=`{reference}`");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            UNKNOWN,
            format!("internal error; reference = {reference}"),
        )
    }

    /// The same with another code, where something is taken or not valid.
    pub(crate) fn with_code(mut self, code: u32) -> Self {
        if self.code == INVALID_VALUE {
            self.code = code;
        }
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "success": false,
            "result": null,
            "errors": [{ "code": self.code, "message": self.message }],
            "messages": [],
        })
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::NoAccount(_) => Self::forbidden(""),
            StoreError::NoWorker(_) => Self::no_script(),
            StoreError::NoVersion(_) => Self::not_found(100_146, text),
            StoreError::Missing { what, .. } => Self::not_found(missing_code(what), text),
            StoreError::Taken(_) => Self::conflict(INVALID_VALUE, text),
            StoreError::Invalid(_) => Self::bad(INVALID_VALUE, text),
            StoreError::NoKey { .. } => Self::internal(&text),
            StoreError::Storage(storage) => Self::from(storage),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) => Self::unavailable(),
            StorageError::Full(_) => {
                let text = "the server has no space left";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, UNKNOWN, text)
            }
            StorageError::Data(text) | StorageError::Internal(text) => Self::internal(&text),
        }
    }
}

impl ApiError {
    pub(crate) fn unavailable() -> Self {
        let text = "the server cannot do this now; try again";
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, UNKNOWN, text);
        error.retry_after = Some(1);
        error
    }
}

/// What is missing, as Cloudflare numbers it.
fn missing_code(what: &str) -> u32 {
    match what {
        "KV namespace" => 10013,
        "zone" => 1001,
        "route" => 10008,
        "token" => 1003,
        "domain" => 100_114,
        _ => 10005,
    }
}

impl From<HostError> for ApiError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Unavailable(_) => Self::unavailable(),
            HostError::InUse(text) => Self::conflict(10064, text),
            HostError::Internal(text) => Self::internal(&text),
        }
    }
}

impl From<StartFailure> for ApiError {
    fn from(failure: StartFailure) -> Self {
        match failure {
            StartFailure::Script(text) => Self::bad(INVALID_SCRIPT, text),
            StartFailure::NoHandlers(text) => Self::bad(NO_HANDLERS, text),
            StartFailure::Host(error) => error.into(),
        }
    }
}

impl From<ObjectsRefusal> for ApiError {
    fn from(refusal: ObjectsRefusal) -> Self {
        match refusal {
            ObjectsRefusal::Migrations(text) => Self::bad(10074, text),
            ObjectsRefusal::Exports(text) => Self::bad(100_402, text),
            ObjectsRefusal::NoClass(text) => Self::bad(10061, text),
            ObjectsRefusal::Host(error) => error.into(),
        }
    }
}

impl From<InvalidBinding> for ApiError {
    fn from(error: InvalidBinding) -> Self {
        Self::bad(INVALID_SCRIPT, error.to_string())
    }
}

impl From<InvalidId> for ApiError {
    fn from(error: InvalidId) -> Self {
        Self::bad(INVALID_VALUE, error.to_string())
    }
}
