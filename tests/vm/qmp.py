# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU's machine protocol on a UNIX socket, as far as tests/vm/machine.py needs it."""

import json
import socket
import time


class MachineError(Exception):
    """The machine did not come up, or not as it should."""


class Monitor:
    """A connection to one QEMU. alive tells whether that process still runs."""

    def __init__(self, path, alive):
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                if not alive():
                    raise MachineError("QEMU did not start") from None
                time.sleep(0.005)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        """Runs one command and returns its result."""
        try:
            self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
            self.file.flush()
            for line in self.file:
                answer = json.loads(line)
                if "return" in answer:
                    return answer["return"]
                if "error" in answer:
                    raise MachineError(f"{name}: {answer['error']['desc']}")
        except ConnectionError:
            pass
        raise MachineError(f"{name}: QEMU has gone")

    def wait_for(self, query, wanted, unwanted, seconds):
        """Polls a query until its status is the wanted one."""
        end = time.monotonic() + seconds
        status = None
        while time.monotonic() < end and status not in unwanted:
            status = self.command(query).get("status")
            if status == wanted:
                return
            time.sleep(0.005)
        raise MachineError(f"{query} says {status}, not {wanted}")

    def close(self):
        """Lets the connection go."""
        self.file.close()
        self.socket.close()
