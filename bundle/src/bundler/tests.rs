//! What happens when rolldown itself fails.

use std::borrow::Cow;

use rolldown_plugin::{
    HookLoadArgs, HookLoadReturn, HookRenderStartArgs, HookUsage, PluginContext,
    SharedLoadPluginContext,
};

use super::*;

/// Panics at one point of a build.
#[derive(Debug)]
enum Faulty {
    /// In a task of rolldown's, which nobody waits for by name.
    Load,
    /// On the way of the build itself.
    Render,
}

impl Plugin for Faulty {
    fn name(&self) -> Cow<'static, str> {
        "faulty".into()
    }

    async fn load(&self, _: SharedLoadPluginContext, _: &HookLoadArgs<'_>) -> HookLoadReturn {
        assert!(!matches!(self, Self::Load), "on purpose");
        Ok(None)
    }

    async fn render_start(
        &self,
        _: &PluginContext,
        _: &HookRenderStartArgs<'_>,
    ) -> rolldown_plugin::HookNoopReturn {
        assert!(!matches!(self, Self::Render), "on purpose");
        Ok(())
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::Load | HookUsage::RenderStart
    }
}

fn built(fault: Faulty) -> Built {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("index.js"), "export default 1").expect("a file");
    let options = BundlerOptions {
        input: Some(vec!["./index.js".to_owned().into()]),
        cwd: Some(folder.path().to_path_buf()),
        ..BundlerOptions::default()
    };
    let bundler = Bundler::new(Options::new("index.js", folder.path())).expect("threads");
    bundler.block_on(build(options, Arc::new(fault)))
}

#[test]
fn a_panic_in_a_task_is_a_failure_and_no_hang() {
    let built = built(Faulty::Load);
    assert_eq!(built.failed.as_deref(), Some("one of its tasks ended early"));
}

#[test]
fn a_panic_of_the_build_is_a_failure_with_its_reason() {
    let built = built(Faulty::Render);
    assert_eq!(built.failed.as_deref(), Some("on purpose"));
}

#[test]
fn an_internal_failure_reads_as_one() {
    let problem = internal("one of its tasks ended early").to_string();
    assert!(problem.starts_with("the bundler failed: one of its tasks ended early\nhint: "));
}
