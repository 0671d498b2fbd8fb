#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the configuration of several servers onto a host as one."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_files
short_description: Put the configuration of several servers onto a host as one
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - Writes all files below a temporary root first, where O(validate) judges them. Only if it takes them they get to their places,
    each in one step, and the present ones are kept aside.
  - Until V(settled) says that the servers have come up with them, V(restored) brings back what was there before, and another run
    with V(present) returns the same servers again. So nothing is forgotten when a run ends in between.
options:
  state:
    description:
      - V(present) judges and writes O(files).
      - V(settled) forgets what was kept.
      - V(restored) puts back what was kept.
    type: str
    choices: [present, settled, restored]
    default: present
  directory:
    description: Where the present files are kept meanwhile. It is for root alone.
    type: path
    required: true
  files:
    description: The files, with V(present).
    type: list
    elements: dict
    default: []
    suboptions:
      dest:
        description: Its place.
        type: path
        required: true
      content:
        description: What stands in it.
        type: str
      secret_content:
        description: What stands in it, where no log and no diff may show it.
        type: str
      server:
        description: Names of the servers that have to read it anew when it changes.
        type: list
        elements: str
        default: []
      group:
        description: Its group. The owner is root.
        type: str
        default: root
      mode:
        description: Its mode, in octal.
        type: str
        default: "0644"
      present:
        description: Whether it should be there at all.
        type: bool
        default: true
  keep:
    description: Further files that are written by others, and put back together with these.
    type: list
    elements: path
    default: []
  validate:
    description: A script for sh that judges the files. Its first argument is the temporary root; what it says on standard error
      is the error message.
    type: str
  arguments:
    description: Further arguments of O(validate).
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Files are judged, and nothing is written.
    support: full
  diff_mode:
    description: Files with O(files[].secret_content) are named alone.
    support: partial
"""

EXAMPLES = r"""
- name: Write the configuration of Postfix
  ccsnet.op25b.config_files:
    directory: /var/lib/submission_relay/previous
    files:
      - {dest: /etc/postfix/main.cf, content: "{{ lookup('ansible.builtin.template', 'main.cf.j2') }}", server: postfix}
    validate: postfix -c "$1/etc/postfix" check
  register: written

- name: Forget the old one
  ccsnet.op25b.config_files:
    directory: /var/lib/submission_relay/previous
    state: settled
"""

RETURN = r"""
servers:
  description: Whose files have changed since the last V(settled) or V(restored).
  returned: always
  type: list
  elements: str
  sample: [postfix]
"""

import grp
import json
import os
import shutil
import stat
import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule

OPEN = "open.json"
"""In the directory: what was changed and is not settled: {"paths": {path: whether it was there}, "servers": [...]}."""


class MistakeError(Exception):
    """A sentence for the operator."""


class Kept:
    """What stood there before the changes that are not settled yet."""

    def __init__(self, directory):
        self.directory = directory
        try:
            with open(os.path.join(directory, OPEN), encoding="utf-8") as file:
                state = json.load(file)
        except FileNotFoundError:
            state = {}
        self.paths = state.get("paths", {})
        self.servers = state.get("servers", [])

    def keep(self, paths, servers):
        """Keep these aside. What is kept already is older, and was seen to work: it stays."""
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        os.chmod(self.directory, 0o700)
        for path in paths:
            if path not in self.paths:
                self.paths[path] = os.path.exists(path)
                if self.paths[path]:
                    os.makedirs(os.path.dirname(self._aside(path)), exist_ok=True)
                    copy(path, self._aside(path))
        self.servers = list(dict.fromkeys([*self.servers, *servers]))
        replace(
            os.path.join(self.directory, OPEN), json.dumps({"paths": self.paths, "servers": self.servers}).encode(), 0, 0, 0o600
        )

    def restore(self):
        """Put all of it back."""
        for path, was_there in self.paths.items():
            if was_there:
                copy(self._aside(path), path)
            elif os.path.exists(path):
                os.unlink(path)

    def forget(self):
        """It is over, whichever way."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _aside(self, path):
        return os.path.join(self.directory, path.lstrip("/"))


def copy(source, dest):
    """A copy with owner and mode, in one step."""
    there = os.stat(source)
    with open(source, "rb") as file:
        replace(dest, file.read(), there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode))


def replace(path, content, uid, gid, mode):
    """Write a file in one step; it is never there for others to read who may not."""
    handle, staged = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".")
    try:
        with os.fdopen(handle, "wb") as out:
            os.fchown(out.fileno(), uid, gid)
            os.fchmod(out.fileno(), mode)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(staged, path)
    except BaseException:
        os.unlink(staged)
        raise


