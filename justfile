# Everyday commands. Each is one that can be typed as well: CONTRIBUTING.md tells when.

# What there is
default:
    @just --list --unsorted

# Every test, against real PostgreSQL, MariaDB and SQLite; arguments are those of cargo test
test *ARGUMENTS:
    ./scripts/test {{ARGUMENTS}}

# The integration tests whose names contain FILTER
one FILTER:
    cargo test --workspace --locked --test integration -- {{FILTER}}

# The unit tests whose names contain FILTER
unit *FILTER:
    cargo test --workspace --locked --lib -- {{FILTER}}

# What the macros say about mistakes, written down anew: read the difference
ui:
    TRYBUILD=overwrite cargo test --workspace --locked --test integration -- macros::ui

# Formats everything
fmt:
    cargo fmt --all

# Clippy, as .ci/run has it
clippy:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# The documentation of the crates and their examples
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --lib --examples --locked

# A measurement by name: targets, lanes, throughput, middleware, fleet, overheads, all
bench NAME *ARGUMENTS:
    cargo run --release -p benchmarks -- {{NAME}} {{ARGUMENTS}}

# The long form of the attacks: ten minutes
attack:
    ./scripts/attack

# Fuzzers on a stable compiler, for so many seconds each
fuzz SECONDS="60":
    FUZZ_SECONDS={{SECONDS}} cargo test --workspace --locked --lib -- fuzzing::

# Everything that must pass before a change lands
ci:
    .ci/run

# The guide, as HTML; needs mdbook
book:
    mdbook build docs

# An example by name: quickstart, or migration with its arguments
example NAME="quickstart" *ARGUMENTS:
    cargo run --example {{NAME}} -- {{ARGUMENTS}}

# The example that is a whole application
library *ARGUMENTS:
    cargo run -p library -- {{ARGUMENTS}}
