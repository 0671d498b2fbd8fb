#!/usr/bin/python
# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins of a Dovecot passwd-file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: passwd_file
short_description: Keep the logins of a Dovecot passwd-file
version_added: 0.1.0
author: the ccsnet.op25b contributors (@ccsnet)
description:
  - The file holds these logins and no others, each with a hash of its password.
  - A password that is given in clear is hashed on the managed host with bcrypt. Where the hash that stands in the file is
    already one of that password, it stays, so that a second run changes nothing.
  - Passwords never stand on a command line, in a log or in a diff. The file is replaced in one step.
options:
  path:
    description: The file.
    type: path
    required: true
  users:
    description: The logins.
    type: list
    elements: dict
    required: true
    suboptions:
      login:
        description: Name of the login, in lower case.
        type: str
        required: true
      password:
        description: The password in clear (from a vault), of at most 72 bytes.
        type: str
      password_hash:
        description: A hash as C(doveadm pw) gives it, of the schemes ARGON2ID, BLF-CRYPT or SHA512-CRYPT.
        type: str
extends_documentation_fragment: ansible.builtin.files
attributes:
  check_mode:
    description: Says whether the file would change.
    support: full
  diff_mode:
    description: A diff would show hashes.
    support: none
"""

EXAMPLES = r"""
- name: Two customers may send
  ccsnet.op25b.passwd_file:
    path: /etc/dovecot/submission_users
    owner: root
    group: dovecot
    mode: "0640"
    users:
      - {login: taro@ccsnet.ne.jp, password: "{{ vault_taro }}"}
      - {login: hanako@m2.ccsnet.ne.jp, password_hash: "{{ vault_hanako_hash }}"}
  no_log: true
"""

RETURN = r"""
changed:
  description: Whether the file was (in check mode, would be) changed.
  returned: always
  type: bool
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.ccsnet.op25b.plugins.module_utils import passwd

HEADER = "# Managed by Ansible (ccsnet.op25b.passwd_file): changes by hand are lost."


def read(path):
    """The hashes that stand in the file, by login."""
    try:
        with open(path, encoding="utf-8") as lines:
            fields = [line.rstrip("\n").split(":") for line in lines if not line.startswith("#")]
    except FileNotFoundError:
        return {}
    return {entry[0]: entry[1] for entry in fields if len(entry) > 1}


def entry(user, known):
    """The hash for one login; raises ValueError with a sentence that shows no secret."""
    login, password, given = user["login"], user["password"], user["password_hash"]
    if not login or any(sign in login for sign in ":\n#\0"):
        raise ValueError(f"'{login}' cannot be a login: a passwd-file has no place for ':', '#' and line breaks.")
    if given is not None:
        found = passwd.with_scheme(given)
        if found is None:
            raise ValueError(f"The password_hash of '{login}' is of no accepted scheme; give {passwd.SCHEMES}.")
        return found
    size = len(password.encode())
    if not 0 < size <= passwd.LONGEST or "\0" in password:
        raise ValueError(f"The password of '{login}' has {size} bytes; bcrypt takes 1 to {passwd.LONGEST}, without NUL.")
    return known if known and passwd.matches(password, known) else passwd.make(password)


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "users": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "login": {"type": "str", "required": True},
                    "password": {"type": "str", "no_log": True},
                    "password_hash": {"type": "str", "no_log": True},
                },
                "mutually_exclusive": [("password", "password_hash")],
                "required_one_of": [("password", "password_hash")],
            },
        },
        add_file_common_args=True,
        supports_check_mode=True,
    )
    path, users = module.params["path"], module.params["users"]
    known = read(path)
    try:
        wanted = {user["login"]: entry(user, known.get(user["login"])) for user in users}
    except ValueError as err:
        module.fail_json(msg=str(err))
    except OSError as err:
        module.fail_json(msg=f"Passwords cannot be hashed on this host: {err}; give password_hash instead.")
    if len(wanted) < len(users):
        logins = [user["login"] for user in users]
        twice = sorted({login for login in logins if logins.count(login) > 1})
        module.fail_json(msg=f"The users name {', '.join(twice)} more than once; leave one of each.")

    changed = wanted != known
    attributes = module.load_file_common_arguments(module.params)
    if changed and not module.check_mode:
        handle, staged = tempfile.mkstemp(dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write("\n".join([HEADER, *(f"{login}:{wanted[login]}" for login in sorted(wanted)), ""]))
                out.flush()
                os.fsync(out.fileno())
            # Before it gets its name: at no moment may the hashes stand there for others to read.
            module.set_fs_attributes_if_different(module.load_file_common_arguments(module.params, path=staged), False)
            os.replace(staged, path)
        except BaseException:
            os.unlink(staged)
            raise
    elif os.path.exists(path):
        changed = module.set_fs_attributes_if_different(attributes, changed)
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
