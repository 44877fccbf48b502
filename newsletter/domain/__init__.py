"""Values and decisions. Standard library only: no IO, no clock, no SQL."""
