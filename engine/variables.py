"""Named state that lives between steps: namespaces, arenas, save and load."""

from __future__ import annotations

import json
import os
import secrets
import stat
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from .errors import StateError
from .graph import Tensor, label
from .leaves import Variable, variable
from .types import Array

MAX_FILE = 64 * 2**30  # bytes
MAX_HEADER = 100 * 2**20  # bytes; safetensors' own limit


class Variables(Mapping[str, Variable]):
    """A set of variables by name; ``namespace`` gives a view under a prefix.

    >>> store = ag.Variables()
    >>> w = store.namespace("encoder").add("w", [[1.0, 2.0]])
    >>> list(store), w.shape
    (['encoder.w'], (1, 2))
    """

    def __init__(self) -> None:
        self._items: dict[str, Variable] = {}
        self._prefix = ""

    def namespace(self, name: str) -> Variables:
        """The same set seen under ``name.``; what is added there is in the whole set too."""
        if not name or name != name.strip("."):
            raise StateError(f"variables: a namespace is a plain name, got {name!r}")
        view = Variables()
        view._items, view._prefix = self._items, f"{self._prefix}{name}."
        return view

    def add(self, name: str, value: Any, dtype: Any = None, trainable: bool = True) -> Variable:
        """A new variable under this namespace, initialised with a copy of ``value``."""
        return self.put(name, variable(value, dtype=dtype, trainable=trainable))

    def put(self, name: str, v: Variable) -> Variable:
        """Add a variable that exists already."""
        full = self._prefix + name
        if full in self._items:
            raise StateError(f"variables: {full!r} exists already")
        v.name = full
        self._items[full] = v
        return v

    def __getitem__(self, name: str) -> Variable:
        try:
            return self._items[self._prefix + name]
        except KeyError:
            raise StateError(f"variables: there is no {self._prefix + name!r}") from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._prefix + name in self._items

    def __iter__(self) -> Iterator[str]:
        return (k[len(self._prefix) :] for k in self._items if k.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @property
    def trainable(self) -> list[Variable]:
        return [v for v in self.values() if v.trainable]

    def save(self, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
        """Write all values to a safetensors file, atomically."""
        save_arrays(path, {k: v.value for k, v in self.items()}, metadata)

    def load(self, path: str | os.PathLike[str]) -> dict[str, str]:
        """Read the values of all variables from a file that ``save`` wrote; returns its metadata.

        The file must hold exactly these names with these shapes and dtypes; otherwise nothing is changed.
        """
        arrays, metadata = load_arrays(path)
        assign(dict(self), arrays, str(path))
        return metadata


def assign(variables: Mapping[str, Variable], arrays: Mapping[str, Array], source: str) -> None:
    """Set every variable, or refuse with everything that does not fit and change nothing."""
    problems = [f"lacks {k!r}" for k in variables if k not in arrays]
    problems += [f"has {k!r}, which is not a variable here" for k in arrays if k not in variables]
    for k, v in variables.items():
        a = arrays.get(k)
        if a is not None and (a.shape != v.shape or a.dtype != v.dtype):
            problems.append(f"has {k!r} as {a.dtype}{a.shape}, expected {v.type}")
    if problems:
        more = f", and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise StateError(f"{source}: does not fit these variables: it {'; '.join(problems[:5])}{more}")
    for k, v in variables.items():
        v.value = arrays[k]


def pack(variables: Sequence[Variable], name: str | None = None) -> Variable:
    """One flat variable whose memory holds all of ``variables``, which from now on are views of it.

    An update of the flat variable is an update of them all, in as many kernel calls as for one.

    >>> w, b = ag.variable([[1.0, 2.0]]), ag.variable([3.0])
    >>> flat = ag.pack([w, b])
    >>> flat.value = [4.0, 5.0, 6.0]
    >>> print(flat.shape, w.value, b.value)
    (3,) [[4. 5.]] [6.]
    """
    if len({v.dtype for v in variables}) != 1:
        raise StateError(f"pack: the variables must share one dtype: {', '.join(str(v.type) for v in variables)}")
    taken = [label(v) for v in variables if v.arena is not None]
    if taken:
        raise StateError(f"pack: {', '.join(taken)} lie in another arena already")
    flat = Variable(np.empty(sum(v.value.size for v in variables), variables[0].dtype), name, trainable=True)
    start = 0
    for v in variables:
        stop = start + v.value.size
        v.rebase(flat.value[start:stop].reshape(v.value.shape))
        v.arena = flat
        start = stop
    return flat


def packed(variables: Sequence[Variable]) -> Variable | None:
    """The arena that holds exactly ``variables`` in this order, if there is one."""
    arenas = {id(v.arena): v.arena for v in variables}
    arena = next(iter(arenas.values()), None)
    if len(arenas) != 1 or arena is None or arena.value.size != sum(v.value.size for v in variables):
        return None
    addresses = [v.value.__array_interface__["data"][0] for v in variables]
    return arena if addresses == sorted(addresses) else None


def save_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays to a safetensors file: temporary file in the same folder, fsync, rename, fsync of the folder.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     ag.save_arrays(folder + "/w.safetensors", {"w": np.array([1.0, np.nan])}, {"epoch": "3"})
    ...     print(*ag.load_arrays(folder + "/w.safetensors"))
    {'w': array([ 1., nan])} {'epoch': '3'}
    """
    write_atomically(path, packed_arrays(arrays, metadata))


def packed_arrays(arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> bytes:
    """The content of a safetensors file."""
    from safetensors.numpy import save

    # One key, because safetensors writes several in an order that changes from process to process.
    said = {"agcli": json.dumps(dict(sorted(metadata.items())))} if metadata else None
    packed: bytes = save({k: np.ascontiguousarray(v).reshape(v.shape) for k, v in arrays.items()}, said)
    return packed


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Put ``data`` in the place of ``path`` so that at every moment the old or the new content is whole.

    Permissions are those of the file that was there, or as the umask has it.
    Raises OSError with the name of ``path``, not that of the temporary file beside it.
    """
    target = Path(path)
    try:
        _replace(target, data)
    except OSError as e:
        raise OSError(e.errno, e.strerror, str(path)) from None
    sync_folder(target.parent)


def _replace(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as f:
            if hasattr(os, "fchmod"):
                with suppress(OSError):  # nothing was there, or the file system has no permissions
                    os.fchmod(handle, stat.S_IMODE(target.stat().st_mode))
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` durable, on systems where folders can be synced."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_arrays(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, str]]:
    """Arrays and metadata of a safetensors file; a truncated or foreign file is refused whole.

    >>> from tempfile import NamedTemporaryFile
    >>> with NamedTemporaryFile() as file:
    ...     try:
    ...         ag.load_arrays(file.name)
    ...     except ag.StateError as error:
    ...         print(str(error).removeprefix(file.name))
    : is not a whole safetensors file (Error while deserializing: header too small)
    """
    try:
        size = os.path.getsize(path)
        if size > MAX_FILE:
            raise StateError(f"{path}: is {size:,} bytes; files of up to {MAX_FILE:,} are read")
        data = Path(path).read_bytes()
    except OSError as e:
        raise StateError(f"{path}: cannot be read: {e.strerror}") from None
    return unpacked_arrays(data, str(path))


def unpacked_arrays(data: bytes, path: str) -> tuple[dict[str, Array], dict[str, str]]:
    """The same for the content of a file; errors call it ``path``."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(data)
        metadata = json.loads((header(data).get("__metadata__") or {}).get("agcli", "{}"))
    except KeyError as e:  # the file is whole, but NumPy has no such dtype
        kind = e.args[0]
        name = next((k for k, v in header(data).items() if v.get("dtype") == kind), "")
        advice = "convert it to F32 where it was written, in torch with tensor.float()"
        raise StateError(f'{path}: tensor "{name}" is of type {kind}, which NumPy does not have; {advice}') from None
    except (SafetensorError, ValueError, RecursionError, struct.error) as e:
        raise StateError(f"{path}: is not a whole safetensors file ({e})") from None
    return {k: np.array(v) for k, v in arrays.items()}, metadata


def header(data: bytes) -> dict[str, dict[str, Any]]:
    """What a safetensors file says of its tensors: their types, shapes and places."""
    (length,) = struct.unpack("<Q", data[:8])
    found: dict[str, dict[str, Any]] = json.loads(data[8 : 8 + min(length, MAX_HEADER)])
    return found


def total(variables: Iterable[Tensor]) -> int:
    """Number of elements in all of ``variables``."""
    return sum(v.type.size for v in variables)
