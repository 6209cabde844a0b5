# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Sourced by tests/interop/aws-*: starts a simulator (tests/sim) in a temporary directory and counts what held.
# Trusts nothing of the caller's AWS settings: HOME and every AWS_* variable are its own.

sim_dir=$(mktemp -d)
# shellcheck disable=SC2034 # for the scripts that source this
main_key=arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-000000000001
# shellcheck disable=SC2034
second_key=arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-000000000002
program=$(dirname "$(realpath "${BASH_SOURCE[0]}")")/../sim/aws-kms
failures=0 checks=0 sim_pid=

need() {
        command -v "$1" >/dev/null || { echo "SKIP: $1 is not installed (apt package $2)"; exit 77; }
}

sim_stop() {
        [ -z "$sim_pid" ] || { kill "$sim_pid" && wait "$sim_pid"; } || :
        rm -rf "$sim_dir"
}

sim_start() {
        unset "${!AWS_@}"
        export HOME=$sim_dir
        trap sim_stop EXIT
        "$program" --dir "$sim_dir/kms" --with-pid $$ &
        sim_pid=$!
        until [ -e "$sim_dir/kms/ready" ]; do
                kill -0 "$sim_pid" || { echo "FAIL: the simulator did not start"; exit 1; }
                sleep 0.02
        done
        sim_url=$(cat "$sim_dir/kms/ready")
        export sim_url
}

# check WHAT COMMAND…: the command must succeed
check() {
        checks=$((checks + 1))
        local what=$1
        shift
        if "$@" >"$sim_dir/out" 2>&1; then
                echo "ok: $what"
        else
                failures=$((failures + 1))
                echo "FAIL: $what"
                sed 's/^/    /' "$sim_dir/out"
        fi
}

# refused TYPE COMMAND…: the command must fail and name the error type
refused() {
        local type=$1
        shift
        ! "$@" >"$sim_dir/refusal" 2>&1 || { echo "it succeeded"; return 1; }
        cat "$sim_dir/refusal"
        grep -q "$type" "$sim_dir/refusal"
}

# logged PATTERN: the last request's line in the simulator's log
logged() {
        tail -n 1 "$sim_dir/kms/requests.log" | tee /dev/stderr | grep -- "$1" >/dev/null
}

finish() {
        echo "$((checks - failures)) of $checks held"
        [ "$failures" = 0 ]
}
