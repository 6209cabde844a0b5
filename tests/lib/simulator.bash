# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Sourced by tests that need a key service of their own.

# start_simulator DIR: starts tests/sim/aws-kms there, waits until it answers, sets $simulator to its
# process number. It ends with this shell at the latest; its folder is DIR/sim, its words are in DIR/sim.log.
start_simulator() {
        "$(dirname "${BASH_SOURCE[0]}")/../sim/aws-kms" --dir "$1/sim" --with-pid $$ >"$1/sim.log" 2>&1 &
        # shellcheck disable=SC2034  # the caller's
        simulator=$!
        until [ -e "$1/sim/ready" ]; do
                if ! kill -0 "$simulator" 2>/dev/null; then
                        echo "the KMS simulator did not start:" >&2
                        cat "$1/sim.log" >&2
                        return 1
                fi
                sleep 0.1
        done
}
