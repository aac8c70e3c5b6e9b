"""Objects of a run are in files, and look as if they were not."""

from dataclasses import replace
from pathlib import Path

from shipmate.emulator.storage import StoredObject
from shipmate.flow.on_disk import OnDisk


def test_the_bytes_of_a_value_are_in_a_file_until_it_is_deleted(tmp_path: Path) -> None:
    objects: OnDisk[StoredObject] = OnDisk(
        tmp_path, lambda stored: stored.data, lambda stored, data: replace(stored, data=data)
    )
    objects["../a"] = StoredObject(b"first", "text/plain", {"q": "1"})
    objects["../a"] = StoredObject(b"second", "text/plain", {"q": "2"})
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"second"]
    assert objects["../a"] == objects.get("../a") == StoredObject(b"second", "text/plain", {"q": "2"})
    assert [each.data for each in objects.values()] == [b""]
    assert objects.get("b") is None
    del objects["../a"]
    assert list(tmp_path.iterdir()) == []
