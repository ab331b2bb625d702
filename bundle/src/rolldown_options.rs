//! Wrangler's settings of esbuild, said to rolldown.

use rolldown::{BundlerOptions, InputItem, OutputFormat, Platform, RawMinifyOptions};
use rolldown_common::bundler_options::{
    BundlerTransformOptions, ChecksOptions, CodeSplittingMode, Either, JsxOptions, ResolveOptions,
    SourceMapType, TsConfig,
};

use crate::context::Context;
use crate::define;
use crate::options::{Format, Options};
use crate::tsconfig::Settings;

/// esbuild's order for the platform `browser`, which is wrangler's.
const MAIN_FIELDS: [&str; 3] = ["browser", "module", "main"];

pub(crate) fn of(context: &Context, settings: &Settings) -> BundlerOptions {
    let options = &context.options;
    let entry = options.entry.to_string_lossy().into_owned();
    let name = options.entry.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    BundlerOptions {
        input: Some(vec![InputItem { name, import: entry }]),
        cwd: Some(options.root.clone()),
        // `browser` would choose the conditions and replacements itself.
        platform: Some(Platform::Neutral),
        format: Some(match context.format {
            Format::Modules => OutputFormat::Esm,
            Format::ServiceWorker => OutputFormat::Iife,
        }),
        // Files in the source map are named from here.
        dir: Some(".".into()),
        entry_filenames: Some("[name].js".to_owned().into()),
        // One file, as wrangler's: what is imported dynamically is in it too.
        code_splitting: Some(CodeSplittingMode::Bool(false)),
        sourcemap: Some(SourceMapType::Hidden),
        resolve: Some(ResolveOptions {
            condition_names: Some(options.conditions.clone()),
            main_fields: Some(MAIN_FIELDS.map(str::to_owned).to_vec()),
            alias_fields: Some(vec![vec!["browser".into()]]),
            ..ResolveOptions::default()
        }),
        define: Some(define::all(options)),
        minify: Some(if options.minify {
            RawMinifyOptions::Bool(true)
        } else {
            RawMinifyOptions::DeadCodeEliminationOnly
        }),
        keep_names: Some(options.keep_names),
        transform: Some(BundlerTransformOptions {
            jsx: Some(Either::Right(jsx(options, settings))),
            ..BundlerTransformOptions::default()
        }),
        tsconfig: Some(match &settings.fixed {
            Some(path) => TsConfig::Manual(path.clone()),
            None => TsConfig::Auto(true),
        }),
        checks: Some(ChecksOptions {
            plugin_timings: Some(false),
            prefer_builtin_feature: Some(false),
            ..ChecksOptions::default()
        }),
        ..BundlerOptions::default()
    }
}

/// As in esbuild, a tsconfig.json has the say, `preserve` aside, which no Worker can
/// mean; and JSX that nothing is said of calls `React.createElement`.
fn jsx(options: &Options, settings: &Settings) -> JsxOptions {
    let unless = |sets: bool, value: &Option<String>| value.clone().filter(|_| !sets);
    JsxOptions {
        runtime: (!settings.automatic_jsx).then(|| "classic".to_owned()),
        pragma: unless(settings.sets_factory, &options.jsx_factory),
        pragma_frag: unless(settings.sets_fragment, &options.jsx_fragment),
        ..JsxOptions::default()
    }
}
