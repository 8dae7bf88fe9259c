mod calls;
mod canned;
mod changes;

use self::canned::{Canned, Reply, json};
