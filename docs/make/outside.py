"""A hook of MkDocs: pages that stand elsewhere in the repository become pages of the site.

The chart's README, the examples and the changelog stay beside what they are about. An example's
page shows its files as well. A link to anything else outside of ``docs/`` becomes its text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
OUTSIDE = [
    "CHANGELOG.md",
    "charts/fastapi-maintenance/README.md",
    *(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("examples/**/README.md"))),
]
LANGUAGES = {".py": "python", ".yaml": "yaml"}
LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let each example follow the page of all, and a page that is nowhere the reference."""
    examples = [name for name in OUTSIDE if re.match(r"examples/\d", name)]
    sections = {name: pages for section in config.nav or () for name, pages in section.items()}
    if "Examples" in sections:
        placed = str(sections)
        docs = ROOT / "docs"
        pages = sorted(str(path.relative_to(docs)) for path in docs.rglob("*.md"))
        sections["Reference"] += [page for page in pages if f"'{page}'" not in placed]
        sections["Examples"] += examples
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for name in OUTSIDE:
        files.append(File.generated(config, name, content=text_of(name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to where their pages are on the site."""
    folder = posixpath.dirname(place_of(page.file.src_uri))
    return LINK.sub(lambda link: relinked(link, folder, page.file.src_uri), markdown)


def text_of(name: str) -> str:
    """A page's Markdown; of an example its files as well."""
    file = ROOT / name
    text = file.read_text()
    if not re.match(r"examples/\d", name):
        return text
    shown = [path for path in sorted(file.parent.iterdir()) if path.suffix in LANGUAGES]
    return text + "".join(listing(path) for path in shown)


def listing(path: Path) -> str:
    """A file of an example, as the page shows it."""
    return f"\n## {path.name}\n\n```{LANGUAGES[path.suffix]}\n{path.read_text()}```\n"


def place_of(page: str) -> str:
    """Where a page's file is in the repository."""
    return page if page in OUTSIDE else f"docs/{page}"


def relinked(link: re.Match[str], folder: str, page: str) -> str:
    """A link of a page whose file is in a folder, as the site needs it."""
    text, target, anchor = link[1], link[2], link[3] or ""
    if "://" in target:
        return link[0]
    path = posixpath.normpath(posixpath.join(folder, target))
    if path == "README.md":
        path = "docs/README.md"
    if path not in OUTSIDE and not path.startswith("docs/"):
        return text if (ROOT / path).exists() else link[0]
    onsite = path.removeprefix("docs/")
    return f"[{text}]({posixpath.relpath(onsite, posixpath.dirname(page) or '.')}{anchor})"
