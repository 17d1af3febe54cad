"""Completion in bash, for names as users of hubs have them, such as ana@example.org.

Bash begins a new word at "@", ":" and "=", and takes completions for shell text. Click, which hands on words and plain
values, loses both.
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
                # KEY= goes on.
                [[ $value == *= ]] && compopt -o nospace 2>/dev/null
                ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
%(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

WORD_BREAKS = {"@": 0, ":": 1, "=": 1}
"""What bash breaks words at, in names, and whether the next word begins after it."""
CURSOR = "\x00"
"""Marks where the cursor stands, so that an empty last word is a word."""


class Bash(BashComplete):
    """Reads the line itself, and answers with what takes the place of the word as bash sees it."""

    source_template = SCRIPT
    quote = ""
    """The quotation mark that is open at the cursor."""
    kept_characters = 0
    """Characters of the value that bash leaves as they are."""

    def get_completion_args(self) -> tuple[list[str], str]:
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
    """Words as the shell takes them, and the quotation mark that is still open."""
    for quote in ("", '"', "'"):
        try:
            return shlex.split(line + quote), quote
        except ValueError:
            continue
    return line.split(), ""
