"""`stored`: `jax.jit` whose programs a later process runs without tracing them again.

JAX's compilation cache finds a program by its text, and to have the text is to trace and lower the
function, which takes longer than most else of a short run. Here a program is found by what decides its text,
see `naming`.
"""

import functools
import hashlib
import inspect
import os
import pickle
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding

from nnrep.energies.products import with_exact_products
from nnrep.host.devices import own_devices
from nnrep.host.memory import require_memory
from nnrep.host.naming import NamelessError, name_of, sources
from nnrep.host.programs import ProgramFolder, compiled_afresh
from nnrep.host.terminal import log
from nnrep.host.threads import usable_cores

WHOLE = "whole"  # folder of whole programs, in that of JAX's cache
DIGEST_BYTES = 32
# Of the kind that `host.compilation` counts as compilation.
EVENT = "/jax/core/compile/stored_program_duration"

# Programs that a process holds at most: each takes some 250 memory maps, of which Linux allows a process
# 65 530, and a sweep over many molecules meets many shapes.
HELD = 128
LAPACK = b"lapack_"  # how the names of its functions begin, in a program that calls one
_held: dict[Any, Callable | None] = {}

_kept: list[ProgramFolder] = []  # where programs are kept: one, or none


def keep_whole_programs(folder: Path | None, writable: bool = True) -> None:
    """Keep the programs of `stored` functions below a folder, an existing one; None: nowhere.

    Those of CPUs only: on other devices it has not been tried whether programs survive it.
    """
    _kept[:] = []
    if folder is not None and jax.default_backend() == "cpu":
        if writable:
            (folder / WHOLE).mkdir(exist_ok=True)
        _kept.append(_program_folder(folder / WHOLE, writable))


# One for a place, however often it is named: what is held of its programs stays so.
_program_folder = functools.cache(ProgramFolder)


class StoredFunction:
    """A function compiled by `jax.jit`, whose programs are kept if `keep_whole_programs` says where.

    Attributes:
        jitted: what `jax.jit` makes of it.
    """

    def __init__(self, function: Callable, static_argnames: Sequence[str] = (), **options: Any) -> None:
        """Nothing is compiled yet; the arguments are those of `jax.jit`."""
        functools.update_wrapper(self, function)
        self._function, self._name = function, function.__qualname__
        exact = with_exact_products(function)
        self.jitted = jax.jit(exact, static_argnames=static_argnames, **options)
        self._options = options
        self._is_static = [name in static_argnames for name in inspect.signature(function).parameters]

    def __reduce__(self) -> str:
        """Pickled, like other functions, by its name."""
        return self._name

    def __call__(self, *args: Any) -> Any:
        """The function's value; without a place for programs, or while another function is traced, JAX's."""
        if not _kept:
            return self.jitted(*args)
        static, traced = self._split(args)
        leaves, tree = jax.tree.flatten(traced)
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return self.jitted(*args)
        placed = own_devices()[0], *_spread(leaves)
        key = (self, _kept[0], static, tree, tuple(map(jax.typeof, leaves)), placed)
        if key not in _held:
            if len(_held) >= HELD:
                _held.clear()
                jax.clear_caches()  # which hold them as well
            _held[key] = self._compiled(args)
        compiled = _held[key]
        return self.jitted(*args) if compiled is None else compiled(*traced)

    def shapes(self, *args: Any) -> Any:
        """Shapes and types of its value, as `jax.eval_shape` gives them."""
        key = self._key("shapes", args)
        kept = None if key is None else _unpacked(_kept[0].get(key))
        if kept is not None:
            return kept
        shapes = jax.eval_shape(self.jitted, *args)
        if key is not None:
            _put(key, shapes)
        return shapes

    def temporary_bytes(self, *args: Any) -> int:
        """Bytes that its program takes beside arguments and value; it is compiled for that."""
        sizes = self.jitted.lower(*args).compile().memory_analysis()
        return 0 if sizes is None else int(sizes.temp_size_in_bytes)

    def _split(self, args: tuple) -> tuple[tuple, tuple]:
        """Static arguments, and those that are traced."""
        pairs = list(zip(self._is_static, args, strict=True))
        return tuple(x for static, x in pairs if static), tuple(x for static, x in pairs if not static)

    def _compiled(self, args: tuple) -> Callable | None:
        """The program of the traced arguments; None if it has no name.

        Raises:
            UserError: it would not fit into memory.
        """
        key = self._key("program", args)
        if key is None:
            return None
        traced = self._split(args)[1]
        compiled = _loaded(key, (traced, {}), _devices_of(jax.tree.leaves(traced)))
        if compiled is None:
            # A program that JAX has read from its own cache could not be kept once more.
            with compiled_afresh():
                compiled = self.jitted.lower(*args).compile()
            _keep(key, compiled)
        self._require_room(compiled)
        return compiled

    def _require_room(self, compiled: Any) -> None:
        """Raise `UserError` if what the program takes beside its arguments would not fit into memory."""
        sizes = compiled.memory_analysis()
        if sizes is not None:
            needed = sizes.temp_size_in_bytes + sizes.output_size_in_bytes
            require_memory(needed, "system", f"the program {self._name}", "a smaller system, modes or map")

    def _key(self, kind: str, args: tuple) -> str | None:
        """Under which what is made of such arguments is kept; None if it has no name, or nothing is kept."""
        if not _kept:
            return None
        static, traced = self._split(args)
        leaves, tree = jax.tree.flatten(traced)
        try:
            shapes = [*map(_name_of_shape, leaves), *map(_name_of_sharding, _spread(leaves))]
            own = name_of([kind, self._function, self._options, static, *shapes])
            text = "\n".join([own, _name_of_tree(tree), sources(), _surroundings()])
        except (NamelessError, RecursionError) as error:
            log().debug("a program of %s is not kept, as there is no name for %s", self._name, error)
            return None
        return f"{self._name}-{hashlib.sha256(text.encode()).hexdigest()}"


