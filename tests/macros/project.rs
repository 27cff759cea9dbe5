//! A crate that depends on this one and is no member of its workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with a crate. All share one target folder, so that this library is built for them once.
pub(crate) struct Project(PathBuf);

impl Project {
    /// An empty crate with the default features of this one, `asm`, `image` and `threads`, and the same versions of its dependencies.
    pub(crate) fn new(name: &str) -> Self {
        let root = env!("CARGO_MANIFEST_DIR");
        let project = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join("macros").join(name));
        let _ = fs::remove_dir_all(&project.0);
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nrexnet = {{ path = {root:?}, features = [\"asm\", \"image\", \"threads\"] }}\n\n[workspace]\n"
        );
        project.write("Cargo.toml", manifest.as_bytes());
        project.write("Cargo.lock", &fs::read(Path::new(root).join("Cargo.lock")).unwrap());
        project
    }

    /// The same with a build script that compiles networks.
    pub(crate) fn with_build_script(name: &str, script: &[u8]) -> Self {
        let project = Self::new(name);
        let root = env!("CARGO_MANIFEST_DIR");
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[build-dependencies]\n\
             rexnet-codegen = {{ path = \"{root}/rexnet-codegen\", features = [\"text\", \"x64\"] }}\n\n[workspace]\n"
        );
        project.write("Cargo.toml", manifest.as_bytes());
        project.write("build.rs", script);
        project
    }

    /// Writes a file of the crate.
    pub(crate) fn write(&self, path: &str, content: &[u8]) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn target(&self) -> PathBuf {
        self.0.with_file_name("target")
    }

    /// Whether cargo succeeds, and what the compiler tells of this crate.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--quiet", "--offline", "--color", "never"])
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", self.target())
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        // Cargo's own last word depends on where the crate lies.
        let of_compiler = told.lines().filter(|line| !line.starts_with("error: could not compile"));
        let told: Vec<&str> = of_compiler.collect();
        let told = told.join("\n").trim().to_owned();
        (output.status.success(), if told.is_empty() { told } else { told + "\n" })
    }

    /// What a program of the crate prints.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        let program =
            self.target().join("debug").join(program).with_extension(std::env::consts::EXE_EXTENSION);
        let output = Command::new(program).args(arguments).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
