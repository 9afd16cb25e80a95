"""A half-written file never stands: not in the place of a good one, and not beside it."""

from pathlib import Path

import pytest

from logreg_parity.data.files import write_whole


def test_text_and_bytes_are_written(tmp_path):
    write_whole(tmp_path / "text", "σ(z)")
    write_whole(tmp_path / "bytes", b"\x00\xff")
    assert (tmp_path / "text").read_text(encoding="utf-8") == "σ(z)"
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"


def test_a_failure_half_way_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path, write = tmp_path / "report", Path.write_bytes
    write_whole(path, "old")

    def fail_half_way(self, content):
        write(self, content[: len(content) // 2])
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "write_bytes", fail_half_way)
    with pytest.raises(OSError, match="full"):
        write_whole(path, "something new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
