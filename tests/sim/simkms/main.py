# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line: start a simulator in a directory, switch its faults, list the faults."""
import argparse
import fcntl
import os
import signal
import sys
import threading

from . import faults


def _arguments(words):
    words_above = "AWS KMS over TLS, simulated. See tests/sim/README.md."
    parser = argparse.ArgumentParser(prog="aws-kms", description=words_above)
    parser.add_argument("--dir", help="where everything is kept: made if absent, one simulator at a time")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0, the default, takes a free one")
    parser.add_argument("--region", default="eu-west-1", help="of requests whose Host is not kms.REGION.amazonaws.com")
    parser.add_argument("--with-pid", type=int, metavar="PID", help="end when that process ends")
    parser.add_argument("--fault", metavar="'NAME [ARG] [xN]'", help="write DIR/fault, checked, and exit; 'none' heals")
    columns = "a fault to try, its verdict, its stage, its form, what it does"
    parser.add_argument("--faults", action="store_true", help=f"print them, tab-separated: {columns}")
    options = parser.parse_args(words)
    if not options.faults and not options.dir:
        parser.error("--dir is needed")
    return options


def _switch(directory, line):
    """Writes DIR/fault."""
    try:
        fault = None if line == "none" else faults.parse(line)
    except faults.BadFault as error:
        print(f"aws-kms: {error}", file=sys.stderr)
        return 2
    faults.FaultFile(directory).write(fault)
    return 0


def _lock(directory):
    """Takes DIR for this process; the kernel gives it back however the process ends."""
    descriptor = os.open(f"{directory}/lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"aws-kms: another simulator works in {directory}")


def _announce(directory, name, text):
    with open(f"{directory}/{name}.new", "w", encoding="utf-8") as stream:
        stream.write(text + "\n")
    os.replace(f"{directory}/{name}.new", f"{directory}/{name}")


def _withdraw(directory):
    for name in ("ready", "port"):
        try:
            os.unlink(f"{directory}/{name}")
        except FileNotFoundError:
            pass


def _serve(options):
    from . import certs, server, store  # here: what only switches a fault need not load botocore

    os.umask(0o022)  # what is private is made so by name; ca.pem and the logs are for other users as well
    os.makedirs(options.dir, exist_ok=True)
    _lock(options.dir)
    _withdraw(options.dir)
    contexts = certs.contexts(options.dir)
    keys, identities = store.KeyStore(options.dir), store.identities(options.dir)
    simulator = server.Simulator(options.dir, options.port, options.region, contexts, keys, identities)
    if options.with_pid:
        simulator.watched = os.pidfd_open(options.with_pid)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=simulator.shutdown).start())
    port = simulator.server_address[1]
    _announce(options.dir, "port", str(port))
    _announce(options.dir, "ready", f"https://127.0.0.1:{port}")
    simulator.serve_forever(poll_interval=0.1)
    simulator.server_close()
    _withdraw(options.dir)
    return 3 if simulator.bad_faults else 0


def main(words):
    """Exit status: 0, 2 for bad usage, 3 when DIR/fault ever held a line that is no fault."""
    options = _arguments(words)
    if options.faults:
        for name, arguments, stage, wire, verdict in faults.TABLE:
            example = f"{name} {faults.EXAMPLES.get(name, '')}".strip()
            print(example, verdict, stage, f"{name} {arguments}".strip(), wire, sep="\t")
        return 0
    if options.fault is not None:
        return _switch(options.dir, options.fault)
    return _serve(options)
