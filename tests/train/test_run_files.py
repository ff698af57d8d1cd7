"""The files of runs are opened in one place, so that what holds there holds everywhere."""

import ast

import pytest
from conftest import ROOT

ON_PATHS = {"read_text", "write_text", "read_bytes", "write_bytes", "unlink", "rmtree", "rmdir", "mkdir", "touch"}
ON_PATHS |= {"fdopen", "chmod", "symlink_to", "hardlink_to"}
BY_NAME = {"open", "write_atomically", "load_arrays", "save_arrays", "read_spec"}
OF_OS = {"open", "replace", "rename", "remove", "makedirs"}
ELSEWHERE = {  # calls that open other files than those of runs -> what they open
    "NOTES.read_text('utf-8')": "notes on the models that ship",
    "STATM.read_text('ascii')": "what the system says of this process",
    "Path('/proc/cpuinfo').open(encoding='utf-8', errors='replace')": "what the system says of the machine",
    "folder.mkdir(parents=True, exist_ok=True)": "the run's own folder, new",
    "folder.rmdir()": "the run's own folder, empty",
    "open(path, 'rb', opener=at_once)": "the commit that is checked out",
    "os.open(os.devnull, os.O_RDONLY if name == 'stdin' else os.O_WRONLY)": "nothing",
    "os.open(os.devnull, os.O_WRONLY)": "nothing",
    "read_spec(path, overrides)": "a spec that a person names",
    "read_spec(spec, overrides)": "a spec that a person names",
}
APART = (  # the door; samples and their predictions
    "agcli/runs/files.py",
    "agcli/prediction/sources.py",
    "agcli/prediction/bad_rows.py",
    "agcli/prediction/sinks.py",
)
LIBRARIES = {"ZipFile", "loadtxt", "memmap", "fromfile", "scan_parquet", "scan_ipc", "read_csv", "read_ipc_stream"}
LIBRARIES |= {"read_excel", "read_ndjson", "sink_parquet", "write_parquet", "connect", "savefig", "copyfile"}
GUARDED = {  # files of all rooms that open what a path names -> what keeps them from waiting, or from other harm
    "agcli/cli/check.py": "read_spec",
    "agcli/cli/show.py": "read_spec",
    "agcli/cli/streams.py": "the null device",
    "agcli/cli/train.py": "read_spec",
    "agcli/data/whole_file.py": "what a person asked to be written; a pipe is waited for, as by any program",
    "agcli/model_gradients.py": "read_spec",
    "agcli/prediction/bad_rows.py": "in a folder of its own",
    "agcli/prediction/sinks.py": "in a folder of its own",
    "agcli/prediction/sources.py": "in a folder of its own",
    "agcli/python_api.py": "read_spec",
    "agcli/report/memory.py": "what the system says of this process",
    "agcli/report/plot.py": "in memory",
    "agcli/runs/environment.py": "is_file, O_NONBLOCK, a bound; nothing but a commit's hash is taken over",
    "agcli/runs/files.py": "O_NOFOLLOW, O_NONBLOCK, kinds and bounds",
    "agcli/runs/removal.py": "an empty folder, of a run that was looked at",
    "agcli/runs/run.py": "a new folder",
    "agcli/spec/source.py": "`waiting`, O_NONBLOCK, a bound",
    "agcli/zoo.py": "files that ship",
    "datasets/apart.py": "a path after check_size, or bytes, for a process of its own",
    "datasets/arrays.py": "check_size, by its reader",
    "datasets/compressed.py": "check_size, by its reader",
    "datasets/delimited.py": "bytes, or a path after check_size",
    "datasets/embedded.py": "files that ship",
    "datasets/excel.py": "check_size, by its reader",
    "datasets/foreign.py": "a file of its own, before a library opens it",
    "datasets/json_lines.py": "bytes",
    "datasets/remote.py": "the cache, whose files are ours by name and content",
    "datasets/scans.py": "check_size, by its reader",
    "datasets/sqlite.py": "check_size, by its reader",
    "datasets/stream.py": "the cache",
    "datasets/typed.py": "bytes, or a path after check_size",
}


def opened_in(text, libraries=frozenset()):
    """The calls of a text that open, write, rename or remove files by their paths."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name):
            is_one = node.func.id in BY_NAME
        elif isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "os":
            is_one = node.func.attr in OF_OS | ON_PATHS
        else:
            name = getattr(node.func, "attr", "")
            modes = [a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            is_file = not node.args or any(set(mode) <= set("rwabxt+") for mode in modes)
            is_one = name in ON_PATHS or (name == "open" and is_file) or name in libraries
        if is_one:
            yield ast.unparse(node)


@pytest.mark.parametrize("room", ["runs", "training", "evaluation", "prediction", "report", "cli", "inspection"])
def test_files_of_runs_are_opened_in_one_place(room):
    """Whatever touches files in the rooms that see runs is in the module for them, or is listed with its reason."""
    found = {}
    for path in sorted((ROOT / "agcli" / room).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if calls := [call for call in opened_in(path.read_text("utf-8")) if call not in ELSEWHERE]:
            found[name] = calls
    assert {name: calls for name, calls in found.items() if name not in APART} == {}


def test_whatever_opens_a_file_says_what_guards_it():
    paths = [p for room in ("agcli", "datasets") for p in (ROOT / room).rglob("*.py")]
    own = [p for p in paths if not any(q.is_symlink() for q in p.parents)]
    texts = {p.relative_to(ROOT).as_posix(): p.read_text("utf-8") for p in own}
    found = {name: [*opened_in(text, LIBRARIES)] for name, text in texts.items()}
    assert {name for name, calls in found.items() if [c for c in calls if ".touch(" not in c]} == set(GUARDED)


def test_other_ways_in_are_seen():
    calls = ["(run.folder / 'x').unlink()", "write_atomically(f, b'')", "open(p)", "os.replace(a, b)", "p.open('rb')"]
    harmless = ["run.files.write('a', b'')", "text.replace('a', 'b')", "Run.open(folder)", "replace(data, splits=1)"]
    assert [*opened_in("\n".join(calls + harmless))] == calls
