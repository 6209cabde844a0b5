# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# For device tests of the agent: starts it, asks it, waits for what it does. Sourced after volumes.bash.

run=$work/run
log=$work/agent.log
agent=

# write_agent [SETTING...]: the [Agent] section; probes every second.
write_agent() {
        mkdir -p "$conf/luks-kms.conf.d" "$work/audit"
        {
                printf '[Key main]\nProbeInterval=%s\n[Key second]\nProbeInterval=%s\n' \
                        "${INTERVAL:-1s}" "${INTERVAL:-1s}"
                printf '[Agent]\nAuditLog=%s\nConfirmSpan=3s\nRungTimeout=10s\n' "$work/audit/audit.jsonl"
                [ $# = 0 ] || printf '%s\n' "$@"
        } >"$conf/luks-kms.conf.d/agent.conf"
}

start_agent() {
        "$build/agent/luks-kmsd" --config "$conf" --run "$run" --worker-socket /nonexistent >>"$log" 2>&1 &
        agent=$!
        for _ in $(seq 200); do
                [ ! -S "$run/control" ] || [ "$(ask status 2>/dev/null)" = "" ] || return 0
                kill -0 "$agent" 2>/dev/null || { cat "$log"; fail "the agent did not start"; }
                sleep 0.1
        done
        cat "$log"
        fail "the agent does not answer"
}

# stop_agent [SIGNAL]
stop_agent() {
        [ -n "$agent" ] || return 0
        kill -"${1:-TERM}" "$agent" 2>/dev/null || true
        wait "$agent" 2>/dev/null || true
        agent=
}

ask() {
        luks_kms --socket "$run/control" "$@"
}

# state_of VOLUME: the lease's
state_of() {
        ask --json why "$1" 2>/dev/null | sed -n 's/.*"volume":{[^}]*"state":"\([a-z]*\)".*/\1/p'
}

# until_ SECONDS COMMAND...: true as soon as the command is
until_() {
        local end=$((SECONDS + $1))
        shift
        while ! "$@"; do
                [ "$SECONDS" -lt "$end" ] || { tail -n 40 "$log"; fail "did not come: $*"; }
                sleep 0.1
        done
}
is_state() { [ "$(state_of "$1")" = "$2" ]; }
is_wiped() { dmsetup info -c --noheadings -o suspended "$1" 2>/dev/null | grep -q Suspended && dmsetup table --showkeys "$1" | awk '{ print $5 }' | grep -qE '^0+$'; }
is_live() { dmsetup info -c --noheadings -o suspended "$1" 2>/dev/null | grep -q Active; }
trap 'stop_agent KILL; tidy' EXIT
