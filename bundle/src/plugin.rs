//! What makes rolldown bundle for Workers: a plugin that decides what an import
//! means, and supplies the modules that no file holds.

mod checks;
mod locals;
mod resolve;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use rolldown_common::ModuleType;
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdReturn,
    HookTransformArgs, HookTransformAstArgs, HookTransformAstReturn, HookTransformOutput,
    HookTransformOutputMap, HookTransformReturn, HookUsage, Plugin, PluginContext,
    SharedLoadPluginContext, SharedTransformPluginContext,
};

use crate::context::Context;
use crate::nesting;
use crate::problem::Problem;
use crate::rules::ModuleKind;

/// Marks the ids of modules that this plugin makes; NUL keeps others away.
const PREFIX: &str = "\0selvedge:";

/// A module that no file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Virtual<'a> {
    /// `require()` of something that only `import` can have.
    Required { specifier: &'a str, shape: Shape },
    /// A file that stays apart in a Worker of modules, and cannot in a script.
    Inlined { kind: ModuleKind, path: &'a str },
}

/// What `require()` gives of an imported module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Default,
    Namespace,
}

impl<'a> Virtual<'a> {
    fn id(&self) -> String {
        match self {
            Self::Required { specifier, shape: Shape::Default } => {
                format!("{PREFIX}default:{specifier}")
            }
            Self::Required { specifier, shape: Shape::Namespace } => {
                format!("{PREFIX}namespace:{specifier}")
            }
            Self::Inlined { kind, path } => format!("{PREFIX}{kind:?}:{path}"),
        }
    }

    fn from_id(id: &'a str) -> Option<Self> {
        let (what, rest) = id.strip_prefix(PREFIX)?.split_once(':')?;
        Some(match what {
            "default" => Self::Required { specifier: rest, shape: Shape::Default },
            "namespace" => Self::Required { specifier: rest, shape: Shape::Namespace },
            "Text" => Self::Inlined { kind: ModuleKind::Text, path: rest },
            "Data" => Self::Inlined { kind: ModuleKind::Data, path: rest },
            "Wasm" => Self::Inlined { kind: ModuleKind::Wasm, path: rest },
            _ => return None,
        })
    }

    /// The module's JavaScript.
    fn source(&self) -> std::io::Result<String> {
        match self {
            Self::Required { specifier, shape: Shape::Default } => {
                let name = serde_json::Value::from(*specifier);
                Ok(format!("import value from {name};\nmodule.exports = value;\n"))
            }
            Self::Required { specifier, shape: Shape::Namespace } => {
                let name = serde_json::Value::from(*specifier);
                Ok(format!("import * as all from {name};\nmodule.exports = {{ ...all }};\n"))
            }
            Self::Inlined { kind: ModuleKind::Text, path } => {
                let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
                Ok(format!("export default {};\n", serde_json::Value::from(text)))
            }
            Self::Inlined { kind, path } => Ok(inlined_bytes(*kind, &std::fs::read(path)?)),
        }
    }
}

/// JavaScript that makes the bytes of a file again. Data is an `ArrayBuffer`, and
/// WebAssembly is compiled, which the global scope may do.
fn inlined_bytes(kind: ModuleKind, bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    let value = match kind {
        ModuleKind::Wasm => "new WebAssembly.Module(bytes)",
        _ => "bytes.buffer",
    };
    format!(
        "const hex = \"{hex}\";\n\
         const bytes = new Uint8Array(hex.length / 2);\n\
         for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(hex.substr(2 * i, 2), 16);\n\
         export default {value};\n"
    )
}

/// The plugin. It says nothing of its own to the user: what it finds wrong goes
/// into the [`Context`].
#[derive(Debug)]
pub(crate) struct WorkersPlugin(pub(crate) Arc<Context>);

impl Plugin for WorkersPlugin {
    fn name(&self) -> Cow<'static, str> {
        "workers".into()
    }

    async fn resolve_id(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
    ) -> HookResolveIdReturn {
        match args.importer {
            Some(importer) if !args.is_entry => self.resolve(ctx, args, importer).await,
            _ => Ok(None),
        }
    }

    async fn load(&self, _ctx: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        if let Some(module) = Virtual::from_id(args.id) {
            let code = module.source()?.into();
            return Ok(Some(HookLoadOutput {
                code,
                module_type: Some(ModuleType::Js),
                ..HookLoadOutput::default()
            }));
        }
        let path = Path::new(args.id);
        if self.0.found().json.contains(path) {
            self.0.found().watch.files.insert(path.to_path_buf());
            let code = std::fs::read_to_string(path)?.into();
            return Ok(Some(HookLoadOutput {
                code,
                module_type: Some(ModuleType::Json),
                ..HookLoadOutput::default()
            }));
        }
        Ok(None)
    }

    async fn transform(
        &self,
        _ctx: SharedTransformPluginContext,
        args: &HookTransformArgs<'_>,
    ) -> HookTransformReturn {
        if let Some(offset) = nesting::too_deep(args.code) {
            let problem = Problem::new("too many brackets inside of each other");
            let file = self.0.shown(args.id);
            self.0.found().problems.push(problem.at(file, args.code, offset));
            return Ok(Some(HookTransformOutput {
                code: Some(String::new()),
                map: HookTransformOutputMap::Null,
                module_type: Some(ModuleType::Empty),
                ..HookTransformOutput::default()
            }));
        }
        // As in wrangler, any script may hold JSX. rolldown looks for JSX, and at
        // decorators, in no plain script.
        let transformed = *args.module_type == ModuleType::Js && may_need_transform(args);
        Ok(transformed.then(|| HookTransformOutput {
            map: HookTransformOutputMap::Null,
            module_type: Some(ModuleType::Jsx),
            ..HookTransformOutput::default()
        }))
    }

    async fn transform_ast(
        &self,
        ctx: &PluginContext,
        mut args: HookTransformAstArgs<'_>,
    ) -> HookTransformAstReturn {
        self.check(ctx, &args);
        locals::rename(&mut args.ast);
        Ok(args.ast)
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load | HookUsage::Transform | HookUsage::TransformAst
    }
}

/// Whether a script may hold JSX, whose elements end in one of these, or, outside of
/// packages, decorators.
fn may_need_transform(args: &HookTransformArgs<'_>) -> bool {
    let code = args.code.as_str();
    let jsx = code.contains("/>") || code.contains("</");
    jsx || (code.contains('@') && !args.id.contains("/node_modules/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_virtual_modules_read_back() {
        for module in [
            Virtual::Required { specifier: "node:fs", shape: Shape::Default },
            Virtual::Required { specifier: "cloudflare:workers", shape: Shape::Namespace },
            Virtual::Inlined { kind: ModuleKind::Text, path: "/a:b/c.txt" },
            Virtual::Inlined { kind: ModuleKind::Wasm, path: "/a.wasm" },
        ] {
            assert_eq!(Virtual::from_id(&module.id()), Some(module));
        }
        assert_eq!(Virtual::from_id("/src/default:a"), None);
    }

    #[test]
    fn bytes_are_spelled_out() {
        let code = inlined_bytes(ModuleKind::Data, &[0, 255, 16]);
        assert!(code.contains("\"00ff10\"") && code.contains("bytes.buffer"), "{code}");
    }
}
