//! What stands for a name in the bundle: wrangler's definitions and the
//! configuration's.

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_span::SourceType;
use oxc_syntax::identifier::is_identifier_name;

use crate::options::Options;
use crate::problem::Problem;

/// All definitions. The configuration's come last and win.
pub(crate) fn all<T: FromIterator<(String, String)>>(options: &Options) -> T {
    let node_env = serde_json::Value::from(options.node_env.as_str()).to_string();
    let node_env = ["process.env", "global.process.env", "globalThis.process.env"]
        .map(|object| (format!("{object}.NODE_ENV"), node_env.clone()));
    let user_agent = options
        .define_user_agent
        .then(|| ("navigator.userAgent".to_owned(), "\"Cloudflare-Workers\"".to_owned()));
    let own = options.define.iter().cloned();
    node_env.into_iter().chain(user_agent).chain(own).collect()
}

/// Whether the configuration's definitions are names and JavaScript.
pub(crate) fn check(options: &Options) -> Result<(), Problem> {
    for (name, value) in &options.define {
        if !name.split('.').all(is_identifier_name) {
            return Err(Problem::new(format!("`define` cannot replace \"{name}\""))
                .with_hint("it replaces names, and names with dots between them"));
        }
        let allocator = Allocator::default();
        let parsed = Parser::new(&allocator, value, SourceType::default()).parse_expression();
        if let Err(errors) = parsed {
            let reason = errors.first().map_or(String::new(), |error| format!(": {error}"));
            return Err(Problem::new(format!(
                "`define` replaces \"{name}\" by what is no JavaScript{reason}"
            ))
            .with_hint("a string needs quotes of its own, as in NAME = \"'text'\""));
        }
    }
    Ok(())
}
