"""Notebooks of many kinds, each for the kernel `python3`, without packages beside those of the kernel."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable
from typing import Any

import nbformat

PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n"
    + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [
            (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(b"\0\xff\0\0")),
            (b"IEND", b""),
        ]
    )
).decode()
"""A red dot."""
SHOW = "from IPython.display import *\n"
RAISES = "# tags: raises-exception\n"
SKIPPED = "# tags: skip-execution\n"
MARKDOWN = "# markdown\n"
COMM = """\
from comm import create_comm
parent = lambda: get_ipython().kernel.get_parent()["header"]["msg_id"]
"""
OUTPUT_MODEL = '{"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel", "outputs": []}'

SOURCES: dict[str, list[str]] = {
    "results": ["1 + 1", "x = 5", "x", "None", "'text'", "[list(range(20))] * 20", "x;", "_ , __"],
    "rich": [
        SHOW + "display(HTML('<b>bold</b>'), Markdown('*m*'), Latex(r'$\\alpha$'), Math('x^2'))",
        SHOW + "HTML('<table><tr><td>1</td></tr></table>')",
        SHOW + "JSON({'a': [1, 2.5, None, True, {'b': 'é'}]}, expanded=True)",
        SHOW + "Javascript('1 + 1')",
        "class Rich:\n"
        "    def _repr_html_(self): return '<i>i</i>'\n"
        "    def _repr_latex_(self): return '$x$', {'size': 3}\n"
        "    def __repr__(self): return 'Rich()'\n"
        "display(Rich(), metadata={'text/html': {'isolated': True}})\nRich()",
    ],
    "images": [
        SHOW + f"import base64\npng = base64.b64decode('{PNG}')\nImage(data=png, width=3, alt='a dot')",
        "display(Image(data=png), Image(data=png, format='png'))",
        'svg = \'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="3"/></svg>\'\nSVG(svg)',
        "display({'image/svg+xml': svg, 'text/plain': 'a circle'}, raw=True, metadata={'image/svg+xml': {'x': 1}})",
    ],
    "private data": [
        "data = {'data': [{'x': list(range(1000)), 'y': [i * 0.1 for i in range(1000)], 'type': 'scatter'}]}\n"
        "display({'application/vnd.plotly.v1+json': data, 'text/plain': 'a plot'}, raw=True)",
        "display({'application/geo+json': {'type': 'Point', 'coordinates': [0, 1e-9, -1]}}, raw=True)",
        "display({'application/json': None, 'text/x-own': 'own'}, raw=True)\n"
        "display({'application/json': 'text', 'x/y': ''}, raw=True, transient={'x': 1})",
    ],
    "widgets": [
        COMM + "import struct\n"
        "state = {'_model_name': 'FloatModel', '_model_module': '@jupyter-widgets/controls', 'value': 1.5,"
        " '_model_module_version': '2.0.0', 'nested': {'a': [1, {'b': None}]}}\n"
        "comm = create_comm(target_name='jupyter.widget', comm_id='f' * 32, data={'state': state, 'buffer_paths': []})",
        "comm.send({'method': 'update', 'state': {'value': 2.5}})\n"
        "comm.send({'method': 'update', 'state': {'name': 'é'}, 'buffer_paths': [['array'], ['more', 0]]},"
        " buffers=[b'\\0\\1', memoryview(b'\\xff' * 100)])\n"
        "comm.send({'method': 'custom', 'content': {'x': 1}})\n"
        "mime = {'model_id': comm.comm_id, 'version_major': 2, 'version_minor': 0}\n"
        "display({'application/vnd.jupyter.widget-view+json': mime, 'text/plain': 'FloatModel()'}, raw=True)",
        "other = create_comm(target_name='not.a.widget', comm_id='0' * 32, data={'state': {'x': 1}})\nother.close()",
    ],
    "output widgets": [
        COMM + f"outer = create_comm(target_name='jupyter.widget', comm_id='a', data={{'state': {OUTPUT_MODEL}}})\n"
        f"inner = create_comm(target_name='jupyter.widget', comm_id='b', data={{'state': {OUTPUT_MODEL}}})\n"
        "import sys\n"
        "def capture(comm, request):\n"
        "    sys.stdout.flush()\n"  # as ipywidgets does it: else the text comes later
        "    comm.send({'method': 'update', 'state': {'msg_id': request}})",
        SHOW + "print('before')\ncapture(outer, parent())\n"
        "print('captured', flush=True)\nprint('too')\ndisplay('shown', display_id='same')\n"
        "capture(inner, parent())\nprint('inside')\nclear_output(wait=True)\n"
        "print('instead')\ncapture(inner, '')\nprint('outside')\n"
        "capture(outer, '')\nprint('after')",
        "capture(outer, parent())\nclear_output()\n1/0",
        "print('the next cell is not captured')",
    ],
    "errors": [
        RAISES + "1/0",
        RAISES + "def f(n):\n    return f(n - 1) if n else [][3]\nf(3)",
        RAISES + "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('é \\x1b[1m bold') from error",
        RAISES + "if:",
        RAISES + "print('out')\nimport sys\nprint('err', file=sys.stderr)\nassert 1 == 2, 'never'",
        RAISES + "raise SystemExit(3)",
        RAISES + "class Odd(Exception):\n    def __str__(self): raise ValueError('no text')\nraise Odd",
        "'the rest runs'",
    ],
    "tags": ["x = 1", SKIPPED + "x = 2\nx", "x", RAISES + "x", SKIPPED + "1/0", RAISES + "undefined", "x + 1"],
    "an error ends it": ["print(1)", "1/0", "print('never')"],
    "allowed errors": ["1/0", "undefined", "print('all the same')", "if", "1"],
    "clear": [
        SHOW + "print(1)\nclear_output()\nprint(2)",
        "display(1)\nprint(2)\nclear_output(wait=True)",
        "display(1)\nprint(2)\nclear_output(wait=True)\ndisplay(3)\nprint(4)",
        "for i in range(50):\n    clear_output(wait=True)\n    print(i)\n    display(HTML(f'<p>{i}</p>'))",
        "print(1)\nclear_output()",
        "print(1)\nclear_output(wait=True)\nclear_output()\nprint(2)",
        RAISES + "print(1)\nclear_output(wait=True)\n1/0",
    ],
    "displays that change": [
        SHOW + "one = display('one', display_id='one')\nprint('between')\nall = display(1, display_id=True)\n1",
        "one.update('uno')\nprint('nothing here')",
        "print('x')\ndisplay(HTML('<b>again</b>'), display_id='one')\ndisplay(2)",
        "one.update(HTML('<i>all of them</i>'), metadata={'a': 1})\nall.update({'image/png': ''}, raw=True)",
        "for i in range(30):\n    all.update(i)",
        "update_display('nobody', display_id='unknown')",
        "display(1, display_id='cleared')\nclear_output()\ndisplay(2)\nupdate_display(3, display_id='cleared')",
        "update_display(4, display_id='cleared')\nclear_output(wait=True)\nupdate_display(5, display_id='one')",
    ],
    "unicode": [
        "print('é ü 漢字 🙂 \\u202eabc\\u202c \\0 \\x07 \\x9b \\x7f \\u2028')",
        "'e\\u0301 \\U0001f468\\u200d\\U0001f469'",
        "ж = 'кириллица'\nж",
        RAISES + "raise ValueError('漢字')",
        "display({'text/plain': 'ñ', 'application/json': {'ключ': '值'}}, raw=True, metadata={'é': 'ü'})",
    ],
    "progress bars": [
        "import sys\nfor i in range(101):\n    print(f'\\r{i:3}% ' + '#' * (i // 5), end='', flush=True)\nprint()",
        "for i in range(101):\n    sys.stderr.write(f'\\r{i}/100')\nsys.stderr.write('\\n')\nprint('done')",
        "print('one\\r\\ntwo\\r\\n', end='')\nprint('over\\rwritten', end='')",
        "print('\\r', end='')\nprint('first\\rsecond\\r')",
        "for i in range(3):\n    print(f'{i}\\r', end='', flush=True)",
    ],
    "backspaces": [
        "for c in '|/-\\\\':\n    print(c, end='\\b', flush=True)\nprint('done')",
        "print('abc\\b\\bX')\nprint('\\bstart\\n\\b\\bnot the line before')",
    ],
    "large": [
        "import base64\ntext = base64.b64encode(bytes(range(256)) * 15_000).decode()\n"
        "display({'image/png': text, 'text/plain': 'large'}, raw=True)",
        "display({'application/json': list(range(100_000))}, raw=True)",
        "for i in range(2_000):\n    print(i, 'x' * 200)",
        "'y' * 300_000",
        "for i in range(300):\n    display(i)",
    ],
    "both streams": [
        "import sys\nfor i in range(9):\n    print(i)\n    print(-i, file=sys.stderr)",
        "print('err', file=sys.stderr)\nsys.stderr.flush()\ndisplay(1)\nprint('out')\nprint('err', file=sys.stderr)\n2",
        "sys.stderr.write('only')",
        "import logging, warnings\nlogging.warning('logged')\nwarnings.warn('warned')",
        "print(end='')\nprint('no newline', end='')",
    ],
    "empty": ["", "   \n", MARKDOWN + "# Title", "# a comment", "1", "\n\n", "pass", "2", MARKDOWN],
    "input": [RAISES + "input('name? ')", RAISES + "import getpass\ngetpass.getpass()", "'the rest runs'"],
    "magics": [
        "%env JHUB_X=1",
        "%%capture kept\nprint('hidden')\ndisplay(1)\n2",
        "kept.stdout, kept.outputs",
        "kept.show()",
        "%%time\nprint('timed')",
        "%who_ls",
        RAISES + "%no_such_magic",
        "%%html\n<b>html</b>",
        "%%latex\n$x$",
        "len?",
        "%%python\nprint('another process')",
        "ran = get_ipython().run_cell('print(7)\\n7')",
    ],
    "shell": [
        "%%bash\necho out\necho err >&2",
        RAISES + "%%bash\necho out\nexit 3",
        "!echo one; echo two",
        "lines = !seq 3\nlines",
        "!exit 3\n_exit_code",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'raise SystemExit(4)']).returncode",
        "import os\nif not (child := os.fork()):\n    os._exit(5)\nos.waitstatus_to_exitcode(os.waitpid(child, 0)[1])",
        "%%sh --out caught\necho caught\n",
        "caught",
    ],
    "asynchronous": [
        "import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')",
        "async def work(i):\n    await asyncio.sleep(0.01 * i)\n    print(i)\n    return i\n"
        "await asyncio.gather(*map(work, range(4)))",
        RAISES + "await asyncio.sleep(0.01)\nawait work()",
        "task = asyncio.create_task(work(0))\nawait task",
        "async with asyncio.timeout(60):\n    display('inside')",
    ],
    "threads": [
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "def work(i):\n    display(i)\n    return i\n"
        "threads = [threading.Thread(target=work, args=[i]) for i in range(3)]\n"
        "for thread in threads:\n    thread.start()\n    thread.join()\nprint('joined')",
        "with ThreadPoolExecutor(1) as pool:\n    print(list(pool.map(work, range(3))))",
    ],
    "counts": [
        "In[-1]",
        RAISES + "1/0",
        "",
        "get_ipython().execution_count",
        "_2 if '_2' in globals() else 'no result'",
        "Out",
        "%reset -f out",
        "'last'",
    ],
}
"""The cells of each notebook. A first line has the tags of a cell, or makes it Markdown."""
ALLOW_ERRORS = {"allowed errors", "output widgets"}
"""Notebooks in which every cell may fail."""


def make(sources: Iterable[str]) -> Any:
    """Return a notebook of these cells."""
    return nbformat.v4.new_notebook(  # type: ignore[no-untyped-call]
        cells=[_cell(source, number) for number, source in enumerate(sources)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


def _cell(source: str, number: int) -> Any:
    if source.startswith(MARKDOWN):
        return nbformat.v4.new_markdown_cell(source.removeprefix(MARKDOWN), id=f"cell{number}")  # type: ignore[no-untyped-call]
    first, _, rest = source.partition("\n")
    tags = first.removeprefix("# tags: ").split() if first.startswith("# tags: ") else []
    metadata = {"tags": tags} if tags else {}
    return nbformat.v4.new_code_cell(rest if tags else source, id=f"cell{number}", metadata=metadata)  # type: ignore[no-untyped-call]
