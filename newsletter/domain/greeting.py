"""How a mail greets its reader."""

from __future__ import annotations

from collections.abc import Callable

_HELLO = {"en": ("Hello {name},", "Hello,"), "zh": ("{name}，您好：", "您好：")}


def greeting(name: str, *, language: str) -> str:
    """A greeting by name in the language of the issue, or a neutral one where the name is unknown."""
    return greeter(language)(name)


def greeter(language: str) -> Callable[[str], str]:
    """What greets by name in this language: for a whole audience, the language is looked up once."""
    named, neutral = _HELLO.get(language.partition("-")[0].lower(), _HELLO["en"])

    def greet(name: str) -> str:
        shown = " ".join(name.split())
        return named.format(name=shown) if shown else neutral

    return greet
