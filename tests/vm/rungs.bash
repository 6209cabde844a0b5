# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What the tests of the rungs share, beyond volumes.bash: a volume on a disk whose storage can stall, a
# logical volume on it, and what erasure_check() says. Sourced by tests/vm/t/rung-*.

# shellcheck source=tests/vm/volumes.bash
. "$(dirname "${BASH_SOURCE[0]}")/volumes.bash"

# A mapping that is suspended would hold the unmounting up.
tidy_rungs() {
        [ ! -e /dev/mapper/backend ] || release_backend
        luks_kms close --kill vol >/dev/null 2>&1 || true
        umount -l "$work/mnt" 2>/dev/null || true
        dmsetup remove --retry --force "$group-one" 2>/dev/null || true
        dmsetup remove --retry backend 2>/dev/null || true
        tidy
}
trap tidy_rungs EXIT

tool() {
        "$build/tests/vm/rung-tool" "$@"
}

# outcome NUMBER ACTION...: the rung must end so; what it said is in $work/out
outcome() {
        local want=$1 got=0
        shift
        tool "$@" >"$work/out" 2>&1 || got=$?
        cat "$work/out"
        [ "$got" = "$want" ] || fail "$*: $got, expected $want"
}
busy=6 inactive=7 foreign=8 late=9

# open_volume MIB: $uuid on $loop, open as vol. With a second argument the device is the mapping
# "backend" on the loop, which stall_backend stops.
open_volume() {
        new_disk "$1"
        device=$loop
        if [ $# -gt 1 ]; then
                dmsetup create backend --table "0 $(blockdev --getsz "$loop") linear $loop 0"
                device=/dev/mapper/backend
        fi
        write_volume vol "$device" local
        luks_kms format vol
        uuid=$(cryptsetup luksUUID "$device")
        mkdir -p "$work/mnt"
        luks_kms open vol
}

# The storage takes requests and answers none, until it is released.
stall_backend() {
        dmsetup suspend --noflush --nolockfs backend
}

release_backend() {
        dmsetup resume backend
}

group=group$$

# lvm(8) where no udevd runs
lvm_() {
        lvm "$1" --config 'devices { use_devicesfile=0 } activation { udev_sync=0 udev_rules=0 }' -qq "${@:2}"
}

# $lv on the mapping
make_lv() {
        lvm_ pvcreate -y /dev/mapper/vol
        lvm_ vgcreate "$group" /dev/mapper/vol
        lvm_ lvcreate -y -Zn -Wn -L 64M -n one "$group"
        lv=/dev/mapper/$group-one
}

remove_lv() {
        lvm_ vgchange -an "$group"
        lvm_ vgremove -f "$group"
}

proven() {
        tool erasure vol "$uuid" 5000 | tee "$work/out" | grep -q "^proven table=$1 mappings= keys=0$" ||
                fail "erasure is not proven as $1: $(cat "$work/out")"
}

# unproven TEXT: and the evidence names TEXT
unproven() {
        tool erasure vol "$uuid" 0 | tee "$work/out" | grep -q "^unproven .*$1" ||
                fail "erasure: $(cat "$work/out"), expected unproven for $1"
}
