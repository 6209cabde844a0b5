# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the device tests share: a config, loop devices, the simulator's faults, and assertions that
# say what they saw. Sourced by tests/vm/t/*. The simulator runs on the host; its folder lies in the share.

set -eu

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${LUKS_KMS_BUILD:-$top/build}
sim=$VM_SHARE/sim
conf=/etc/luks-kms

main_key=aws-kms://arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-000000000001
second_key=aws-kms://arn:aws:kms:eu-west-1:111122223333:key/11111111-aaaa-4aaa-8aaa-000000000002

if [ "$VM_NATIVE" = 1 ]; then
        conf=$(mktemp -d)
fi
rm -f "$conf"/volumes.d/* "$conf"/luks-kms.conf.d/* # of the test before this one, in the same machine
work=$(mktemp -d /run/luks-kms-test.XXXXXX)
loops=()

luks_kms() {
        "$build/agent/luks-kms" --config "$conf" "$@"
}

fail() {
        echo "FAIL: $*" >&2
        exit 1
}

tidy() {
        local name
        rm -f "$sim/fault"
        umount -l "$work/mnt" 2>/dev/null || true
        for name in vol other; do
                [ ! -e "/dev/mapper/$name" ] || luks_kms close --kill "$name" >/dev/null || true
        done
        for name in ${loops[@]+"${loops[@]}"}; do
                losetup --detach "$name" || true
        done
        rm -rf "$work"
        # On this machine it was made for this test alone, and has its keys.
        [ "$VM_NATIVE" = 0 ] || rm -rf "$conf"
}
trap tidy EXIT
# A test that is over its time must not leave its devices.
trap 'exit 143' TERM

# new_disk MIB: sets $loop to a fresh loop device over $disk.
new_disk() {
        disk=$(mktemp "$work/disk.XXXXXX")
        truncate -s "$1M" "$disk"
        loop=$(losetup --find --show "$disk")
        loops+=("$loop")
}

# Keys: main and second at the simulator, local in a file.
write_keys() {
        local key
        mkdir -p "$conf/volumes.d"
        [ -e "$conf/platform.key" ] || (umask 077 && head -c 32 /dev/urandom >"$conf/platform.key")
        install -m 600 "$sim/credentials" "$conf/credentials"
        install -m 644 "$sim/ca.pem" "$conf/ca.pem"
        : >"$conf/luks-kms.conf"
        for key in "main $main_key" "second $second_key"; do
                printf '[Key %s]\nURI=%s\nCredentials=file:%s\nCAFile=%s\nEndpoint=%s\nTimeout=%s\n' \
                        "${key%% *}" "${key##* }" "$conf/credentials" "$conf/ca.pem" \
                        "$KMS_ENDPOINT" "${TIMEOUT:-20s}" >>"$conf/luks-kms.conf"
        done
        printf '[Key local]\nURI=platform:file\nKeyFile=%s\n' "$conf/platform.key" >>"$conf/luks-kms.conf"
}

# write_volume NAME DEVICE KEYS [SETTING...]
write_volume() {
        local name=$1 device=$2 keys=$3
        shift 3
        write_keys
        {
                printf '[Volume %s]\nDevice=%s\nRole=persistence\nKey=%s\n' "$name" "$device" "$keys"
                [ $# = 0 ] || printf '%s\n' "$@"
        } >"$conf/volumes.d/$name.conf"
}

# fault TEXT: the simulator's fault; none heals it.
fault() {
        if [ "$1" = none ]; then
                rm -f "$sim/fault"
        else
                printf '%s\n' "$1" >"$sim/fault.new"
                mv "$sim/fault.new" "$sim/fault"
        fi
}

# Number of requests that the simulator has answered.
requests() {
        wc -l <"$sim/requests.log" 2>/dev/null || echo 0
}

# refused EXIT WORD luks_kms-arguments...: must end with EXIT, say [WORD], and say what to do next.
refused() {
        local want=$1 word=$2 got=0
        shift 2
        luks_kms "$@" >"$work/out" 2>&1 || got=$?
        cat "$work/out"
        [ "$got" = "$want" ] || fail "$*: exit $got, expected $want"
        grep -qF "[$word]" "$work/out" || fail "$*: not refused as $word"
        grep -q '^  next: .' "$work/out" || fail "$*: no advice"
}

# A member of the section "default" of the simulator's credentials.
credential() {
        awk -F ' *= *' -v k="$1" '$1 == k { print $2; exit }' "$sim/credentials"
}

# decrypt DEVICE [curl-OPTION...]: asks the KMS for the secret of a volume's first token, of the main key,
# by a client that is not ours.
decrypt() {
        local wrapped uuid
        wrapped=$("$top/tests/lib/luks2-edit" "$1" get tokens.0.wrapped)
        uuid=$(cryptsetup luksUUID "$1")
        curl -sS --cacert "$sim/ca.pem" --aws-sigv4 aws:amz:eu-west-1:kms \
                --user "$(credential aws_access_key_id):$(credential aws_secret_access_key)" \
                -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: TrentService.Decrypt' \
                -d "{\"KeyId\":\"${main_key#aws-kms://}\",\"CiphertextBlob\":$wrapped,\"EncryptionContext\":{\"luks-kms:uuid\":\"$uuid\",\"luks-kms:role\":\"persistence\",\"luks-kms:use\":\"keyslot\"}}" \
                "${@:2}" "$KMS_ENDPOINT/"
}

# Nothing may become a block device, not even for a moment: each would cost the kernel an event. What
# udevd still makes of earlier ones (it watches for writers that close a device) must be over first.
events() {
        [ ! -e /run/udev/control ] || udevadm settle --timeout=20
        cat /sys/kernel/uevent_seqnum
}
