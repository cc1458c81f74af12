"""What is free is what machine and container leave; what does not fit is one line."""

from pathlib import Path

import psutil
import pytest

from nnrep.errors import UserError
from nnrep.host import memory

VERSION_2 = ("0::/job/one", "", ("memory.max", "memory.current"), "inactive_file")
VERSION_1 = (
    "3:cpu,cpuacct:/x\n5:memory:/job/one",
    "memory",
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    "total_inactive_file",
)


def group(root: Path, kind, path: str, limit: str, used: int, cached: int = 0) -> None:
    line, mount, (limit_name, used_name), cached_name = kind
    (root / "proc/self").mkdir(parents=True, exist_ok=True)
    (root / "proc/self/cgroup").write_text(line + "\n")
    folder = root / "sys/fs/cgroup" / mount / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / limit_name).write_text(f"{limit}\n")
    (folder / used_name).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\n{cached_name} {cached}\n")


@pytest.mark.parametrize("kind", [VERSION_1, VERSION_2], ids=["v1", "v2"])
def test_a_container_leaves_its_limit_less_what_it_uses_but_for_caches(tmp_path, kind):
    group(tmp_path, kind, "job/one", "1000", 700, 200)
    assert memory.container_memory(tmp_path) == 500
    group(tmp_path, kind, "job", "2000", 1900)  # the group above has more in it
    assert memory.container_memory(tmp_path) == 100


@pytest.mark.parametrize("kind", [VERSION_1, VERSION_2], ids=["v1", "v2"])
def test_in_a_container_the_path_may_be_that_of_the_host(tmp_path, kind):
    group(tmp_path, kind, "", "1000", 1200, 300)
    assert memory.container_memory(tmp_path) == 100


def test_without_a_limit_there_is_none(tmp_path):
    assert memory.container_memory(tmp_path) is None
    group(tmp_path, VERSION_2, "job/one", "max", 700)
    assert memory.container_memory(tmp_path) is None


def test_the_smaller_of_machine_and_container_is_free(monkeypatch):
    monkeypatch.setattr(memory, "container_memory", lambda: 10**6)
    assert memory.free_memory() == 10**6
    monkeypatch.setattr(memory, "container_memory", lambda: None)
    assert 0 < memory.free_memory() <= psutil.virtual_memory().total


def test_what_does_not_fit_is_one_line_with_a_choice_that_does(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 2 * 10**9)
    memory.require_memory(2e9, "system.n", "particles", "fewer")
    assert memory.fits(2e9)
    assert not memory.fits(3e9)
    assert memory.most_that_fit(20) == 10**8
    assert memory.most_that_fit(20, power=2) == 10**4
    with pytest.raises(
        UserError, match=r"^system\.n: all of it would take 3\.0 GB, and 2\.0 GB are free; choose"
    ):
        memory.require_memory(3e9, "system.n", "all of it", "fewer")
