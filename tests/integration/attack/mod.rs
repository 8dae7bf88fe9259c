//! Attempts to get at somebody else's rows, to lose some, or to leave something behind. Each file is
//! one way to try. The short form runs with all tests, the long one in `scripts/attack`.

mod cancelled;
mod clocks;
mod faults;
mod load;
mod names;
mod network;
mod panics;
mod silence;
mod statements;
mod supply;
