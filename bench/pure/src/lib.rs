//! Only a home for the benches.