class File:
    """One file as it should be."""

    def __init__(self, given):
        self.path, self.server, self.present = given["dest"], given["server"], given["present"]
        self.secret = given["secret_content"] is not None
        self.content = ((given["secret_content"] if self.secret else given["content"]) or "").encode()
        self.mode = int(given["mode"], 8)
        self.group = given["group"]

    @property
    def gid(self):
        """The number of its group, which a package may bring only later."""
        try:
            return grp.getgrnam(self.group).gr_gid
        except KeyError:
            raise MistakeError(f"There is no group {self.group} for {self.path} on this host; nothing was changed.") from None

    def now(self):
        """What stands there, with group and mode; None where there is nothing."""
        try:
            there = os.stat(self.path)
            with open(self.path, "rb") as file:
                return file.read(), there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode)
        except FileNotFoundError:
            return None

    def want(self):
        """The same of what should."""
        return (self.content, 0, self.gid, self.mode) if self.present else None

    def write(self):
        """Bring it to its place."""
        if self.present:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            replace(self.path, self.content, 0, self.gid, self.mode)
        else:
            os.unlink(self.path)

    def diff(self, now, want):
        """The change, for a person."""
        before, after = ("" if side is None else side[0].decode(errors="replace") for side in (now, want))
        if self.secret:
            before, after = "", "(not shown: it holds a secret)\n" if before != after else ""
        attributes = ["" if side is None else f"owner {side[1]}, group {side[2]}, mode {side[3]:04o}\n" for side in (now, want)]
        if attributes[0] != attributes[1]:
            before, after = attributes[0] + before, attributes[1] + after
        return {"before_header": self.path, "after_header": self.path, "before": before, "after": after}


def judge(files, script, arguments):
    """Let the script look at the files below a root of their own."""
    root = tempfile.mkdtemp(prefix="config_files.")
    try:
        for file in files:
            if file.present:
                path = os.path.join(root, file.path.lstrip("/"))
                os.makedirs(os.path.dirname(path), exist_ok=True)
                replace(path, file.content, 0, 0, file.mode)
        done = subprocess.run(
            ["/bin/sh", "-s", root, *arguments], input=script, capture_output=True, text=True, errors="replace", check=False
        )
    finally:
        shutil.rmtree(root)
    if done.returncode:
        said = done.stderr.replace(root, "").strip()
        raise MistakeError(
            said or f"The configuration was refused, without a word (exit {done.returncode}); nothing was changed."
        )


def present(module, kept):
    """Judge, keep, write."""
    files = [File(given) for given in module.params["files"]]
    changes = [(file, now, want) for file in files for now, want in [(file.now(), file.want())] if now != want]
    if changes and module.params["validate"]:
        judge(files, module.params["validate"], module.params["arguments"])
    servers = list(dict.fromkeys(server for file, _now, _want in changes for server in file.server))
    if changes and not module.check_mode:
        kept.keep([file.path for file, _now, _want in changes] + module.params["keep"], servers)
        try:
            for file, _now, _want in changes:
                file.write()
        except OSError:
            kept.restore()
            kept.forget()
            raise
    return {
        "changed": bool(changes),
        "servers": list(dict.fromkeys([*kept.servers, *servers])),
        "diff": [file.diff(now, want) for file, now, want in changes],
    }


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "settled", "restored"], "default": "present"},
            "directory": {"type": "path", "required": True},
            "files": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "dest": {"type": "path", "required": True},
                    "content": {"type": "str"},
                    "secret_content": {"type": "str", "no_log": True},
                    "server": {"type": "list", "elements": "str", "default": []},
                    "group": {"type": "str", "default": "root"},
                    "mode": {"type": "str", "default": "0644"},
                    "present": {"type": "bool", "default": True},
                },
                "mutually_exclusive": [("content", "secret_content")],
            },
            "keep": {"type": "list", "elements": "path", "default": []},
            "validate": {"type": "str"},
            "arguments": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
        # Whole files have no place in the host's syslog.
        no_log=True,
    )
    kept = Kept(module.params["directory"])
    try:
        if module.params["state"] == "present":
            result = present(module, kept)
        else:
            result = {"changed": bool(kept.paths), "servers": kept.servers}
            if not module.check_mode:
                if module.params["state"] == "restored":
                    kept.restore()
                kept.forget()
    except MistakeError as err:
        module.fail_json(msg=str(err))
    except OSError as err:
        module.fail_json(msg=f"The configuration could not be written: {err}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
