# The chores of the project. `just` lists them; each line can be typed by hand as well.

_list:
    @just --list --unsorted

# a complete show without any hardware
demo:
    cargo run --release -- demo

# everything that CI checks, in its order
ci:
    bash .ci/run

# format the code
fmt:
    cargo fmt --all

# lints, warnings as errors
lint:
    cargo clippy --workspace --all-targets -- -D warnings

# all tests
test *ARGS:
    cargo test --workspace {{ARGS}}

# the tests of the page in a browser; `just page pictures` takes its pictures, `just page vendor` makes its libraries
page *ARGS:
    bash crates/web/ui-tests/run {{ARGS}}

# rules of the house that no compiler knows
tidy:
    cargo xtask tidy

# instructions of the hot paths, compared with the record; `just instructions --accept` writes it (needs valgrind)
instructions *ARGS:
    cargo xtask instructions {{ARGS}}

# the documentation of the code
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# write the outputs of scenarios as they are now; read the difference before committing it
accept:
    ACCEPT=1 cargo test -p crosspatch-backends --test scenarios

# ten minutes of soak, then all fuzz targets in turn; `NIGHTLY_HOURS=0.2 just nightly` is short
nightly:
    bash .ci/nightly

# licences, sources and advisories of the dependencies (needs cargo-deny)
deny:
    cargo deny check
