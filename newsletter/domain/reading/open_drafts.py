"""Open drafts: the story and the section that the assembler is in the middle of."""

from __future__ import annotations

from newsletter.domain.reading.drafts import Piece, SectionDraft, StoryDraft
from newsletter.domain.reading.labels import Field
from newsletter.domain.reading.lines import Line

_MOST_LINK_LINES = 5


class OpenPiece:
    """The value of a field, line after line."""

    def __init__(self, line: int, text: str, *, url: str | None) -> None:
        self.line, self.parts, self.url = line, [text] if text else [], url

    def closed(self) -> Piece:
        """The piece as it stands."""
        return Piece(line=self.line, parts=tuple(self.parts), url=self.url)


class OpenStory:
    """A story whose fields are being filled; `field` and `piece` are what further lines are added to."""

    def __init__(self, line: Line, text: str) -> None:
        self.line, self.ordinal, self.indent = line.number, line.ordinal, line.indent
        self.pieces: dict[Field, OpenPiece] = {}
        self.unlabelled: set[Field] = set()
        self.filled_below = False
        self.open(Field.HEADLINE, text, number=line.number, url=line.url)

    def open(self, field: Field, text: str, *, number: int, url: str | None) -> None:
        """Begin a field."""
        self.field = field
        self.piece = self.pieces[field] = OpenPiece(number, text, url=url)

    def reopen(self, field: Field) -> None:
        """Go on with a field that was left."""
        self.field, self.piece = field, self.pieces[field]

    @property
    def awaits_text(self) -> bool:
        """Whether a label stands alone, as labels of this story do that have their text below."""
        return self.filled_below and not self.piece.parts

    def add(self, text: str, *, url: str | None) -> None:
        """Add a line to the field that is open."""
        self.filled_below = self.filled_below or not self.piece.parts
        if text:
            self.piece.parts.append(text)
        self.piece.url = self.piece.url or url

    def lacks_address(self) -> bool:
        """Whether the story's link, if there is one, is words without an address; of many such lines, the first few."""
        link = self.pieces.get(Field.LINK)
        if link is None:
            return True
        return link.url is None and len(link.parts) < _MOST_LINK_LINES and not any("://" in part for part in link.parts)

    def closed(self) -> StoryDraft:
        """The draft of the story as it stands."""
        return StoryDraft(
            line=self.line, ordinal=self.ordinal, pieces={field: piece.closed() for field, piece in self.pieces.items()}
        )


class OpenSection:
    """A section whose stories are being read."""

    def __init__(self, title: str, line: int | None) -> None:
        self.title, self.line = title, line
        self.stories: list[StoryDraft] = []

    def closed(self) -> SectionDraft:
        """The draft of the section as it stands."""
        return SectionDraft(title=self.title, line=self.line, stories=tuple(self.stories))
