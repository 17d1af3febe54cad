"""Bash completion of names with special characters, such as ana@example.org.

Bash starts a new word at "@", ":" and "=", and inserts completions as shell text. Click's own class for bash completes
whole words with plain values, which works for neither.
"""

from __future__ import annotations

import os
import re
import shlex

from click.shell_completion import BashComplete, CompletionItem

SCRIPT = """\
%(complete_func)s() {
    local type value
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                COMPREPLY+=("$value")
                # A value follows KEY=.
                [[ $value == *= ]] && compopt -o nospace 2>/dev/null
                ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
%(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

WORD_BREAKS = {"@": 0, ":": 1, "=": 1}
"""Characters in names at which bash starts a new word: 0 if the word starts with the character, 1 if after it."""
CURSOR = "\x00"
"""Mark at the cursor, so that an empty last word counts as a word."""


class Bash(BashComplete):
    """Completion for bash that parses the line itself and returns the rest of the word as bash splits it."""

    source_template = SCRIPT
    quote = ""
    """Quotation mark that is open at the cursor."""
    kept_characters = 0
    """Number of characters of the value that are before the word as bash splits it."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor and the incomplete word, from COMP_LINE."""
        line = os.environ.get("COMP_LINE")
        if line is None:
            return super().get_completion_args()
        words, self.quote = _split(line + CURSOR)
        last = words.pop().removesuffix(CURSOR)
        value = last.partition("=")[2] if last.startswith("-") else last
        if not self.quote:
            breaks = set(os.environ.get("COMP_WORDBREAKS", "")) & WORD_BREAKS.keys()
            self.kept_characters = max((value.rfind(each) + WORD_BREAKS[each] for each in breaks), default=0)
        return words[1:], last

    def format_completion(self, item: CompletionItem) -> str:
        """Return a completion as the script reads it: its type and the text to insert."""
        return f"{item.type},{self._quoted(item.value[max(self.kept_characters, 0) :])}"

    def _quoted(self, text: str) -> str:
        match self.quote:
            case "'":
                return text.replace("'", "'\\''")
            case '"':
                return re.sub(r'(["\\$`])', r"\\\1", text)
            case _:
                return re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)


def _split(line: str) -> tuple[list[str], str]:
    """Return the words as the shell splits them, and the quotation mark that is still open."""
    for quote in ("", '"', "'"):
        try:
            return shlex.split(line + quote), quote
        except ValueError:
            continue
    return line.split(), ""
