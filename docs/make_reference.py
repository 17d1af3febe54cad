"""Write the pages of docs/reference that are made from the code, and can be read without the site.

They are kept in the repository, because the pages beside them link there. `tests/meta` compares them with the code.
The pages that only the site can show are made by site_pages.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from make_operations import page as operations

import jhub.errors
import jhub.extension
from jhub.cli.help import ENVIRONMENT, OUTPUT
from jhub.cli.kit.exit_codes import CODES, ERROR_CODES
from jhub.errors import HubError
from jhub.profiles import application_hub
from jhub.profiles.schema import FORM_KEYS, SCHEMA
from jhub.state import json_schema

FOLDER = Path(__file__).parent / "reference"

IN_THE_HUB = {
    "JUPYTERHUB_SSL_CERTFILE, JUPYTERHUB_SSL_KEYFILE": "client certificate and its key (`internal_ssl`)",
    "JUPYTERHUB_SSL_CLIENT_CA": "CA certificates that vouch for the hub (`internal_ssl`)",
    "JUPYTERHUB_SERVER_NAME": "name of the server: hints of errors then name `server_token_scopes`",
    "JUPYTERHUB_SERVICE_NAME": "name of the service: hints of errors then name its role",
    "JUPYTERHUB_SERVICE_PREFIX": "set in every server and service; `jhub login` then does not open a browser here",
}
"""Variables that JupyterHub sets in its servers and services, and jhub reads, beside those of `jhub help`."""
OTHERS = {
    "HTTP_PROXY, ALL_PROXY": "proxies, like HTTPS_PROXY",
    "SSL_CERT_DIR": "folder of CA certificates to trust",
    "BROWSER": "the browser that `jhub login` and `jhub server open` start",
    "SSH_CONNECTION, SSH_TTY, DISPLAY, WAYLAND_DISPLAY": "whether this machine has a browser to open",
}
OWN = {
    "_JHUB_COMPLETE": "set by the completion script of the shell",
    "JHUB_LOCAL_INSTANCE": "set by the local hub for its processes, which it finds by that",
}
"""Variables that jhub sets for itself."""


STATE_FILES = """\
# State files

A state file names the users, groups, members, servers and roles that a hub should have. It is YAML, or JSON if its \
name ends with `.json`.

<!-- file: jhub.yaml -->
```yaml
version: 1
owner: cs101-fall26
users:
  - ada                                   # short for {name: ada}
  - {name: bo, admin: true}
groups:
  - name: cs101
    members: {roster: roster.csv, column: Email, name: before-@, where: {Section: A}, also: [ada]}
    properties: {mem_limit: 2G}
  - {name: gpu, members: {at-least: [ada]}}
  - {name: lab, members: [ada, bo]}
servers: [{user: ada, name: grading, options: {profile: large}, display-name: Grading}]
roles:   [{name: cs101-staff, scopes: ["read:users!group=cs101"], users: [ada], groups: [cs101-staff]}]
protect: {users: [ada]}
limits: {leave: 20%}
grace: 7d
```

<!-- file: roster.csv -->
```text
Email,Section
cy@example.org,A
di@example.org,B
```

`jhub validate` checks a file, and needs no hub. It prints all problems at once, with their lines:

```sh
jhub validate jhub.yaml
```

<!-- output -->
```text
jhub.yaml is valid: 2 users, 3 groups, 5 members, 1 server, 1 role
```

In Python, `jhub.state.load` returns the document, `jhub.state.check` all problems, and `jhub.state.to_yaml` the \
text of a document.

## Completion in an editor

`jhub validate --schema` prints the JSON Schema. The YAML language server, which many editors have, reads its place \
from the first line of a state file:

```sh
jhub validate --schema > state.schema.json
```

<!-- not run: it is the first line of a state file -->
```yaml
# yaml-language-server: $schema=state.schema.json
version: 1
```

## How values are read

A text needs no quotes: a user `007123` or `no`, and an owner `2026`, are read as they are written. In `properties` \
and `options`, values without quotes are numbers, `true`, `false` and `null` as in JSON, and all others are text: \
`2` is a number; `"2"`, `2G`, `007` and `no` are text. A value that is not written is an error: write `[]`, `{}` or \
`null`.

