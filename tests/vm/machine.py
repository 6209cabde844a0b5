# SPDX-License-Identifier: LGPL-2.1-or-later
"""One virtual machine of the tests: QEMU's command line, its life and its snapshot.

tests/vm/run and tests/vm/powercut stand on this; it stands on tests/vm/prepare. Booting the kernel
takes seconds under emulation, so it is done once per kind of machine, up to the point where
guest-init waits for a word, and kept as a migration file. Each machine is then a new QEMU process
that starts from that file, with disks, shares and network of its own. VM_COLD=1 boots instead.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shlex
import signal
import subprocess
import tempfile
import threading
import time

import job
from qmp import MachineError, Monitor

BOOT_SECONDS = 120
# The kernel ends the child when the driver is killed without a chance to clean up.
DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]
ORDERLY_END = (0x10 << 1) | 1  # isa-debug-exit's status for the byte that guest-runner writes
KERNEL_OPTIONS = (
    "console=ttyS0 quiet loglevel=0 panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check "
    "random.trust_cpu=on cryptomgr.notests audit=0"
)
# A new generation id at each start makes the kernel reseed: no two machines of one snapshot draw
# the same random bytes. A debug-exit device gives the guest a way to end QEMU with a status.
HARDWARE = """
    -L /usr/share/seabios -L /usr/share/qemu
    -machine q35 -accel tcg,thread=multi -cpu max
    -nodefaults -no-user-config -display none -no-reboot
    -chardev stdio,id=console,signal=off -serial chardev:console
    -device isa-debug-exit,iobase=0xf4,iosize=0x04
    -device vmgenid,guid=auto -device virtio-rng-pci
    -device virtio-9p-pci,fsdev=host,mount_tag=host
    -device virtio-9p-pci,fsdev=share,mount_tag=share
    -device virtio-net-pci,netdev=net,romfile=
