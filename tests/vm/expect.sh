# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# Shared by the harness' own tests: run a program, keep what it said in $work/log, look for lines.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A driver killed by SIGKILL leaves its folders: here they go with the rest.
export TMPDIR=$work
failures=0

# Writes an executable script $1 whose body is stdin.
script() {
        { echo '#!/bin/bash' && cat; } >"$work/$1"
        chmod +x "$work/$1"
}

# Runs a command in $work; shows and keeps its output; its exit status goes to $status.
observe() {
        set +e
        (cd "$work" && "$@") >"$work/log" 2>&1
        status=$?
        set -e
        sed 's/^/  . /' "$work/log"
}

# Prints the result of the command $2... under the name $1.
result() {
        if "${@:2}"; then
                echo "ok $1"
        else
                echo "not ok $1"
                failures=$((failures + 1))
        fi
}
not() { ! "$@"; }
line() { grep -Eqx -- "$1" "$work/log"; }
ends_with() { [ "$status" = "$1" ] && [ "$(tail -n 1 "$work/log")" = "$2" ]; }
# A process that nobody has reaped yet counts as gone.
gone() { [[ $(ps -o stat= -p "$1") != [^Z]* ]]; }

finish() {
        [ "$failures" = 0 ] || { echo "$failures of the harness' own tests failed" && exit 1; }
}
