//! A plugin folder of a test.

use std::{fs, path::PathBuf};

use weir_tests::Host;

/// A plugin folder.
pub struct Folder(PathBuf);

impl Folder {
    /// The host's.
    pub fn of(host: &Host) -> Self {
        Self::at(host.plugins())
    }

    /// Made if need be.
    pub fn at(path: PathBuf) -> Self {
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Puts a bad guest's component there, and gives its file's name.
    pub fn guest(&self, name: &str) -> String {
        let (_, bytes) = weir_sandbox::faulty::all().into_iter().find(|(guest, _)| *guest == name).unwrap();
        self.file(name, bytes)
    }

    /// Puts a shipped plugin's component there, and gives its file's name.
    pub fn shipped(&self, name: &str) -> String {
        let (_, bytes) = weir_sandbox::shipped().iter().find(|(plugin, _)| *plugin == name).unwrap();
        self.file(name, bytes)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let file = format!("{name}.wasm");
        fs::write(self.0.join(&file), bytes).unwrap();
        file
    }

    /// Writes the manifest, as a careful operator does: whole or not at all.
    pub fn manifest(&self, text: &str) {
        fs::write(self.0.join("plugins.toml.new"), text).unwrap();
        fs::rename(self.0.join("plugins.toml.new"), self.0.join("plugins.toml")).unwrap();
    }

    /// Where it is.
    pub fn path(&self) -> &PathBuf {
        &self.0
    }
}

/// A manifest's entry that gives a guest the protocol of a shipped plugin.
pub fn entry(name: &str, more: &str) -> String {
    format!(
        "[[plugin]]\nname = \"{name}\"\nfile = \"{name}.wasm\"\nserves = {{ protocols = [\"TCP\"] }}\n{more}\n"
    )
}
