"""Configuration of the site: `make docs`.

With INTERSPHINX=yes in the environment, types of Python and JupyterHub link to their documentation. The build then
needs the network.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, NumpyDocstring
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.inspect import stringify_signature

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

import make_reference  # noqa: E402
import site_pages  # noqa: E402

import jhub  # noqa: E402
import jhub.errors  # noqa: E402

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT.get("urls", {}).get("Repository", "https://github.com/jhub-contributors/jhub")

project = "jhub"
author = "The jhub contributors"
project_copyright = author
version = release = jhub.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "sphinx_copybutton",
]
if os.environ.get("INTERSPHINX"):
    extensions.append("sphinx.ext.intersphinx")
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "jupyterhub": ("https://jupyterhub.readthedocs.io/en/stable", None),
    }
exclude_patterns = ["_build"]
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]
smartquotes = False  # it would make one dash of the two of an option
default_role = "code"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = f"jhub {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"source_repository": REPOSITORY, "top_of_page_buttons": []}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

EXAMPLES_LINE = "| Examples:"
# The type of an attribute of a class is not that of a parameter of the same name.
SECTIONS = Config(napoleon_use_rtype=False, napoleon_attr_annotations=False)
NEVER_CONSTRUCTED = frozenset(
    {
        "AsyncFleet",
        "AsyncSingleUser",
        "AsyncStream",
        "Fleet",
        "NameSummary",
        "Preview",
        "SingleUser",
        "Stream",
        "Summary",
    }
)
"""Classes that only methods return: their pages show no constructor."""


def links_out_of_the_docs(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links to files outside of docs/ lead to the repository."""
    folder = (HERE / docname).parent

    def target(match: re.Match[str]) -> str:
        path, anchor = match[1], match[2] or ""
        found = (folder / path).resolve()
        if found.is_relative_to(HERE) or not found.exists():
            return match[0]
        return f"]({REPOSITORY}/blob/main/{found.relative_to(ROOT).as_posix()}{anchor})"

    source[0] = re.sub(r"\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)", target, source[0])


def links_of_operations(app: Sphinx, docname: str, source: list[str]) -> None:
    """Link the methods and errors in the generated tables with their descriptions."""
    if docname == "reference/operations":
        source[0] = re.sub(r"(?m)^\| `hub\.([\w.]+)`", r"| {py:meth}`hub.\1 <jhub.Hub.\1>`", source[0])
    if docname == "reference/errors":
        source[0] = re.sub(r"(?m)^( *- )`(\w+)`", r"\1{py:exc}`\2 <jhub.\2>`", source[0])


def whole_signatures(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, arguments: str | None, result: str | None
) -> tuple[str, str] | None:
    """Show all parameters of an operation: autodoc hides the first one of a method, but an operation has no `self`."""
    if what == "class" and name.removeprefix("jhub.") in NEVER_CONSTRUCTED:
        return "", ""
    passes_on = getattr(thing, "__annotations__", {}).get("args") == "P.args"  # autodoc shows it as ~typing.~P
    if not passes_on and not hasattr(thing, "__operation__"):
        return None
    signature = inspect.signature(thing)
    if passes_on:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    shown, _, result = stringify_signature(signature).rpartition(" -> ")
    return shown.replace("\\", "\\\\"), result


def own_docstring(name: str, thing: Any) -> list[str]:
    """Return the docstring below the assignment of a constant or alias, in the module that defines it."""
    attribute = name.rpartition(".")[2]
    for module, loaded in sorted(sys.modules.items()):
        if not module.startswith("jhub.") or vars(loaded).get(attribute) is not thing:
            continue
        if lines := ModuleAnalyzer.for_module(module).find_attr_docs().get(("", attribute)):
            return lines
    raise ValueError(f"{name} has no docstring")


def docstrings_as_rst(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Turn the docstrings of this package into reST: code in backticks, an example, and text after the parameters.

    A public name becomes a link, except in its own description.
    """
    if what in ("data", "type"):
        lines[:] = own_docstring(name, thing)

    def code(match: re.Match[str]) -> str:
        public = match[1] in jhub.__all__ and not name.endswith(f".{match[1]}")
        return f":py:obj:`{match[1]} <jhub.{match[1]}>`" if public else f"``{match[1]}``"

    text = re.sub(r"(?<!`)`([^`]+)`(?!`)", code, "\n".join(lines))
    text = re.sub(r"(?<=[.:]\n\n)(?= {4}\w)", ".. code-block:: python\n\n", text, count=1)
    if first_section := re.search(r"^[A-Z]\w+\n-+$", text, re.MULTILINE):
        # In a section of numpydoc, a paragraph without indentation would be a parameter.
        blocks = text[first_section.start() :].split("\n\n")
        prose = [block for block in blocks if not re.match(r" |.+\n(?: |-)", block)]
        text = "\n\n".join(
            [text[: first_section.start()].rstrip(), *prose, *(each for each in blocks if each not in prose)]
        )
    if what not in ("attribute", "data", "property", "type"):  # in these, the text before a colon would be a type
        text = str(NumpyDocstring(text, SECTIONS, app, what, name, thing, options))
    lines[:] = [*text.split("\n"), ""]


def examples_as_code(app: Sphinx, ctx: click.Context, lines: list[str]) -> None:
    """Show the examples in the help of a command as code, and FILE:LINE, which is no address."""
    lines[:] = [re.sub(r"\b[A-Z]+:[A-Z]+\b", r"``\g<0>``", line) for line in lines]
    for start in [number for number, line in enumerate(lines) if line == EXAMPLES_LINE]:
        end = next((number for number in range(start, len(lines)) if not lines[number].startswith("|")), len(lines))
        code = [f"   {line.removeprefix('|').strip()}" for line in lines[start + 1 : end]]
        lines[start:end] = ["Examples:", "", ".. code-block:: sh", "", *code]


def full_names_of_commands(app: Sphinx, doctree: nodes.document) -> None:
    """Head the section of each command with its full name."""
    if app.env.docname.startswith("reference/commands/"):
        for section in doctree.findall(nodes.section):
            section[0].replace_self(nodes.title(text=section["names"][0]))


def pages_for_language_models(app: Sphinx, error: Exception | None) -> None:
    """Write llms.txt, the list of all pages, and llms-full.txt, the text of those that people have written."""
    if error or app.builder.name != "html":
        return
    written = [name for name in sorted(app.env.found_docs) if (HERE / f"{name}.md").exists()]
    index = [f"# jhub {release}\n\n> {PROJECT['description']}\n"]
    for folder in ("tutorials", "how-to", "reference", "explanation"):
        index.append(f"\n## {folder}\n")
        names = (name for name in sorted(app.env.found_docs) if name.startswith(f"{folder}/"))
        index += [f"- [{app.env.titles[name].astext()}]({name}.html)" for name in names if not name.endswith("/index")]
    (app.outdir / "llms.txt").write_text("\n".join(index) + "\n")
    texts = (f"<!-- {name} -->\n{(HERE / f'{name}.md').read_text()}" for name in written)
    (app.outdir / "llms-full.txt").write_text("\n".join(texts))


def setup(app: Sphinx) -> None:
    """Write the generated pages, and connect the functions above."""
    make_reference.write()
    site_pages.write_all()
    app.connect("source-read", links_out_of_the_docs)
    app.connect("source-read", links_of_operations)
    app.connect("autodoc-process-docstring", docstrings_as_rst)
    app.connect("autodoc-process-signature", whole_signatures)
    app.connect("sphinx-click-process-description", examples_as_code)
    app.connect("doctree-read", full_names_of_commands, priority=100)
    app.connect("build-finished", pages_for_language_models)