def stored(function: Callable | None = None, **options: Any) -> Any:
    """`jax.jit` for functions whose programs are worth keeping whole; positional arguments only."""
    return functools.partial(stored, **options) if function is None else StoredFunction(function, **options)


def _name_of_tree(tree: Any) -> str:
    node = tree.node_data()
    return "*" if node is None else f"{name_of(node)}[{','.join(map(_name_of_tree, tree.children()))}]"


def _name_of_shape(leaf: Any) -> str:
    aval = jax.typeof(leaf)
    return f"{aval.dtype}{aval.shape}{aval.weak_type}"


def _spread(leaves: Sequence[Any]) -> list[tuple[int, NamedSharding]]:
    """The leaves that lie on several devices: their places, and how; none where there is one device."""
    placed = ((at, getattr(leaf, "sharding", None)) for at, leaf in enumerate(leaves))
    return [(at, each) for at, each in placed if isinstance(each, NamedSharding) and each.num_devices > 1]


def _name_of_sharding(spread: tuple[int, NamedSharding]) -> str:
    """Which of the devices these are is nothing to the program."""
    at, sharding = spread
    return f"{at}: {dict(sharding.mesh.shape)} {sharding.spec}"


def _devices_of(leaves: Sequence[Any]) -> Sequence[jax.Device]:
    """Those that a program of such arguments runs on."""
    spread = _spread(leaves)
    return spread[0][1].mesh.devices.flatten().tolist() if spread else own_devices()[:1]


def _surroundings() -> str:
    """What else decides a program: JAX's settings, the device and the processor."""
    settings = {name: str(value) for name, value in sorted(jax.config.values.items()) if "cache" not in name}
    devices = [(each.platform, each.device_kind) for each in jax.devices()]
    # XLA cuts loops into as many parts as there are cores.
    return name_of([settings, devices, os.environ.get("XLA_FLAGS"), usable_cores(), _processor()])


@functools.cache
def _processor() -> list[str]:
    """What the processor is and can do, as programs are compiled for it."""
    lines: set[str] = set()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("model name", "flags", "Features")):
                lines.add(line)
    return [platform.machine(), platform.processor(), *sorted(lines)]


def _loaded(key: str, arguments: Any, devices: Sequence[jax.Device]) -> Callable | None:
    """The program that is kept under a key, if there is a whole one, for a tree of arguments on devices."""
    from jax.experimental import serialize_executable

    began = time.perf_counter()
    kept = _unpacked(_kept[0].get(key))
    if kept is None:
        return None
    program, value = kept
    if LAPACK in program:
        _prepare_lapack()
    trees = (jax.tree.structure(arguments), jax.tree.structure(value))
    try:
        compiled = serialize_executable.deserialize_and_load(program, *trees, execution_devices=devices)
    except Exception as error:  # of whatever library reads it
        log().debug("%s cannot be loaded: %s", key, error)
        return None
    jax.monitoring.record_event_duration_secs(EVENT, time.perf_counter() - began)
    return compiled


@functools.cache
def _prepare_lapack() -> None:
    """JAX looks for LAPACK's functions as it lowers a call of one of them; programs crash without them."""
    jax.jit(jax.lax.linalg.svd).lower(jax.ShapeDtypeStruct((1, 1), np.float32))


def _keep(key: str, compiled: jax.stages.Compiled) -> None:
    from jax.experimental import serialize_executable

    try:
        program, _, tree = serialize_executable.serialize(compiled)
    except Exception as error:  # not every program can be
        log().debug("%s is not kept: %s", key, error)
        _kept[0].release()
        return
    _put(key, (program, jax.tree.unflatten(tree, range(tree.num_leaves))))


def _put(key: str, value: Any) -> None:
    """Keep a value under a key, with a digest that tells whether it is whole."""
    try:
        body = pickle.dumps(value)
    except (pickle.PickleError, AttributeError, TypeError) as error:  # a function without a name, in a tree
        log().debug("%s is not kept: %s", key, error)
        _kept[0].release()
        return
    _kept[0].put(key, hashlib.sha256(body).digest() + body)


def _unpacked(content: bytes | None) -> Any:
    """What was put; None if there is nothing, or it is not whole."""
    if content is None or not is_whole(content):
        return None
    try:
        return pickle.loads(content[DIGEST_BYTES:])
    except (pickle.PickleError, AttributeError, ImportError) as error:
        log().debug("a program cannot be read: %s", error)
        return None


def is_whole(content: bytes) -> bool:
    """Whether a kept entry is as it was written."""
    return hashlib.sha256(content[DIGEST_BYTES:]).digest() == content[:DIGEST_BYTES]
