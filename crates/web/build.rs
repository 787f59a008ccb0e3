//! Collects the files of the page into a table, compressed once, under a hash of all of them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("set by cargo"));
    println!("cargo::rerun-if-changed=ui");
    let mut files = Vec::new();
    collect(&root.join("ui"), "", &mut files);
    files.sort();
    let mut all = Fnv::default();
    for (name, path) in &files {
        all.add(name.as_bytes());
        all.add(&fs::read(path).expect("a readable file"));
    }
    let version = format!("{:016x}", all.0);
    let mut table = format!("pub(crate) const VERSION: &str = \"{version}\";\n");
    table.push_str("pub(crate) const FILES: &[PageFile] = &[\n");
    for (number, (name, path)) in files.iter().enumerate() {
        let mut bytes = fs::read(path).expect("a readable file");
        if name == "index.html" {
            // Its links lead to addresses that contain the hash, so that browsers may keep the files for ever.
            let text = String::from_utf8(bytes).expect("HTML in UTF-8");
            let text = text.replace("=\"/ui/", &format!("=\"/ui/{version}/"));
            bytes = text.replace("=\"ui/", &format!("=\"ui/{version}/")).into_bytes();
        }
        let mut zip = GzEncoder::new(Vec::new(), Compression::best());
        zip.write_all(&bytes).expect("memory");
        let zipped = zip.finish().expect("memory");
        let mut hash = Fnv::default();
        hash.add(&bytes);
        let [plain, packed] = ["plain", "gz"].map(|kind| out.join(format!("{number}.{kind}")));
        let is_smaller = zipped.len() < bytes.len() * 9 / 10;
        fs::write(&plain, &bytes).expect("room in the build folder");
        fs::write(&packed, &zipped).expect("room in the build folder");
        let zipped = match is_smaller {
            true => format!("Some(include_bytes!({packed:?}))"),
            false => "None".to_owned(),
        };
        table.push_str(&format!(
            "    PageFile {{ name: {name:?}, tag: \"\\\"{:016x}\\\"\", bytes: include_bytes!({plain:?}), zipped: {zipped} }},\n",
            hash.0
        ));
    }
    table.push_str("];\n");
    fs::write(out.join("files.rs"), table).expect("room in the build folder");
}

/// All files below a folder, by their names relative to the page.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) {
    for entry in fs::read_dir(folder).expect("the folder of the page") {
        let entry = entry.expect("a readable folder");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        if name.starts_with('.') {
            continue;
        }
        match entry.file_type().expect("a readable folder").is_dir() {
            true => collect(&entry.path(), &format!("{prefix}{name}/"), files),
            false => files.push((format!("{prefix}{name}"), entry.path())),
        }
    }
}

/// The hash FNV-1a. It tells versions of a file apart and protects against nothing.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