A key that is left out is not managed: jhub does not change it. Duplicate and unknown keys, tags, and several \
documents in a file are errors. Anchors, aliases and `<<` work.

Several files are one document. A user, group, server or role stands in one of them only, and settings must not \
contradict each other.
"""
STATE_FILE_NOTES = {
    "GroupForm": """
The group is created if it does not exist. The property `jhub` of a group is reserved: it has the owner.
""",
    "MembersForm": """
`members` is a list of all members, or a mapping with one of the keys `roster`, `command` and `at-least`. In the \
first three cases, everybody else leaves the group. `column`, `name`, `where` and `also` are for rosters, and \
`format` is for commands.

A roster is a regular file below the folder of the state file, also behind links. An empty or missing roster is an \
error. If a row has no usable name, nobody leaves the group until the roster is corrected.

A command runs only with `--allow-commands` (`allow_commands=True`): without a shell, in the folder of the state \
file, for 60 seconds at most, and without the hub's token in its environment. `jhub validate` never runs it.
""",
}
"""Paragraphs below the tables of keys."""


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """Return a table of Markdown."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def names(text: str) -> str:
    """Return the names of a list with commas as code."""
    return ", ".join(f"`{name}`" for name in text.split(", "))


def first_paragraph(thing: object) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def errors() -> str:
    """Return the page of errors: the tree, with the exit code of each."""

    def branch(kind: type[HubError], depth: int) -> Iterator[str]:
        code = next(code for parent, code in ERROR_CODES if issubclass(kind, parent))
        yield f"{'  ' * depth}- `{kind.__name__}` (exit code {code}): {first_paragraph(kind)}\n"
        for child in kind.__subclasses__():
            if child.__name__ in jhub.errors.__all__:
                yield from branch(child, depth + 1)

    return (
        "# Errors\n\n"
        "Every error of jhub is a `HubError`. The tree groups the errors by meaning: `except NotFound` catches "
        "`UnknownUser` too. `from jhub import NotFound` and `from jhub.errors import NotFound` import the same \
class. "
        "`str(error)` is one line, `error.hint` says what to do next, and `error.to_dict()` is the object that the "
        "command line prints to stderr with `-o json`. The command line ends with the exit code of the error.\n\n"
    ) + "".join(branch(HubError, 0))


def exit_codes() -> str:
    """Return the page of exit codes."""
    return (
        "# Exit codes\n\n`jhub help exit-codes` prints this table. [Errors](errors.md) lists the code of each error."
        "\n\n"
    ) + table(("code", "meaning"), ((f"`{code}`", meaning) for code, meaning in CODES.items()))


def environment() -> str:
    """Return the page of environment variables."""
    parts = {
        "": ("`jhub help environment` prints the first table. The client reads these variables too.", ENVIRONMENT),
        "Inside a server or service of the hub": (
            "JupyterHub sets these variables, and `JUPYTERHUB_API_URL` with `JUPYTERHUB_API_TOKEN`.",
            IN_THE_HUB,
        ),
        "Variables of the system": ("", OTHERS),
        "Variables that jhub sets": ("Do not set these variables yourself.", OWN),
    }
    text = "# Environment variables\n"
    for title, (intro, variables) in parts.items():
        text += (f"\n## {title}\n" if title else "") + (f"\n{intro}\n" if intro else "") + "\n"
        text += table(("variable", "meaning"), ((names(name), meaning) for name, meaning in variables.items()))
    return text


def output_formats() -> str:
    """Return the page of output formats."""
    return (
        "# Output formats\n\n`jhub help output` prints this text.\n\n"
        f"<!-- not run: it is the text of the help -->\n```text\n{OUTPUT}```\n"
    )


