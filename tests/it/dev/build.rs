//! TypeScript, and commands that build.

use super::Dev;
use crate::harness::eventually;

#[test]
fn typescript_is_bundled_and_errors_name_its_lines() {
    let dev = Dev::start(
        &[
            (
                "src/index.ts",
                "import { shout } from \"./shout\";\n\
                 interface Env { NAME: string }\n\
                 export default {\n\
                 \x20 fetch(request: Request, env: Env): Response {\n\
                 \x20   if (request.url.endsWith(\"/fail\")) throw new Error(\"on purpose\");\n\
                 \x20   return new Response(shout(env.NAME));\n\
                 \x20 },\n\
                 };\n",
            ),
            ("src/shout.ts", "export const shout = (text: string): string => text.toUpperCase();"),
            (
                "wrangler.jsonc",
                "{ \"name\": \"typed\", \"main\": \"src/index.ts\", /* a comment */\n\
                 \"compatibility_date\": \"2026-11-01\", \"vars\": { \"NAME\": \"ada\" } }",
            ),
        ],
        &[],
    );
    dev.says("ADA");
    let failed = dev.get("/fail");
    assert_eq!(failed.status, 500);
    assert!(failed.text().contains("src/index.ts:5:"), "{}", failed.text());
    assert!(failed.text().contains("throw new Error(\"on purpose\")"), "{}", failed.text());
    dev.write("src/shout.ts", "export const shout = (text: string): string => text + '!';");
    dev.says("ada!");
    dev.write("src/shout.ts", "export const shout = (text: string): string => ;");
    eventually("the place of the error is told", || {
        dev.get("/").text().contains("src/shout.ts:1:").then_some(())
    });
}

#[cfg(unix)]
mod command {
    use std::time::Duration;

    use super::*;

    fn config(command: &str) -> String {
        format!(
            "name = \"made\"\nmain = \"dist/worker.js\"\ncompatibility_date = \"2026-11-01\"\n\
             [build]\ncommand = '''{command}'''\n"
        )
    }

    const COPY: &str = "mkdir -p dist && cp src/worker.js dist/worker.js";

    #[test]
    fn the_command_makes_the_worker_and_runs_again_when_its_sources_change() {
        let worker =
            |text: &str| format!("export default {{ fetch: () => new Response('{text}') }};");
        let dev = Dev::start(
            &[("src/worker.js", &worker("first")), ("wrangler.toml", &config(COPY))],
            &[],
        );
        dev.says("first");
        dev.write("src/worker.js", &worker("second"));
        dev.says("second");
        dev.write("wrangler.toml", &config("exit 3"));
        eventually("the failure is told", || {
            dev.get("/").text().contains("the build command failed with exit code 3").then_some(())
        });
        dev.write("wrangler.toml", &config(COPY));
        dev.says("second");
    }

    /// The processes whose command line has this text.
    fn processes(text: &str) -> usize {
        let all = std::fs::read_dir("/proc").expect("/proc");
        all.flatten()
            .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
            .filter(|line| String::from_utf8_lossy(line).contains(text))
            .count()
    }

    #[test]
    fn no_process_outlives_a_killed_server() {
        if !std::path::Path::new("/proc/self/cmdline").exists() {
            println!("skipped: there is no /proc");
            return;
        }
        for signal in [libc::SIGKILL, libc::SIGINT] {
            // A number that is the command's alone.
            let seconds = format!("86{}.{signal}", std::process::id());
            let folder = tempfile::TempDir::new().expect("a temporary folder");
            super::super::write(folder.path(), "src/worker.js", "");
            super::super::write(
                folder.path(),
                "wrangler.toml",
                &config(&format!("sleep {seconds}; true")),
            );
            let program = crate::harness::Program::selvedge(folder.path(), &["dev", "--port", "0"]);
            eventually("the command runs", || (processes(&seconds) >= 2).then_some(()));
            program.signal(signal);
            drop(program);
            eventually("its processes are gone", || (processes(&seconds) == 0).then_some(()));
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
