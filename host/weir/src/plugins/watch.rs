//! Noticing that the plugin folder has changed.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::reload::LOOK;

/// What tells one state of a folder from another: every file's size, inode and time of change.
type Look = BTreeMap<PathBuf, (u64, u64, i64, i64)>;

fn look(dir: &Path) -> Look {
    let files = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let facts = files.filter_map(|file| {
        let path = file.path();
        // Follows links: the file behind one may be another.
        let metadata = fs::metadata(&path).ok()?;
        let facts = (metadata.len(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
        metadata.is_file().then_some((path, facts))
    });
    facts.collect()
}

/// A folder that is watched.
pub struct Watch {
    dir: PathBuf,
    used: Look,
}

impl Watch {
    /// From now on.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), used: look(dir) }
    }

    /// Waits until the folder has changed and then stood still for a moment, so that half-written files are not read.
    pub async fn changed(&mut self) {
        let mut last = self.used.clone();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = look(&self.dir);
            if now == last && now != self.used {
                self.used = now;
                return;
            }
            last = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_sees_new_changed_replaced_and_missing_files() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, file) = (dir.path().join("plugins"), dir.path().join("plugins/a.wasm"));
        let mut looks = vec![look(&folder)];
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "1").unwrap();
        looks.push(look(&folder));
        fs::write(&file, "22").unwrap();
        looks.push(look(&folder));
        fs::write(folder.join("b"), "33").unwrap();
        fs::rename(folder.join("b"), &file).unwrap();
        looks.push(look(&folder));
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/nonexistent", &file).unwrap();
        looks.push(look(&folder));
        for (earlier, later) in looks.iter().zip(looks.iter().skip(1)) {
            assert_ne!(earlier, later);
        }
        assert_eq!(look(&folder), look(&folder));
    }
}
