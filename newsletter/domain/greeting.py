"""How a mail greets its reader."""

from __future__ import annotations

_HELLO = {"en": ("Hello {name},", "Hello,"), "zh": ("{name}，您好：", "您好：")}


def greeting(name: str, *, language: str) -> str:
    """A greeting by name in the language of the issue, or a neutral one where the name is unknown."""
    named, neutral = _HELLO.get(language.partition("-")[0].lower(), _HELLO["en"])
    shown = " ".join(name.split())
    return named.format(name=shown) if shown else neutral
