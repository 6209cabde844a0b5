# SPDX-License-Identifier: LGPL-2.1-or-later
"""A virtual machine that does what the host tells it, one step after another, with a simulator of
the KMS beside it. tests/vm/memory and tests/vm/poweroff stand on this; it stands on machine.py. The
guest's end is tests/vm/guest-steps.
"""

import os
import pathlib
import subprocess
import time

import job
import machine

PATIENCE = 240
GUEST_SECONDS = 1800
SIM_SECONDS = 30
FLAGS = {
    0: "locked", 2: "referenced", 4: "dirty", 5: "lru", 6: "active", 7: "slab", 10: "buddy",
    11: "mmap", 12: "anon", 13: "swapcache", 20: "nopage", 26: "pgtable",
}  # fmt: skip


class Failed(Exception):
    """A station that was not reached, or a key where none may be."""


class Guest:
    """The machine and its simulator. folder is for all that they leave; it has disks of so many
    megabytes each."""

    def __init__(self, folder, build, disks, megabytes=1024):
        self.folder = folder
        self.build = build
        self.share = folder / "share"
        self.share.mkdir()
        self.images = []
        self.count = 0
        for number, size in enumerate(disks):
            image = folder / f"disk{number}"
            with open(image, "wb") as file:
                file.truncate(size << 20)
            self.images.append(image)
        self.simulator = simulate(self.share)
        port = int((self.share / "sim" / "port").read_text())
        self.endpoint = (self.share / "sim" / "ready").read_text().strip()
        self.vm = machine.Machine(
            self.share, drives=self.images, forward=port, megabytes=megabytes
        )
        values = job.environment(
            [], VM_SHARE=str(self.share), VM_NATIVE="0", DM_DISABLE_UDEV="1",
            VM_DRIVES=job.guest_drives(len(self.images)), KMS_ENDPOINT=job.GUEST_ENDPOINT,
            LUKS_KMS_BUILD=str(build),
        )  # fmt: skip
        program = job.HERE / "guest-steps"
        job.write(self.share, [(self.share / "results", program)], values, GUEST_SECONDS)
        self.vm.start(job.visible_folders([program, build / "agent"], self.vm.assets))

    def close(self):
        """Ends both."""
        self.vm.close()
        self.simulator.terminate()
        self.simulator.wait(10)

    def begin(self, what, commands):
        """Has the guest run them. Returns the file that tells that it has."""
        self.count += 1
        new = self.share / "do.new"
        new.write_text(f"# {what}\n{commands}\n")
        new.rename(self.share / f"do-{self.count}")
        return self.share / f"done-{self.count}"

    def said(self):
        """What the guest's program has written."""
        path = self.share / "results" / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def run(self, what, commands):
        """Has the guest run them, and waits."""
        done = self.begin(what, commands)
        end = time.monotonic() + PATIENCE
        while not done.exists():
            dead = not self.vm.running() or (self.share / "results" / "rc").exists()
            if dead or time.monotonic() > end:
                said = self.said() + self.vm.console_text(20)
                raise Failed(f"{what}: {'ended' if dead else 'no end'}\n{said[-6000:]}")
            time.sleep(0.05)

    def what_page(self, address):
        """What the kernel says the page of an address is."""
        out = self.share / "page"
        self.run(
            "page", f"dd if=/proc/kpageflags bs=8 skip={address >> 12} count=1 of={out} status=none"
        )
        flags = int.from_bytes(out.read_bytes()[:8], "little")
        return " ".join(name for bit, name in FLAGS.items() if flags >> bit & 1) or f"{flags:#x}"


def simulate(share):
    """Starts a KMS in the share."""
    program = job.TREE / "tests" / "sim" / "aws-kms"
    process = subprocess.Popen(
        [program, "--dir", share / "sim", "--with-pid", str(os.getpid())], stdin=subprocess.DEVNULL
    )
    end = time.monotonic() + SIM_SECONDS
    while not (share / "sim" / "ready").exists():
        if process.poll() is not None or time.monotonic() > end:
            raise Failed("the KMS simulator did not start")
        time.sleep(0.05)
    return process
