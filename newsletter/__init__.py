"""The newsletter system that newsrooms trust with their readers."""

__version__ = "0.1.0"
