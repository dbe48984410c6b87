"""Command lines of the documentation, taken apart as a shell would: enough to look at each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tests.documentation import Block

_SEPARATORS = {"|", "||", "&", "&&", ";", "(", ")"}
_REDIRECTIONS = {">", ">>", "<", "2>", "2>&1", "&>"}
_HEREDOC = re.compile(r"<<-?'?(\w+)'?([^\n]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"\w+=")


def commands(block: Block) -> Iterator[list[str]]:
    """The words of each command; of a console block those behind the prompt."""
    text = _typed(block.text) if block.language == "console" else block.text
    text = _HEREDOC.sub(r"\2", text).replace("\\\n", " ")
    for line in text.splitlines():
        yield from _commands_of(line)


def documents(block: Block) -> list[str]:
    """What stands between ``<<EOF`` and ``EOF``."""
    return [found[3] for found in _HEREDOC.finditer(block.text)]


def _typed(text: str) -> str:
    prompted = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    return "\n".join(prompted) if prompted else text


def _commands_of(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.wordchars += "$=~:@[]{}*?!,%+^\\"
    words: list[str] = []
    for word in lexer:
        if word in _SEPARATORS:
            yield from _without_noise(words)
            words = []
        else:
            words.append(word)
    yield from _without_noise(words)


def _without_noise(words: list[str]) -> Iterator[list[str]]:
    """Without redirections and what is set for the command alone."""
    kept: list[str] = []
    skip = False
    for word in words:
        redirects = word in _REDIRECTIONS
        if not (skip or redirects or (not kept and _ASSIGNMENT.match(word))):
            kept.append(word)
        skip = redirects
    if kept:
        yield kept