def kind_of(schema: dict[str, Any]) -> str:
    """Return the type of a value in words."""
    if "$ref" in schema:
        return names(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(kind_of(each) for each in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join("null" if value is None else f"`{value}`" for value in values)
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "array" in types:
        return f"list of {kind_of(schema['items'])}"
    if "object" in types and isinstance(schema.get("additionalProperties"), dict):
        return f"mapping of {kind_of(schema['additionalProperties'])}"
    words = {"string": "text", "boolean": "true or false", "object": "mapping", "null": "null"}
    return " or ".join(words[each] for each in types if each != "null")


def profiles_file() -> str:
    """Return the page of the profiles file."""
    titles = {"": "The file", "profile": "A profile", "option": "An option", "choice": "A choice"}
    titles |= {"unlisted_choice": "A text of the user's own", "spawner_override": "Settings of the spawner"}
    titles |= {"kubespawner_override": "Settings of KubeSpawner"}
    text = (
        "# The profiles file\n\n"
        "The hub reads this YAML file, which `jhub.extension.enable(c, profiles=...)` names. "
        "[Profiles](../how-to/profiles.md) explains it with examples. `jhub profile schema` prints its JSON Schema, "
        "for editors. `jhub profile check FILE` checks a file, and finds more than the schema does.\n"
    )
    for name, title in titles.items():
        schema = SCHEMA["$defs"][name] if name else SCHEMA
        text += f"\n## {title}{f' (`{name}`)' if name else ''}\n\n"
        text += f"{schema['description']}\n\n" if "description" in schema else ""
        rows = ((f"`{key}`", each.get("description", ""), kind_of(each)) for key, each in schema["properties"].items())
        text += table(("key", "meaning", "type"), rows)
    return (
        text + f"\nFor the form of jupyterhub-fancy-profiles, options and choices may also have the keys "
        f"{names(', '.join(sorted(FORM_KEYS)))}.\n\n"
        "## The file of an application hub\n\n"
        "In a file of EOEPCA's application hub, a profile has other keys: "
        f"{names(', '.join(application_hub.KEYS))}. "
        "[Moving an application hub](../how-to/application-hub.md) explains them.\n"
    )


def state_files() -> str:
    """Return the page of state files."""
    titles = {"StateFileForm": "The file", "UserForm": "A user (`users`)", "GroupForm": "A group (`groups`)"}
    titles |= {"MembersForm": "A roster, or at least these (`members`)", "ServerForm": "A named server (`servers`)"}
    titles |= {"RoleForm": "A role (`roles`)", "ProtectForm": "`protect`", "LimitsForm": "`limits`"}
    definitions = json_schema()["$defs"]
    text = STATE_FILES
    for name, title in titles.items():
        schema = definitions[name]
        text += f"\n## {title}\n\n"
        rows = (
            (f"`{key}`{' (required)' if key in schema['required'] else ''}", each["description"])
            for key, each in schema["properties"].items()
        )
        text += table(("key", "meaning"), rows)
        text += STATE_FILE_NOTES.get(name, "")
    return text


def configuration() -> str:
    """Return the page of the extension's configuration."""
    defaults = {
        name: "" if parameter.default in (parameter.empty, ...) else f"`{parameter.default!r}`"
        for name, parameter in inspect.signature(jhub.extension.enable).parameters.items()
    }
    doc = inspect.getdoc(jhub.extension.enable) or ""
    return (
        "# Configuration of the extension\n\n"
        "`jhub.extension.enable` in `jupyterhub_config.py` is the whole configuration. It needs JupyterHub 5.3 or "
        "later.\n\n<!-- run by: tests/docs/test_examples.py -->\n```python\nimport jhub.extension\n\n"
        'jhub.extension.enable(c, profiles="profiles.yaml", login_client=True)\n```\n\n'
        + table(("parameter", "default"), ((f"`{name}`", default) for name, default in defaults.items()))
        + f"\n{doc}\n"
    )


PAGES = {
    "operations": operations,
    "errors": errors,
    "exit-codes": exit_codes,
    "environment": environment,
    "output-formats": output_formats,
    "profiles-file": profiles_file,
    "configuration": configuration,
    "state-files": state_files,
}
"""The function that makes each page."""


def write() -> None:
    """Write all pages that differ."""
    for name, make in PAGES.items():
        path = FOLDER / f"{name}.md"
        if not path.exists() or path.read_text() != make():
            path.write_text(make())


if __name__ == "__main__":
    write()
