//! The program: command line, configuration files, signals, log.

mod args;

fn main() {
    use clap::Parser;
    let args = args::Args::parse();
    eprintln!("{args:?}");
}
