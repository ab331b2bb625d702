//! Bundles a project into a folder, and says how long it takes:
//! `cargo run -p selvedge-bundle --example bundle -- ROOT ENTRY OUT [ROUNDS]`.
#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

use std::path::Path;
use std::time::Instant;

use selvedge_bundle::{Bundler, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, entry, out, rounds @ ..] = arguments.as_slice() else {
        return Err("usage: bundle ROOT ENTRY OUT [ROUNDS]".into());
    };
    let rounds: u32 = rounds.first().map_or(Ok(1), |rounds| rounds.parse())?;
    let bundler = Bundler::new(Options::new(entry, root))?;
    for round in 1..=rounds {
        let began = Instant::now();
        let bundle = bundler.bundle()?;
        println!("round {round}: {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
        if round < rounds {
            continue;
        }
        for warning in &bundle.warnings {
            println!("{warning}");
        }
        for module in &bundle.modules {
            let path = Path::new(out).join(&module.name);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new(out)))?;
            std::fs::write(&path, &module.bytes)?;
            println!("{} {:?} {} bytes", path.display(), module.kind, module.bytes.len());
        }
        let map = Path::new(out).join(format!("{}.map", bundle.main().name));
        std::fs::write(map, bundle.source_map.to_json())?;
    }
    Ok(())
}
