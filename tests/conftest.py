"""Fixtures: real servers, a fresh migrated database per test on both kinds, and the runtime on top of it."""