""".split()
SHARES = "local,security_model=none,multidevs=remap"


def prepared():
    """Runs tests/vm/prepare and returns what it made, as a dict of paths."""
    run = subprocess.run(
        [job.HERE / "prepare", "--cached"], stdout=subprocess.PIPE, text=True, check=False
    )
    if run.returncode != 0:
        raise MachineError("tests/vm/prepare failed")
    return dict(line.split("=", 1) for line in run.stdout.splitlines())


class Machine:
    """A QEMU process. share is a folder of the host that the guest may write to."""

    def __init__(self, share, *, drives=(), forward=None, cpus=2, megabytes=1024, assets=None):
        self.assets = assets or prepared()
        self.share = pathlib.Path(share).resolve()
        self.drives = list(drives)
        self.forward = forward
        self.cpus = cpus
        self.megabytes = megabytes
        self.process = None
        self.reader = None
        self.console = b""
        self.ready = threading.Event()
        # QEMU's sockets: a short path, and nothing that the guest can reach.
        self.private = tempfile.TemporaryDirectory(prefix="luks-kms-qemu-")
        self.from_snapshot = False

    @property
    def pid_file(self):
        """Where QEMU writes its process id."""
        return pathlib.Path(self.private.name, "pid")

    def describe(self):
        """Names the parts, for people."""
        version = subprocess.run(
            [self.assets["QEMU"], "--version"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.split()[3]
        how = "from a snapshot" if self.from_snapshot else "booted"
        return f"QEMU {version}, Linux {self.assets['RELEASE']}, {how}"

    def _fixed_arguments(self):
        """What makes the kind of machine: a snapshot fits only the same."""
        arguments = [self.assets["QEMU"]]
        if "QEMU_DATA" in self.assets:
            arguments += ["-L", self.assets["QEMU_DATA"]]
        arguments += [*HARDWARE, "-smp", str(self.cpus), "-m", f"{self.megabytes}M"]
        arguments += ["-append", KERNEL_OPTIONS]
        arguments += ["-kernel", self.assets["VMLINUX"], "-initrd", self.assets["INITRAMFS"]]
        for i in range(len(self.drives)):
            arguments += ["-device", f"virtio-blk-pci,drive=drive{i}"]
        return arguments

    def _own_arguments(self, drives, forward):
        """What belongs to this run."""
        net = "user,id=net,restrict=on,ipv6=off"
        if forward:
            relay = f"{self.assets['BUSYBOX']} nc 127.0.0.1 {forward}"
            net += f",guestfwd=tcp:10.0.2.100:8443-cmd:{relay}"
        arguments = ["-netdev", net, "-pidfile", str(self.pid_file)]
        arguments += ["-fsdev", f"{SHARES},id=host,path=/,readonly=on"]
        arguments += ["-fsdev", f"{SHARES},id=share,path={self.share}"]
        arguments += ["-qmp", f"unix:{self.private.name}/qmp,server=on,wait=off"]
        for i, drive in enumerate(drives):
            arguments += ["-drive", f"id=drive{i},if=none,format=raw,file={drive}"]
        return arguments

    def _spawn(self, arguments):
        self.console = b""
        self.ready.clear()
        self.process = subprocess.Popen(
            DIE_WITH_PARENT + arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read_console, args=[self.process], daemon=True)
        self.reader.start()
        return Monitor(f"{self.private.name}/qmp", self.running)

    def _read_console(self, process):
        with process.stdout as stream:
            while data := stream.read1(65536):
                self.console += data
                if b"vm-ready" in self.console:
                    self.ready.set()
        self.ready.set()

    def _boot(self, drives, forward):
        monitor = self._spawn(self._fixed_arguments() + self._own_arguments(drives, forward))
        if not self.ready.wait(BOOT_SECONDS) or b"vm-ready" not in self.console:
            self.kill()
            raise MachineError("the kernel did not boot:\n" + self.console_text())
        return monitor

    def _snapshot(self):
        """Returns the snapshot for this kind of machine, making it where there is none."""
        kind = "\n".join(self._fixed_arguments())
        key = hashlib.sha256(kind.encode()).hexdigest()[:16]
        path = pathlib.Path(self.assets["CACHE"], f"snapshot-{key}")
        with open(f"{path}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                os.utime(path)
                return path
            # Its disks are placeholders: guest-init reads no disk before the snapshot.
            monitor = self._boot(["null-co://"] * len(self.drives), None)
            new, done = shlex.quote(f"{path}.new"), shlex.quote(str(path))
            monitor.command("migrate-set-parameters", **{"max-bandwidth": 10**11})
            monitor.command("migrate", uri=f"exec:cat >{new} && mv {new} {done}")
            monitor.wait_for("query-migrate", "completed", ("failed",), BOOT_SECONDS)
            monitor.close()
            # QEMU has sent all when it says so, but cat has not written all.
            end = time.monotonic() + BOOT_SECONDS
            while not path.exists():
                if time.monotonic() > end:
                    raise MachineError("the snapshot could not be written")
                time.sleep(0.01)
            self.kill()
            return path

    def _restore(self):
        path = self._snapshot()
        incoming = ["-incoming", f"exec:cat {shlex.quote(str(path))}"]
        try:
            monitor = self._spawn(
                self._fixed_arguments() + self._own_arguments(self.drives, self.forward) + incoming
            )
            bad = ("internal-error", "shutdown")
            monitor.wait_for("query-status", "running", bad, BOOT_SECONDS)
        except MachineError:
            said = self.console_text()
            self.kill()
            raise MachineError(f"no start from {path}; remove it?\n{said}") from None
        self.from_snapshot = True
        return monitor

    def start(self, folders=(), runner=job.RUNNER):
        """Starts the guest's runner on the job in the share; it sees these folders of the host."""
        if os.environ.get("VM_COLD") == "1":
            monitor = self._boot(self.drives, self.forward)
        else:
            monitor = self._restore()
        monitor.close()
        words = {
            "vm_epoch": f"{time.time():.0f}",
            "vm_share": self.share,
            "vm_modules": self.assets["MODULES"],
            "vm_drives": len(self.drives),
            "vm_net": 1 if self.forward else 0,
            "vm_keep": " ".join(str(folder) for folder in folders),
            "vm_runner": runner,
        }
        lines = [f"{name}={shlex.quote(str(value))}\n" for name, value in words.items()]
        (self.share / "boot.sh").write_text("".join(lines))
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(b"go\n")
            self.process.stdin.flush()

    def save_memory(self, path):
        """All of the guest's memory at one moment, to a file. Below 2 GB it is one range from 0."""
        monitor = Monitor(f"{self.private.name}/qmp", self.running)
        try:
            monitor.command("stop")
            monitor.command("pmemsave", val=0, size=self.megabytes << 20, filename=str(path))
            monitor.command("cont")
        finally:
            monitor.close()

    def running(self):
        """Whether the QEMU process is alive."""
        return self.process is not None and self.process.poll() is None

    def ended_in_order(self):
        """Whether guest-runner came to its end."""
        return self.process is not None and self.process.poll() == ORDERLY_END

    def console_text(self, lines=80):
        """The end of what the guest's serial line and QEMU itself said."""
        if not self.running() and self.reader:
            self.reader.join(2)
        return "\n".join(self.console.decode(errors="replace").splitlines()[-lines:])

    def kill(self):
        """Ends the process, if any, and waits for it."""
        if self.process is not None:
            # The group: relays of --forward are its children.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process.stdin.close()

    def close(self):
        """Ends the process and removes the socket's folder."""
        self.kill()
        self.private.cleanup()
