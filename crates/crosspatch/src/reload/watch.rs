//! Detects that a file of the configuration may have changed.
//!
//! Editors replace files by renaming, so folders are watched and not files. Folders disappear and return (a USB stick
//! that is removed, a checkout), so their parents are watched as well. A report only means that a file may have
//! changed; the receiver compares the contents.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tracing::warn;

use super::{Reason, ReloadTrigger};

/// Watches the folders of some files.
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    files: Arc<Mutex<BTreeSet<PathBuf>>>,
    has_warned: bool,
}

impl Watch {
    /// Creates a watch that fires the trigger from its own thread.
    pub(crate) fn new(trigger: &Arc<ReloadTrigger>) -> Self {
        let trigger = trigger.clone();
        Self::calling(move || trigger.fire(Reason::Files))
    }

    fn calling(wake: impl Fn() + Send + 'static) -> Self {
        let files = Arc::new(Mutex::new(BTreeSet::new()));
        let wanted = files.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let files: &Mutex<BTreeSet<PathBuf>> = &wanted;
            match event {
                Ok(event) if !concerns(&event, &files.lock().unwrap_or_else(PoisonError::into_inner)) => {}
                // An error may be an overflow of the queue: any file may have changed.
                Ok(_) | Err(_) => wake(),
            }
        });
        let mut watch = Self { watcher: None, folders: BTreeSet::new(), files, has_warned: false };
        match watcher {
            Ok(watcher) => watch.watcher = Some(watcher),
            Err(error) => watch.warn_once(&error),
        }
        watch
    }

    /// Watches exactly these files from now on. Called again for the same files, it finds folders that have come
    /// back.
    pub(crate) fn follow(&mut self, files: &[PathBuf]) {
        let files: BTreeSet<_> = files.iter().flat_map(|file| spellings(file)).collect();
        let folders: BTreeSet<_> = files.iter().flat_map(|file| folders_of(file)).collect();
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
        let Some(watcher) = &mut self.watcher else { return };
        for folder in self.folders.difference(&folders) {
            // It has disappeared together with its watch, or is no longer needed.
            let _ = watcher.unwatch(folder);
        }
        let mut failure = None;
        for folder in &folders {
            // A folder that was replaced by another of the same name needs a new watch; for all others this is idle.
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                failure = Some(error);
            }
        }
        self.folders = folders;
        if let Some(error) = failure {
            self.warn_once(&error);
        }
    }

    fn warn_once(&mut self, error: &notify::Error) {
        if !std::mem::replace(&mut self.has_warned, true) {
            warn_incomplete(error);
        }
    }
}

/// Warns the operator that the watch is incomplete.
pub(crate) fn warn_incomplete(error: &impl Display) {
    warn!(id = "watch", "cannot watch all files of the configuration ({error}); send SIGHUP to reload it");
}

/// Whether an event can mean a change of one of the files: it is about the file or a folder above it. Reading is no change.
fn concerns(event: &Event, files: &BTreeSet<PathBuf>) -> bool {
    let is_change = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    };
    let is_ours = |path: &PathBuf| files.iter().any(|file| file.starts_with(path));
    is_change && (event.need_rescan() || event.paths.iter().any(is_ours))
}

/// The absolute path of a file, and where it really lies if that is elsewhere.
fn spellings(file: &Path) -> Vec<PathBuf> {
    let absolute = std::path::absolute(file).ok();
    let real = file.canonicalize().ok();
    absolute.into_iter().chain(real).collect()
}

/// The folder of a file or, if it is missing, the nearest existing parent; and the parent of that.
fn folders_of(file: &Path) -> Vec<PathBuf> {
    let there = file.ancestors().skip(1).find(|folder| folder.is_dir());
    let above = there.and_then(Path::parent);
    there.into_iter().chain(above).map(Path::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::{Duration, Instant};

    use notify::event::{CreateKind, ModifyKind};

    use super::*;

    fn watch(files: &[PathBuf]) -> (Watch, Receiver<()>) {
        let (wake, woken) = channel();
        let mut watch = Watch::calling(move || {
            // The test may be over.
            let _ = wake.send(());
        });
        watch.follow(files);
        (watch, woken)
    }

    /// Waits for one suspicion and takes those that follow at once.
    fn is_woken(woken: &Receiver<()>) -> bool {
        let heard = woken.recv_timeout(Duration::from_secs(20)).is_ok();
        while woken.recv_timeout(Duration::from_millis(20)).is_ok() {}
        heard
    }

    #[test]
    fn notices_a_file_that_is_written_replaced_removed_and_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("show.cfg");
        fs::write(&file, "a").unwrap();
        let (_watch, woken) = watch(std::slice::from_ref(&file));
        fs::write(&file, "b").unwrap();
        assert!(is_woken(&woken));
        let other = folder.path().join(".show.cfg.swp");
        fs::write(&other, "c").unwrap();
        fs::rename(&other, &file).unwrap();
        assert!(is_woken(&woken));
        fs::remove_file(&file).unwrap();
        assert!(is_woken(&woken));
        fs::write(&file, "d").unwrap();
        assert!(is_woken(&woken));
    }

    #[test]
    fn survives_a_folder_that_vanishes_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        let file = inner.join("show.cfg");
        fs::create_dir_all(&inner).unwrap();
        fs::write(&file, "a").unwrap();
        let (mut watch, woken) = watch(std::slice::from_ref(&file));
        fs::remove_dir_all(folder.path().join("a")).unwrap();
        assert!(is_woken(&woken));
        watch.follow(std::slice::from_ref(&file));
        let start = Instant::now();
        // Every level that returns wakes once more, and the watch descends.
        fs::create_dir_all(&inner).unwrap();
        assert!(is_woken(&woken));
        watch.follow(std::slice::from_ref(&file));
        fs::write(&file, "b").unwrap();
        assert!(is_woken(&woken), "after {:?}", start.elapsed());
    }

    #[test]
    fn neighbours_and_readers_wake_nobody() {
        let files = BTreeSet::from([PathBuf::from("/show/a/show.cfg")]);
        let event = |kind, path: &str| Event::new(kind).add_path(path.into());
        let create = EventKind::Create(CreateKind::Any);
        assert!(concerns(&event(create, "/show/a/show.cfg"), &files));
        assert!(concerns(&event(create, "/show/a"), &files));
        assert!(concerns(&event(EventKind::Modify(ModifyKind::Any), "/show/a/show.cfg"), &files));
        assert!(!concerns(&event(create, "/show/a/other.cfg"), &files));
        assert!(!concerns(&event(EventKind::Access(AccessKind::Read), "/show/a/show.cfg"), &files));
        assert!(!concerns(
            &event(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/show/a/show.cfg"),
            &files
        ));
    }
}
