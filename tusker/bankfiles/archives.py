"""Files of banks that come packed: gzip, and zip with one file in it, unpacked within bounds."""

import io
import zipfile
import zlib

from tusker.bankfiles.texts import kept
from tusker.errors import UnreadableFile
from tusker.messages import say

MOST_PACKED = 200
"""How many times larger than its archive a file may be; XML of a bank shrinks to a twentieth at most."""
_MOST_MEMBERS = 100
_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
_PACKED = (_GZIP, *_ZIP)
_OF_ITS_OWN = ("[Content_Types].xml", "mimetype")
"""Files inside workbooks and documents, which are zip archives too."""
_BY_THE_WAY = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


def unpacked(data: bytes, largest: int) -> bytes:
    """The file inside an archive, or the bytes as they are where they are none, or are a workbook.

    Raises `UnreadableFile` for an archive that is damaged, encrypted, of several files, of another archive, or whose
    file has more than `largest` bytes or `MOST_PACKED` times those of the archive.
    """
    if data.startswith(_GZIP):
        inside = _gunzipped(data, largest)
    elif data.startswith(_ZIP):
        archive = _opened(data)
        if _is_document(archive):
            return data
        inside = _only_file(archive, largest)
    else:
        return data
    if inside.startswith(_PACKED) and not (inside.startswith(_ZIP) and _is_document(_opened(inside))):
        raise UnreadableFile("The archive holds another archive; unpack it first.")
    return inside


def _is_document(archive: zipfile.ZipFile) -> bool:
    return any(name in _OF_ITS_OWN for name in archive.namelist())


def _bound(packed: int, largest: int) -> int:
    return min(largest, packed * MOST_PACKED)


def _too_large(largest: int) -> UnreadableFile:
    return UnreadableFile(
        "The archive's file is larger than {largest} MB, or much larger than its archive; ask "
        "the bank for smaller files.",
        largest=largest // 1024 // 1024,
    )


def _gunzipped(data: bytes, largest: int) -> bytes:
    bound, out, rest = _bound(len(data), largest), b"", data
    try:
        # a gzip file may be several, one behind the other
        for _ in range(_MOST_MEMBERS):
            if not rest:
                return out
            stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            out += stream.decompress(rest, bound + 1 - len(out))
            if len(out) > bound:
                raise _too_large(largest)
            if not stream.eof:
                raise UnreadableFile("The gzip archive is cut off.")
            rest = stream.unused_data.lstrip(b"\0")
    except zlib.error:
        raise UnreadableFile("The gzip archive is damaged.") from None
    raise UnreadableFile("The gzip archive is of too many pieces; unpack it first.")


def _opened(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise UnreadableFile("The ZIP archive is damaged.") from None


def _only_file(archive: zipfile.ZipFile, largest: int) -> bytes:
    names = [
        info
        for info in archive.infolist()
        if not info.is_dir() and not any(part in info.filename for part in _BY_THE_WAY)
    ]
    if len(names) != 1:
        raise UnreadableFile(
            say("The ZIP archive holds {names} files; send one at a time.", names=len(names))
            if names
            else say("The ZIP archive is empty.")
        )
    [info] = names
    if info.flag_bits & 1:
        raise UnreadableFile(
            "“{filename}” in the ZIP archive is encrypted; unpack it first.", filename=kept(info.filename, 60)
        )
    bound = _bound(info.compress_size, largest)
    try:
        with archive.open(info) as file:
            inside = file.read(bound + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError, ValueError):
        raise UnreadableFile("The ZIP archive is damaged, or packed in a way that is not read.") from None
    if len(inside) > bound:
        raise _too_large(largest)
    return inside
