"""The emulated object storage, as the gateway uses it."""

from shipmate.emulator import Platform
from shipmate.flow.gateway.ports import StoredFile


class EmulatedStorage:
    """Keeps attachments of requests behind signed URLs, and reads the files of replies."""

    def __init__(self, platform: Platform) -> None:
        """Use the storages of a platform."""
        self._platform = platform

    def store(self, content: bytes, content_type: str) -> str:
        """Store a file, and return the signed URL at which a step reads it."""
        return self._platform.steward.add(content, content_type)

    def read(self, object_id: str) -> StoredFile | None:
        """Return the file of a reply, None if the storage does not have it."""
        stored = self._platform.maester.objects.get(object_id)
        return None if stored is None else StoredFile(stored.data, stored.content_type)
