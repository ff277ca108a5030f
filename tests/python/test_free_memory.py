"""How much memory is left, from what the system and the container say."""

import pytest

from histobridge import memory


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Files as Linux writes them."""
    monkeypatch.setattr(memory, "SYSTEM", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path)

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / name.replace("_", ".")).write_text(text)

    return write


def test_free_memory_is_what_the_system_says():
    free = memory.free_memory()
    if free is None:
        pytest.skip("this system does not tell")
    assert 2**20 < free < 2**50


def test_the_tighter_of_system_and_container_counts(told):
    told(meminfo="MemTotal: 9 kB\nMemAvailable:   4096 kB\n")
    assert memory.free_memory() == 4096 * 1024
    told(memory_max="max\n", memory_current="5", memory_stat="")
    assert memory.free_memory() == 4096 * 1024
    told(memory_max="3000000\n", memory_current="1000000\n", memory_stat="anon 9\n")
    assert memory.free_memory() == 2_000_000


def test_files_that_a_container_has_read_take_no_room(told):
    told(memory_max="3000000", memory_current="2900000")
    told(memory_stat="active_file 7\ninactive_file 1900000\n")
    assert memory.free_memory() == 2_000_000


def test_where_no_one_tells_it_is_unknown(told):
    assert memory.free_memory() is None
    told(memory_max="1", memory_current="2", memory_stat="")
    assert memory.free_memory() == 0
