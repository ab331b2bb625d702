//! Packages of the npm registry.
