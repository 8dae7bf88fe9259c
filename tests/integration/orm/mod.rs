//! Every path through SeaORM reads and writes the bound tenant's rows, and no others.

mod crud;
