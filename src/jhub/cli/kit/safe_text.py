"""Text of a server on a terminal: colours stay, and every other control sequence is left out."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder

MAX_SEQUENCE_CHARACTERS = 4096
"""Maximum length of a control sequence that may still be incomplete."""
SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]"  # cursor, screen, colours
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # titles, links, the clipboard
    r"|\x1b[ -/]*[0-Z\\`-~]"
)
INCOMPLETE = re.compile(
    r"(?:\x1b\[[0-?]*[ -/]*|\x9b[0-?]*[ -/]*|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*\x1b?|\x1b[ -/]*)\Z"
)
COLOR = re.compile(r"\x1b\[[0-9;:]*m")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that change the direction of text. Newline, tab, and carriage return stay."""
RESET = "\x1b[0m"


class SafeText:
    """A filter for text that arrives in parts."""

    def __init__(self) -> None:
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._rest = ""
        self._has_color = False

    def add(self, data: bytes) -> str:
        """Return what is safe to print, of this part and what is left of those before it."""
        text = self._rest + self._decode(data)
        end = INCOMPLETE.search(text, max(0, len(text) - MAX_SEQUENCE_CHARACTERS))
        at = end.start() if end else len(text)
        text, self._rest = text[:at], text[at:]
        return self._clean(text)

    def end(self) -> str:
        """Return the rest, and what restores the colours."""
        text = self._clean(self._decode(b"", True))
        return text + (RESET if self._has_color else "")

    def _clean(self, text: str) -> str:
        parts: list[str] = []
        at = 0
        for match in SEQUENCE.finditer(text):
            parts.append(CONTROL.sub("", text[at : match.start()]).replace("\x1b", ""))
            if COLOR.fullmatch(match[0]):
                parts.append(match[0])
                self._has_color = True
            at = match.end()
        parts.append(CONTROL.sub("", text[at:]).replace("\x1b", ""))
        return "".join(parts)
