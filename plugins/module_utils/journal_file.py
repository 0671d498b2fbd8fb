# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal's file, on the controller or on the host that keeps it: several runs append at once, and nothing is ever changed.

Every function raises OSError with the name of the file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os


def append(path: str, data: bytes) -> int | None:
    """Write all of it in one piece behind what others wrote, and see that it is there.

    Returns how many bytes were there before; None where the file was made, as it is even when there is nothing to write.
    """
    new = writable(path) is None
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = os.fstat(file).st_size
        if data:
            _write(file, end, data)
        if new:
            _sync(directory)
        return None if new else end
    except OSError as err:
        raise OSError(err.errno, err.strerror, path) from None
    finally:
        os.close(file)


def _write(file: int, end: int, data: bytes) -> None:
    if end and os.pread(file, 1, end - 1) != b"\n":
        # A run that was killed left half of a line.
        data = b"\n" + data
    try:
        left = data
        while left:
            left = left[os.write(file, left) :]
        os.fsync(file)
        if os.pread(file, len(data) + 1, end) != data:
            raise OSError(errno.EIO, "what is there is not what was written")
    except OSError:
        # A full disk: half of a record is none.
        with contextlib.suppress(OSError):
            os.ftruncate(file, end)
        raise


def _sync(directory: str) -> None:
    """Let a new file's name survive a power cut, where the file system can promise that."""
    with contextlib.suppress(OSError):
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def writable(path: str) -> int | None:
    """See, without a change, that it could be written. Returns how many bytes are there; None where there is no file."""
    place = path
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    wrong = 0
    if os.path.isdir(path):
        wrong = errno.EISDIR
    elif place != path and not os.path.isdir(place):
        wrong = errno.ENOTDIR
    elif not os.access(place, os.W_OK if place == path else os.W_OK | os.X_OK):
        wrong = errno.EACCES
    if wrong:
        raise OSError(wrong, os.strerror(wrong), path)
    return os.path.getsize(path) if place == path else None


def read(path: str) -> bytes:
    """All of it, without half of what somebody writes at the moment; nothing where there is no file."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return file.read()
    except FileNotFoundError:
        return b""
    except OSError as err:
        raise OSError(err.errno, err.strerror, path) from None
