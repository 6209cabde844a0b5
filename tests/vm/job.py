# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the host tells guest-runner to do, and what the programs that it runs see of the host."""

import os
import pathlib
import shlex

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent
RUNNER = HERE / "guest-runner"
SYSTEM_RUNNER = HERE / "guest-systemd"
GUEST_ENDPOINT = "https://10.0.2.100:8443"

# The guest has these folders of its own: what lies below them must be asked for.
HIDDEN = ("/tmp/", "/run/", "/dev/shm/")
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TERM")


def environment(extra, **own):
    """The environment of a program under test: extra holds NAME=VALUE, or NAME to pass it on."""
    values = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    values.update(own)
    for setting in extra:
        name, has_value, value = setting.partition("=")
        values[name] = value if has_value else os.environ[name]
    return values


def guest_drives(number):
    """The names under which the guest sees so many disks."""
    return " ".join(f"/dev/vd{chr(ord('a') + i)}" for i in range(number))


def visible_folders(programs, assets):
    """The folders below HIDDEN that the guest needs."""
    folders = [TREE, pathlib.Path.cwd(), pathlib.Path(assets["CACHE"])]
    folders += [program.parent for program in programs]
    return sorted({folder for folder in folders if str(folder).startswith(HIDDEN)})


def write(share, programs, values, limit):
    """Leaves a list of (folder for the results, program) in the share, and the environment."""
    with open(share / "env.sh", "w", encoding="utf-8") as file:
        file.writelines(f"export {name}={shlex.quote(v)}\n" for name, v in values.items())
        file.write(f"vm_limit={limit}\nvm_folder={shlex.quote(str(pathlib.Path.cwd()))}\n")
    with open(share / "tests", "w", encoding="utf-8") as file:
        file.writelines(f"{folder}\t{program}\n" for folder, program in programs)
    for folder, _ in programs:
        folder.mkdir(parents=True)
