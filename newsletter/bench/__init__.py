"""Repeatable benchmarks, each with a `run` that returns its figures."""
